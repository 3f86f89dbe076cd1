"""Read a rendered trust policy strictly: what is not known to this program's own policies is a flaw.

A statement is good when it has these elements and no others: ``Allow``, the OIDC provider of one issuer in the role's
own account, ``sts:AssumeRoleWithWebIdentity``, and a condition with ``aud`` by ``StringEquals``, ``sub`` by
``StringLike``, and at most a place and an end. So there is no denial, no second principal, no set operator and no
``…IfExists``, of which the latter two hold when a key is missing
(https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html).
"""

from collections.abc import Mapping
from typing import Any

from access.exactness.gates import EVERYWHERE, Gate

_PLACES = (("IpAddress", "aws:SourceIp"), ("StringEquals", "aws:SourceVpce"))
_END = ("DateLessThan", "aws:CurrentTime")


class FlawError(Exception):
    """A trust policy has something that this program never renders on purpose."""


def rendered_gates(document: Mapping[str, Any], oidc_providers: str) -> dict[Gate, set[str]]:
    """Return what a trust policy admits: for each gate the patterns of subjects that may pass.

    Args:
        document: The trust policy as parsed JSON.
        oidc_providers: What the ARN of an OIDC provider begins with: ``arn:aws:iam::222222222222:oidc-provider/``.

    Raises:
        FlawError: It has an element, operator or key that it must not have, or lacks one.
    """
    if document.keys() != {"Version", "Statement"} or document["Version"] != "2012-10-17":
        raise FlawError(f"the policy has {', '.join(document)} and version {document.get('Version')}")
    if not isinstance(document["Statement"], list):
        raise FlawError("the policy has no list of statements")
    admitted: dict[Gate, set[str]] = {}
    for index, statement in enumerate(document["Statement"]):
        try:
            gates, patterns = _statement(statement, oidc_providers)
        except FlawError as flaw:
            raise FlawError(f"statement {index}: {flaw}") from None
        for gate in gates:
            admitted.setdefault(gate, set()).update(patterns)
    return admitted


def _statement(statement: object, oidc_providers: str) -> tuple[list[Gate], list[str]]:
    if not isinstance(statement, Mapping) or statement.keys() != {"Effect", "Principal", "Action", "Condition"}:
        raise FlawError(f"it is {statement!r}")
    if statement["Effect"] != "Allow" or statement["Action"] != "sts:AssumeRoleWithWebIdentity":
        raise FlawError(f"it says {statement['Effect']} {statement['Action']}")
    principal = statement["Principal"]
    arn = principal.get("Federated") if isinstance(principal, Mapping) and len(principal) == 1 else None
    if not isinstance(arn, str) or not arn.startswith(oidc_providers):
        raise FlawError(f"its principal is {principal}")
    issuer = arn.removeprefix(oidc_providers)
    try:
        tests = {
            (operator, key): _texts(values)
            for operator, keys in statement["Condition"].items()
            for key, values in keys.items()
        }
    except AttributeError:
        raise FlawError(f"its condition is {statement['Condition']!r}") from None
    audiences = tests.pop(("StringEquals", f"{issuer}:aud"), None)
    patterns = tests.pop(("StringLike", f"{issuer}:sub"), None)
    if not audiences or not patterns:
        raise FlawError(f"it does not compare {'sub' if audiences else 'aud'}")
    until = tests.pop(_END, [""])
    places = [(key, frozenset(tests.pop((operator, key)))) for operator, key in _PLACES if (operator, key) in tests]
    if tests or len(places) > 1 or len(until) > 1:
        shown = [f"{operator} of {key}" for operator, key in tests] or [key for key, _ in places] or until
        raise FlawError(f"its condition has {', '.join(shown)}")
    place = places[0] if places else EVERYWHERE
    return [Gate(issuer, audience, place, until[0]) for audience in audiences], patterns


def _texts(values: object) -> list[str]:
    """Return the values of a key; a policy variable would be something else than what stands there."""
    listed = values if isinstance(values, list) else [values]
    texts = [value for value in listed if isinstance(value, str) and "${" not in value]
    if len(texts) < len(listed):
        raise FlawError(f"it compares with {values!r}")
    return texts
