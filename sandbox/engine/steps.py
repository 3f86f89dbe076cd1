"""Keep the steps of the built-in engine, and sum them up."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager

from fleet.pulumi_cli import urns
from fleet.pulumi_cli.steps import Operation, Phase, PropertyChange, Step, Summary
from sandbox.engine.records import ResourceState


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
