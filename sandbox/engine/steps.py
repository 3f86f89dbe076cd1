"""The reports of an engine run: steps while it runs, a summary at its end."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum

from sandbox.engine import urns
from sandbox.engine.records import ResourceState
from sandbox.engine.values import opened


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


class Reporter:
    """Keeps the steps that were done, in order.

    Args:
        on_step: Called when a step begins, is done or has failed.
    """

    def __init__(self, on_step: Callable[[Step], None]) -> None:
        self._on_step = on_step
        self._done: list[Step] = []
        self._outside: dict[str, Mapping[str, PropertyChange]] = {}
        self._gone: set[str] = set()

    def found_outside(self, urn: str, changes: Mapping[str, PropertyChange] | None) -> None:
        """Record changes made outside the stack, for the steps on that resource; ``None``: it no longer exists."""
        if changes is None:
            self._gone.add(urn)
        elif changes:
            self._outside[urn] = changes

    def done(
        self,
        urn: str,
        operation: Operation,
        changes: Mapping[str, PropertyChange] | None = None,
        properties: Mapping[str, object] | None = None,
    ) -> None:
        """Report a step that needs no call to AWS."""
        self._tell(self._step(urn, operation, Phase.DONE, changes, properties))

    @contextmanager
    def step(
        self,
        urn: str,
        operation: Operation,
        changes: Mapping[str, PropertyChange] | None = None,
        properties: Mapping[str, object] | None = None,
    ) -> Iterator[None]:
        """Report a step around the call that it makes."""
        self._tell(self._step(urn, operation, Phase.BEGUN, changes, properties))
        try:
            yield
        except BaseException:
            self._tell(self._step(urn, operation, Phase.FAILED, changes, properties))
            raise
        self._tell(self._step(urn, operation, Phase.DONE, changes, properties))

    def summary(self, outputs: Mapping[str, object]) -> Summary:
        """Sum up the run."""
        counts = Counter(step.operation for step in self._done)
        return Summary(dict(counts), dict(outputs), tuple(self._done))

    def _tell(self, step: Step) -> None:
        if step.phase is Phase.DONE:
            self._done.append(step)
        self._on_step(step)

    def _step(
        self,
        urn: str,
        operation: Operation,
        phase: Phase,
        changes: Mapping[str, PropertyChange] | None,
        properties: Mapping[str, object] | None,
    ) -> Step:
        return Step(
            urn,
            urns.resource_type(urn),
            urns.name(urn),
            operation,
            phase,
            changes or {},
            properties or {},
            self._outside.get(urn, {}),
            urn in self._gone,
        )


def property_changes(
    properties: Iterable[str], old: ResourceState, new_inputs: Mapping[str, object], replaces: Iterable[str] = ()
) -> dict[str, PropertyChange]:
    """Set old and new values of some properties side by side; of a path such as ``tags.Team`` its first part counts."""
    forcing = set(_first_parts(replaces))
    return {
        name: PropertyChange(old.outputs.get(name, old.inputs.get(name)), new_inputs.get(name), name in forcing)
        for name in _first_parts(properties)
    }


def _first_parts(paths: Iterable[str]) -> Iterable[str]:
    return dict.fromkeys(path.split(".", 1)[0].split("[", 1)[0] for path in paths)


def differing(old: Mapping[str, object], new: Mapping[str, object]) -> dict[str, PropertyChange]:
    """Set the properties that differ side by side; JSON texts are compared by their content."""
    names = sorted({*old, *new})
    return {
        name: PropertyChange(old.get(name), new.get(name))
        for name in names
        if opened(old.get(name)) != opened(new.get(name))
    }
