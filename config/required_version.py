"""The versions of this program that an inventory allows: its key ``requires``.

It is judged before everything else of an inventory: an older program would report the grammar of a newer one as faults,
and a newer one could deploy the same inventory differently.
"""

import re
from collections.abc import Mapping
from importlib.metadata import version
from typing import Annotated, Any

from pydantic import BeforeValidator

from config.findings import Fault, fault
from config.json_schema_hints import Looks
from config.models.scalars import not_text, parse_text

PROGRAM = "bitbucket-aws-oidc"

_NUMBER = r"[0-9]{1,9}(?:\.[0-9]{1,9}){0,9}"
_CLAUSE = "|".join(
    (
        r"(?:[<>]=?|[=!]=)\s*" + _NUMBER + r"(?:(?:a|b|rc)[0-9]{1,9})?",
        r"[=!]=\s*" + _NUMBER + r"\.\*",
        r"~=\s*[0-9]{1,9}(?:\.[0-9]{1,9}){1,9}",
    )
)
_RANGE = rf"(?:{_CLAUSE})(?:\s*,\s*(?:{_CLAUSE}))*"
"""Version specifiers: https://packaging.python.org/en/latest/specifications/version-specifiers/."""

_EXAMPLE = ">=0.1,<1"
_PART = re.compile(rf"([<>=!^~]*)\s*v?({_NUMBER})(\.[x*])?[\s,;&|]*(?:and\b)?[\s,;&|]*", re.ASCII | re.IGNORECASE)


def _requires(value: object) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        message = f"expected versions with a comparison each, found the number {value}"
        raise fault("wrong-type", message, f'write "{_meant(str(value))}"')
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        raise fault("wrong-type", "expected one text, found a list", f'write "{_meant(",".join(value))}"')
    if not isinstance(value, str):
        raise not_text(value)
    text = parse_text(value)
    if re.fullmatch(_RANGE, text, re.ASCII) is None:
        message = f"expected versions, each after a comparison, found {text!r}"
        raise fault("bad-value", message, f'write "{_meant(text)}"')
    return text


def _meant(text: str) -> str:
    """Return the range that somebody probably meant: ``>=0.1,<0.2`` for ``^0.1``, else an example."""
    text = text.strip()
    parts: list[str] = []
    position = 0
    while (match := _PART.match(text, position)) is not None:
        position = match.end()
        parts += _clauses(*match.groups())
    meant = ",".join(parts)
    return meant if parts and position == len(text) and re.fullmatch(_RANGE, meant) else _EXAMPLE


_COMPARISONS = {"=>": ">=", "=<": "<=", "=": "==", "===": "==", "<>": "!="}


def _clauses(comparison: str, number: str, wildcard: str | None) -> list[str]:
    """Return the clauses for one of another tool, such as ``^0.1`` of npm, ``~> 0.1`` of Terraform, ``0.1.x``."""
    if not comparison or (wildcard and comparison == "="):
        return [f"=={number}.*" if wildcard or number.count(".") < _FULL else f"=={number}"]
    if comparison[0] in "^~" and comparison != "~=":
        numbers = [int(part) for part in number.split(".")]
        kept = numbers[:1] if comparison == "^" and numbers[0] else [*numbers, 0][:2]
        return [f">={number}", f"<{'.'.join(str(part) for part in [*kept[:-1], kept[-1] + 1])}"]
    return [f"{_COMPARISONS.get(comparison, comparison)}{number}{'.*' if wildcard else ''}"]


_FULL = 2
"""Dots in a whole version."""

Requires = Annotated[
    str,
    BeforeValidator(_requires),
    Looks("versions", f'versions with a comparison each, such as "{_EXAMPLE}"', _EXAMPLE, _RANGE),
]


def check_version(data: Mapping[str, Any]) -> Fault | None:
    """Return the fault of an inventory that does not allow the running version; ``None`` if it allows it.

    A value that is no range of versions has its own fault as any other value.
    """
    required = data.get("requires")
    if not isinstance(required, str) or re.fullmatch(_RANGE, required, re.ASCII) is None:
        return None
    from packaging.specifiers import SpecifierSet  # noqa: PLC0415 - most inventories do not need it

    running = version(PROGRAM)
    if SpecifierSet(required).contains(running, prereleases=True):
        return None
    message = f"this inventory requires {PROGRAM} {required}, and this is version {running}"
    hint = "install a version in that range (in pipelines: its image), or change `requires`"
    return Fault("other-version", ("requires",), message, hint)
