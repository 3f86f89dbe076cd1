"""The reports of a run of an engine: steps and messages while it runs, a summary at its end."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Operation(StrEnum):
    """An operation on one resource."""

    SAME = "same"
    CREATE = "create"
    IMPORT = "import"
    """An existing AWS resource is imported into the stack, unchanged (the option ``import_``)."""
    UPDATE = "update"
    REPLACE = "replace"
    """The new resource of a replacement is created."""
    DELETE = "delete"
    DELETE_REPLACED = "delete-replaced"
    """The old resource of a replacement is deleted."""
    DISCARD = "discard"
    """Dropped from the state, kept in AWS (the option ``retain_on_delete``, or a program that now only reads it)."""
    REFRESH = "refresh"
    """The state was updated from AWS."""
    FORGET = "forget"
    """AWS no longer has it, so it is dropped from the state."""


class Phase(StrEnum):
    """Where a step is."""

    BEGUN = "begun"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True)
class PropertyChange:
    """One property of a resource before and after; ``None`` if it is absent.

    Attributes:
        old: The old value.
        new: The new value.
        forces_replacement: Whether this change cannot be made in place.
    """

    old: object
    new: object
    forces_replacement: bool = False


@dataclass(frozen=True)
class Step:
    """One operation on one resource.

    Attributes:
        urn: The resource's URN.
        type: Its type token, such as ``aws:iam/role:Role``.
        name: Its logical name.
        operation: The operation on the resource.
        phase: The progress of the step; a step without a call to AWS is reported once, as done.
        changes: The properties that differ, for updates, replacements and refreshes.
        properties: The inputs of a created resource, or the former inputs of a deleted one.
        outside: Differences from the last run that the read before this step found: somebody else changed them.
        gone_outside: Whether that read found that the resource no longer exists.
    """

    urn: str
    type: str
    name: str
    operation: Operation
    phase: Phase = Phase.DONE
    changes: Mapping[str, PropertyChange] = field(default_factory=dict)
    properties: Mapping[str, object] = field(default_factory=dict)
    outside: Mapping[str, PropertyChange] = field(default_factory=dict)
    gone_outside: bool = False


@dataclass(frozen=True)
class Summary:
    """A finished run.

    Attributes:
        counts: How many steps of each operation were done; operations that did not occur are absent.
        outputs: The stack's outputs; in a preview unknown ones are Pulumi's mark for them.
        steps: The steps that were done, in their order.
    """

    counts: Mapping[Operation, int]
    outputs: Mapping[str, object]
    steps: tuple[Step, ...]

    @property
    def changes(self) -> bool:
        """Whether anything was, or in a preview would be, done to any resource."""
        return any(operation is not Operation.SAME for operation in self.counts)


@dataclass(frozen=True)
class LogMessage:
    """What the program logged with ``pulumi.log``.

    Attributes:
        severity: ``debug``, ``info``, ``warning`` or ``error``.
        text: The message.
        urn: The resource it is about, or the empty string.
    """

    severity: str
    text: str
    urn: str


def differing(old: Mapping[str, object], new: Mapping[str, object]) -> dict[str, PropertyChange]:
    """Set the properties that differ side by side; JSON texts are compared by their content."""
    names = sorted({*old, *new})
    return {
        name: PropertyChange(old.get(name), new.get(name))
        for name in names
        if opened(old.get(name)) != opened(new.get(name))
    }


def opened(value: object) -> object:
    """Return the list or object of a JSON text; any other value unchanged."""
    if not isinstance(value, str) or not value.lstrip().startswith(("{", "[")):
        return value
    try:
        parsed: object = json.loads(value)
    except (ValueError, RecursionError):
        return value
    return parsed if isinstance(parsed, (dict, list)) else value
