"""What an engine run tells about itself: steps while it runs, a summary at its end."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Operation(StrEnum):
    """What happens to one resource."""

    SAME = "same"
    CREATE = "create"
    IMPORT = "import"
    """It exists in AWS and becomes the stack's, as it is there (the option ``import_``)."""
    UPDATE = "update"
    REPLACE = "replace"
    """The new resource of a replacement is made."""
    DELETE = "delete"
    DELETE_REPLACED = "delete-replaced"
    """The old resource of a replacement is deleted."""
    DISCARD = "discard"
    """Taken out of the state, kept in AWS (the option ``retain_on_delete``, or a program that only reads it now)."""
    REFRESH = "refresh"
    """The state was brought in line with what AWS has."""
    FORGET = "forget"
    """AWS has it no more, so the state lets go of it."""


class Phase(StrEnum):
    """Where a step is."""

    BEGUN = "begun"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True)
class PropertyChange:
    """One property of a resource before and after; ``None`` where it is absent.

    Attributes:
        old: What it was.
        new: What it is to be.
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
        operation: What happens to it.
        phase: Where the step is; a step without a call to AWS is reported once, as done.
        changes: The properties that differ, for updates, replacements and refreshes.
        properties: The inputs of a resource that is created, and of one that is deleted what it had.
        outside: What the read before this step found to differ from the last run: changed by somebody else.
        gone_outside: Whether that read found that the resource is there no more.
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
        outputs: The stack's outputs; in a preview unknown ones are ``sandbox.engine.values.UNKNOWN``.
        steps: The steps that were done, in their order.
    """

    counts: Mapping[Operation, int]
    outputs: Mapping[str, object]
    steps: tuple[Step, ...]

    @property
    def changes(self) -> bool:
        """Whether anything was, or in a preview would be, done to any resource."""
        return any(operation is not Operation.SAME for operation in self.counts)
