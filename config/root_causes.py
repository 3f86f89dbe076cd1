"""Report one mistake once: a line in the wrong place puts everything below it at fault.

Each function looks for the mistake that somebody made: a missing name, an entry in another section, a misspelt key, a
line indented too little. It removes the faults that follow from the mistake.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from pydantic import BaseModel

from config.findings import Fault
from config.models.account import Account
from config.models.permission_policy import PermissionPolicy
from config.models.role import Role
from config.models.workspace import Workspace
from config.yaml.document import Path

_ENTRIES: dict[str, tuple[str, type[BaseModel]]] = {
    "workspaces": ("a workspace", Workspace),
    "accounts": ("an account", Account),
    "permission_policies": ("a permission policy", PermissionPolicy),
    "roles": ("a role", Role),
}
"""The word for the entries of each section."""

INDENT = "indent it, and the lines below it, under the entry that they belong to"


def without_echoes(faults: Sequence[Fault], data: Mapping[str, Any]) -> tuple[Fault, ...]:
    """Return the faults without those that only repeat another one."""
    for section in _ENTRIES:
        faults = _nameless(section, faults, data)
    for section in ("defaults", *_ENTRIES):
        faults = _misplaced(section, faults, data)
    return tuple(_misspelt(_without_for_each(_bare_documents(faults)), data))


def _nameless(section: str, faults: Sequence[Fault], data: Mapping[str, Any]) -> Sequence[Fault]:
    """Merge faults of entry keys in place of entry names: the line with the name above them is missing."""
    keys = _ENTRIES[section][1].model_fields.keys()
    entries = data.get(section)
    if not isinstance(entries, Mapping):
        return faults
    at_fault = {fault.path[1] for fault in faults if fault.path[:1] == (section,) and len(fault.path) > 1}
    lost = [key for key in entries if key in keys and key in at_fault]
    # A mapping with a key of an entry may be an entry, even if its name is that of a key.
    if all(isinstance(entries[key], Mapping) and entries[key].keys() & keys for key in lost):
        return faults
    message = f"`{lost[0]}` is read as a name here, not as a key, since the keys beside it are names"
    told = Fault("unknown-key", (section, lost[0]), message, INDENT, of_key=True, hides=True)
    replaced = {(section, key) for key in lost}
    return [*(fault for fault in faults if fault.path[:2] not in replaced), told]


def _misplaced(section: str, faults: Sequence[Fault], data: Mapping[str, Any]) -> Sequence[Fault]:
    """Merge faults of entries under the wrong section: the line of their section above them is missing."""
    entries = data.get(section)
    if not isinstance(entries, Mapping):
        return faults
    own = _ENTRIES[section][1].model_fields.keys() if section in _ENTRIES else frozenset()
    unknown = {fault.path[1] for fault in faults if fault.path[:1] == (section,) and fault.rule == "unknown-key"}
    homes = {name: home for name in unknown if (home := _home_of(entries.get(name), own)) is not None}
    if not homes:
        return faults
    first = next(name for name in entries if name in homes)
    home = homes[first]
    others = [fault for fault in faults if fault.path[:1] != (section,) or fault.path[1] not in homes]
    if any(fault.path[-1:] == (home,) and fault.rule == "unknown-key" for fault in others):
        return others  # the section's line exists, and is indented
    message = f"`{first}` has the keys of {_ENTRIES[home][0]}, but is under `{section}`"
    hint = f"move it, and all others of that kind, under `{home}:`"
    return [*others, Fault("unknown-key", (section, first), message, hint, of_key=True, hides=True)]


def _home_of(entry: Any, own: AbstractSet[str]) -> str | None:  # noqa: ANN401 - raw data
    """Return the section whose entries have all keys of an entry, if the entry's own section lacks most of them."""
    if not isinstance(entry, Mapping) or len(entry.keys() & own) >= len(entry.keys() - own):
        return None
    return next((name for name, (_, model) in _ENTRIES.items() if entry.keys() <= model.model_fields.keys()), None)


OF_DOCUMENT = frozenset({"Version", "Statement", "Id"})
"""Keys of a policy document."""


def _bare_documents(faults: Sequence[Fault]) -> Sequence[Fault]:
    """Merge faults of policy document keys beside ``document``, or without it."""
    bare: dict[Path, str] = {}
    for fault in faults:
        if fault.rule == "unknown-key" and fault.path[0] == "permission_policies" and fault.path[2:] != ():
            key = str(fault.path[-1])
            if len(fault.path) == len(("permission_policies", "name", key)) and key in OF_DOCUMENT:
                bare.setdefault(fault.path[:2], key)
    told = [
        Fault(
            "unknown-key", (*entry, key), f"`{key}` is a key of a policy document, but is not inside one",
            "put it under `document:`, and indent it deeper", of_key=True,
        )
        for entry, key in bare.items()
    ]  # fmt: skip
    return [*(fault for fault in faults if fault.path[:2] not in bare), *told]


def is_permission_policies(value: Any) -> bool:  # noqa: ANN401 - raw data
    """Tell whether a value has the form of the section `permission_policies`, so that only its indent is wrong."""
    keys = PermissionPolicy.model_fields.keys()
    return isinstance(value, Mapping) and all(
        isinstance(each, Mapping) and each.keys() & keys for each in value.values()
    )


def _without_for_each(faults: Sequence[Fault]) -> Sequence[Fault]:
    """Merge the faults of all family variables in one role: its ``for_each`` is missing or misspelt."""
    told = {fault.path[:2] for fault in faults if fault.rule == "unknown-key" and fault.meant == "for_each"}
    kept: list[Fault] = []
    for fault in faults:
        if fault.path[:1] == ("roles",) and fault.rule == "bad-variable" and fault.meant == "for_each":
            if fault.path[:2] in told:
                continue
            told.add(fault.path[:2])
        kept.append(fault)
    return kept


def _misspelt(faults: Sequence[Fault], data: Mapping[str, Any]) -> list[Fault]:
    """Drop the fault of a missing key if the same mapping has it misspelt, or has no known key at all."""
    unknown: dict[Path, list[Fault]] = {}
    for fault in faults:
        if fault.rule == "unknown-key":
            unknown.setdefault(fault.path[:-1], []).append(fault)

    def is_told(missing: Fault) -> bool:
        beside = unknown.get(missing.path, [])
        meant = {fault.meant for fault in beside}
        holder: Any = data
        for part in missing.path if beside else ():
            holder = holder[part]
        return bool(beside) and ((missing.meant is not None and missing.meant in meant) or len(beside) == len(holder))

    return [fault for fault in faults if fault.rule != "missing-key" or not is_told(fault)]
