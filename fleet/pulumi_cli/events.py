"""Turn the events of the CLI into the steps that the built-in engine reports.

Source: ``EngineEvent`` in ``sdk/go/common/apitype/events.go`` of Pulumi, and the operations in
``sdk/go/common/display`` there.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fleet.pulumi_cli import urns
from fleet.pulumi_cli.steps import LogMessage, Operation, Phase, PropertyChange, Step, Summary, differing, opened

_OPERATIONS = {
    "same": Operation.SAME,
    "create": Operation.CREATE,
    "import": Operation.IMPORT,
    "import-replacement": Operation.IMPORT,
    "update": Operation.UPDATE,
    "delete": Operation.DELETE,
    "create-replacement": Operation.REPLACE,
    "delete-replaced": Operation.DELETE_REPLACED,
}
"""Without ``replace``, which only announces the two halves of a replacement, and without the reads: ``refresh`` reads,
``read`` and ``discard`` concern a resource that the program does not manage. ``import-replacement`` imports a resource
that the stack only read before. It never replaces a managed resource here, since ids are ARNs that follow from the
URN's account."""

_OF_REFRESH = {"same": Operation.SAME, "update": Operation.REFRESH, "delete": Operation.FORGET}
"""The operations that ``pulumi refresh`` reports as results of its reads."""

_PLUGIN_NOTICES = tuple(f"using pulumi-{plugin} from $PATH" for plugin in ("resource-aws", "language-python"))
_PHASES = {
    "resourcePreEvent": Phase.BEGUN,
    "resOutputsEvent": Phase.DONE,
    "resOpFailedEvent": Phase.FAILED,
}


@dataclass
class EventReader:
    """Reads the events of one run.

    Attributes:
        refresh: Whether the run is a refresh; its steps are then the results of the reads.
        on_step: Called for each step that begins, is done or has failed.
        on_log: Called with the messages that the program and the AWS provider log.
        errors: The error texts of the run, each once.
    """

    refresh: bool
    on_step: Callable[[Step], None]
    on_log: Callable[[LogMessage], None]
    errors: list[str] = field(default_factory=list)
    _done: dict[tuple[str, Operation], Step] = field(default_factory=dict)
    _outputs: Mapping[str, object] = field(default_factory=dict)
    _outside: dict[str, Mapping[str, PropertyChange]] = field(default_factory=dict)
    _gone: set[str] = field(default_factory=set)

    def take(self, event: Mapping[str, Any]) -> None:
        """Read one event; events other than steps and log messages are ignored."""
        for kind, phase in _PHASES.items():
            if kind in event:
                self._step(event[kind]["metadata"], phase)
        if "diagnosticEvent" in event:
            self._log(event["diagnosticEvent"])

    def summary(self) -> Summary:
        """Sum up the run."""
        steps = tuple(self._done.values())
        return Summary(dict(Counter(step.operation for step in steps)), dict(self._outputs), steps)

    def _step(self, metadata: Mapping[str, Any], phase: Phase) -> None:
        old, new = (_without_internal(metadata.get(side) or {}) for side in ("old", "new"))
        if metadata["type"] == urns.STACK_TYPE and phase is Phase.DONE and metadata["op"] != "delete":
            self._outputs = new.get("outputs") or {}
        operation = self._operation(metadata, custom=bool((new or old).get("custom")))
        urn = metadata["urn"]
        if metadata["op"] == "refresh" and phase is Phase.DONE and not self.refresh:
            self._keep_outside_change(urn, old, new)
        if operation is None:
            return
        if not (new or old).get("custom"):
            # A component needs no call to AWS; its event comes again when its children are done.
            phase = Phase.DONE
        if (urn, operation) in self._done:
            return
        changes = self._changes(metadata, old, new, operation)
        provider_update = operation is Operation.UPDATE and urns.is_provider(metadata["type"])
        if not changes and (provider_update or operation is Operation.REFRESH):
            operation = Operation.SAME  # only the state is written differently
        properties = self._properties(old, new, operation)
        kind, name, outside = urns.resource_type(urn), urns.name(urn), self._outside.get(urn, {})
        step = Step(urn, kind, name, operation, phase, changes, properties, outside, urn in self._gone)
        if phase is Phase.DONE:
            self._done[urn, operation] = step
        self.on_step(step)

    def _keep_outside_change(self, urn: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
        """Keep the differences between the last run and the read before this run."""
        if not new:
            self._gone.add(urn)
        elif old.get("initErrors"):
            pass  # it was created, but never read: what was never read has not changed
        elif changes := changed_in_aws(old.get("outputs") or {}, new.get("outputs") or {}):
            self._outside[urn] = changes

    def _operation(self, metadata: Mapping[str, Any], *, custom: bool) -> Operation | None:
        if not self.refresh:
            retained = metadata["op"] == "delete" and (metadata.get("old") or {}).get("retainOnDelete")
            return Operation.DISCARD if retained else _OPERATIONS.get(metadata["op"])
        # Components and AWS providers cannot be read.
        readable = custom and not urns.is_provider(metadata["type"])
        return _OF_REFRESH.get(metadata["op"]) if readable else None

    def _changes(
        self, metadata: Mapping[str, Any], old: Mapping[str, Any], new: Mapping[str, Any], operation: Operation
    ) -> dict[str, PropertyChange]:
        old_inputs, new_inputs = old.get("inputs") or {}, new.get("inputs") or {}
        old_outputs = old.get("outputs") or {}
        if operation is Operation.REFRESH:
            return changed_in_aws(old_outputs, new.get("outputs") or {})
        if operation not in {Operation.UPDATE, Operation.REPLACE} or not old:
            return {}
        paths = list(metadata.get("detailedDiff") or metadata.get("diffs") or metadata.get("keys") or ())
        names = dict.fromkeys(path.split(".", 1)[0].split("[", 1)[0] for path in paths)
        if not names:
            return differing(old_inputs, new_inputs)
        both = {name: (old_outputs.get(name, old_inputs.get(name)), new_inputs.get(name)) for name in names}
        # If a resource is replaced together with its owner, the CLI names the property that refers to the owner. Its
        # value is the same before and after.
        forcing = {key.split(".", 1)[0].split("[", 1)[0] for key in metadata.get("keys") or ()}
        return {
            name: PropertyChange(before, after, name in forcing)
            for name, (before, after) in both.items()
            if opened(before) != opened(after)
        }

    def _properties(self, old: Mapping[str, Any], new: Mapping[str, Any], operation: Operation) -> Mapping[str, Any]:
        if operation in {Operation.CREATE, Operation.REPLACE}:
            return new.get("inputs") or {}
        if operation in {Operation.DELETE, Operation.DELETE_REPLACED, Operation.DISCARD}:
            return old.get("inputs") or {}
        return {}

    def _log(self, message: Mapping[str, Any]) -> None:
        severity, text = message.get("severity", ""), str(message.get("message", "")).strip()
        if severity == "error":
            self.errors += [sentence for sentence in plain_errors(text) if sentence not in self.errors]
        elif severity in {"info", "warning"} and text and not text.startswith(_PLUGIN_NOTICES):
            self.on_log(LogMessage(severity, text, message.get("urn", "")))


_LOGGED = re.compile(r"\S+\.go:\d+: sdk\.\w+: (?P<text>.*): provider=aws@\S+", re.DOTALL)
_LISTED = re.compile(r"\d+ errors? occurred:\s*\* ")
"""Two forms of one error: the official AWS provider logs it, then the bridge lists it."""


def plain_errors(text: str) -> list[str]:
    """Return the sentences of an error of the CLI, without prefixes; for a Python traceback the last line."""
    text = text.removeprefix("Preview failed: ").strip()
    if "Traceback (most recent call last)" in text:
        return [f"the program failed: {text.splitlines()[-1].strip()}"]
    if logged := _LOGGED.fullmatch(text):
        text = logged["text"]
    if listed := _LISTED.match(text):
        return [sentence.strip() for sentence in re.split(r"\n\s*\* ", text[listed.end() :])]
    return [text]


_OF_OTHER_RESOURCES = frozenset({"inlinePolicies", "managedPolicyArns"})
"""Outputs of the official provider's role: policies that the program makes as other resources."""
_EMPTY: tuple[object, ...] = (None, "", [], {})


def changed_in_aws(old: Mapping[str, object], new: Mapping[str, object]) -> dict[str, PropertyChange]:
    """Compare the outputs of two reads, without what changes in the state alone or by the program itself.

    AWS only has all tags of a resource: as long as ``tagsAll`` is the same, nobody changed ``tags``.
    """
    changes = differing(old, new)
    own = _OF_OTHER_RESOURCES if "tagsAll" in changes or "tagsAll" not in new else _OF_OTHER_RESOURCES | {"tags"}
    return {
        name: change
        for name, change in changes.items()
        if name not in own and not (change.old in _EMPTY and change.new in _EMPTY)
    }


_INTERNAL = frozenset({"__defaults", "__internal", "__meta", "__pulumi_raw_state_delta"})
"""Keys that Pulumi's bridge keeps in inputs and outputs for itself."""


def _without_internal(value: Any) -> Any:  # noqa: ANN401 - JSON of an event
    if isinstance(value, dict):
        return {key: _without_internal(item) for key, item in value.items() if key not in _INTERNAL}
    return [_without_internal(item) for item in value] if isinstance(value, list) else value
