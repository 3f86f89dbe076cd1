"""Names for resources that are given none.

Source: https://www.pulumi.com/docs/iac/concepts/resources/names/#autonaming
"""

import hashlib
import re
import secrets

from sandbox.engine.values import UNKNOWN, Properties

_DIGITS = 7
_PREFIX_DIGITS = 26


def with_name(logical_name: str, old: Properties, inputs: Properties, seed: bytes) -> Properties:
    """Fill in ``name`` where it is absent: the old one, or a new one that nothing else has.

    Args:
        logical_name: The resource's name in the program; ``{logical name}-{7 hexadecimal digits}`` is the form.
        old: The inputs of the last run.
        inputs: The inputs as given; ``namePrefix`` takes the place of the logical name.
        seed: Pulumi's random seed; the same seed gives the same name. Empty: a name by chance.
    """
    if inputs.get("name") is not None:
        return inputs
    prefix, former = inputs.get("namePrefix"), old.get("name")
    same_prefix = prefix == old.get("namePrefix")
    if isinstance(former, str) and same_prefix and (prefix or former.startswith(f"{logical_name}-")):
        return {**inputs, "name": former}
    digits = hashlib.sha256(seed).hexdigest() if seed else secrets.token_hex(_PREFIX_DIGITS)
    if prefix == UNKNOWN:
        return {**inputs, "name": UNKNOWN}
    made = f"{prefix}{digits[:_PREFIX_DIGITS]}" if prefix else f"{logical_name}-{digits[:_DIGITS]}"
    return {**inputs, "name": made}


def is_made_up(logical_name: str, inputs: Properties) -> bool:
    """Say whether the name in checked inputs is one of ``with_name``, by its form; a prefix makes it one, too."""
    made = re.escape(logical_name) + f"-[0-9a-f]{{{_DIGITS}}}"
    return bool(inputs.get("namePrefix")) or re.fullmatch(made, str(inputs.get("name"))) is not None
