"""``allow: {rule-id: reason}``: silence a warning at its place after a review, and show it with the reason.

An error is never silenced: IAM would refuse it, or access would differ from the inventory. Guardrails are never
silenced either.
"""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple

from pydantic import BeforeValidator

from config.catalogue import RULES
from config.findings import Fault, Finding, did_you_mean, fault
from config.json_schema_hints import Named, example, looks_of
from config.models.scalars import Reason, describe
from config.yaml.document import Path

UNUSED = "unused-allow"
"""The rule that reports an ``allow`` which silences nothing; nothing silences it."""


_NEVER = {
    UNUSED: "is about `allow` itself",
    "stale-lock": "is about inventory.lock.yaml, which has no `allow`",
}
"""Warnings that are never accepted, and why."""


def can_be_allowed(rule: str) -> bool:
    """Tell whether a rule can be silenced: it is a warning about something that can have an ``allow`` beside it."""
    return RULES[rule].level == "warning" and rule not in _NEVER


def _rule_id(value: object) -> str:
    known = sorted(rule for rule in RULES if can_be_allowed(rule))
    if not isinstance(value, str) or value not in RULES:
        hint = did_you_mean(str(value), known, f"the rules that can be allowed are {', '.join(known)}", parts=True)
        raise fault("bad-allow", f"there is no rule {describe(value)}", hint)
    if not can_be_allowed(value):
        hint = "correct what it reports; only warnings can be allowed"
        what = "is an error" if RULES[value].level == "error" else _NEVER[value]
        raise fault("bad-allow", f"{value} {what}, so it can never be allowed", hint)
    return value


_SAYS = "Warnings that are accepted here: {RULE-ID: reason}."
_EXAMPLE = {"expired": "kept for the auditors until spring"}


def _allow_schema() -> dict[str, Any]:
    """Return the schema of ``Allow``: the rules as properties, which editors complete and explain."""
    reason = looks_of(Reason).schema
    rules = {rule: {**reason, "description": RULES[rule].asks} for rule in sorted(RULES) if can_be_allowed(rule)}
    return {
        "title": "allow",
        "description": _SAYS,
        "examples": [_EXAMPLE],
        "type": "object",
        "properties": rules,
        "additionalProperties": False,
    }


Allow = Annotated[
    dict[Annotated[str, BeforeValidator(_rule_id)], Reason], Named(_allow_schema()), example(_EXAMPLE, since="0.1")
]
"""By rule id, why its finding is accepted here."""


@dataclass(frozen=True, slots=True, order=True)
class Silenced:
    """A finding that an ``allow`` silences, and the reason given there."""

    finding: Finding
    reason: str


class Accepted(NamedTuple):
    """The reason that an ``allow`` gives, and where: ``("roles", "deploy", "allow", "expired")``."""

    reason: str
    path: Path


def accepted(data: Mapping[str, Any], rule: str, path: Path) -> Accepted | None:
    """Return why a finding at ``path`` is accepted: by the nearest entry around it that allows its rule."""
    if not can_be_allowed(rule):
        return None
    nearest = None
    entry: Any = data
    for depth, part in enumerate((*path, None)):
        allowed = entry.get("allow") if isinstance(entry, Mapping) else None
        if isinstance(allowed, Mapping) and isinstance(allowed.get(rule), str):
            nearest = Accepted(allowed[rule], (*path[:depth], "allow", rule))
        entry = _child(entry, part)
    return nearest


def unused_allows(data: Mapping[str, Any], used: AbstractSet[Path]) -> Iterator[Fault]:
    """Yield a fault for every ``allow`` whose path is not among those that silence something."""
    hint = "remove it, since it would hide a later finding"
    for path in _allows(data):
        if path not in used:
            yield Fault(UNUSED, path, f"{path[-1]} is not reported here", hint, of_key=True)


def _child(data: Any, part: str | int | None) -> Any:  # noqa: ANN401 - raw data
    if isinstance(data, Mapping):
        return data.get(part)
    if isinstance(data, list) and isinstance(part, int) and part < len(data):
        return data[part]
    return None


def _allows(data: Mapping[str, Any]) -> Iterator[Path]:
    yield from _allows_of(data.get("defaults"), ("defaults",))
    for section in ("workspaces", "accounts", "permission_policies", "roles"):
        entries = data.get(section)
        for key, entry in entries.items() if isinstance(entries, Mapping) else ():
            yield from _allows_of(entry, (section, key))


def _allows_of(entry: Any, at: Path) -> Iterator[Path]:  # noqa: ANN401 - raw data
    if not isinstance(entry, Mapping):
        return
    if isinstance(allowed := entry.get("allow"), Mapping):
        yield from ((*at, "allow", rule) for rule in allowed)
    for inner in ("repositories", "plan_role", "trust"):
        match entry.get(inner):
            case list() as items if inner == "trust":
                for index, item in enumerate(items):
                    yield from _allows_of(item, (*at, inner, index))
            case Mapping() as repositories if inner == "repositories":
                for key, item in repositories.items():
                    yield from _allows_of(item, (*at, inner, key))
            case Mapping() as plan if inner == "plan_role":
                yield from _allows_of(plan, (*at, inner))
