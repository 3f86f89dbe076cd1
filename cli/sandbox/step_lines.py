"""The steps of a run as lines: the resource, the operation, and the properties that change."""

from collections.abc import Iterable, Mapping, Sequence

from cli.sandbox.property_lines import Mark, StepLine, change_lines, deeper, value_lines
from fleet.pulumi_cli.steps import Operation, PropertyChange, Step, opened
from fleet.pulumi_cli.urns import is_provider

_MARKS = {
    Operation.CREATE: Mark.ADDED,
    Operation.IMPORT: Mark.ADDED,
    Operation.UPDATE: Mark.CHANGED,
    Operation.REPLACE: Mark.REPLACED,
    Operation.DELETE: Mark.REMOVED,
    Operation.DELETE_REPLACED: Mark.REMOVED,
    Operation.DISCARD: Mark.REMOVED,
    Operation.REFRESH: Mark.CHANGED,
    Operation.FORGET: Mark.REMOVED,
}
_OURS = frozenset({"ManagedBy", "ManagedByStack"})
_UNINTERESTING = frozenset({"forceDetachPolicies"})
"""Inputs that say how the provider handles a resource; AWS does not store them."""
_NAMES = ("path", "name", "url", "role", "roleName", "policyArns")


def is_aws(step: Step) -> bool:
    """Tell whether a step is about a resource in AWS; else it is about a component or an AWS provider."""
    return step.type.startswith("aws:")


def kind_of(step: Step) -> str:
    """Name the type of a resource: ``Role``, ``AWS provider``."""
    return "AWS provider" if is_provider(step.type) else step.type.rpartition(":")[2]


def account_of(step: Step) -> str:
    """Return the key of the account of a step: logical names begin with it."""
    return step.name.split("/", 1)[0]


def worth_showing(step: Step) -> bool:
    """Tell whether a preview shows a step: it changes AWS, or the connection to AWS."""
    if step.operation in {Operation.SAME, Operation.DELETE_REPLACED}:
        return False
    return is_aws(step) or (is_provider(step.type) and step.operation is Operation.UPDATE)


def report_lines(steps: Sequence[Step], account_ids: Mapping[str, str]) -> list[StepLine]:
    """Show the changes of a run, account by account; unchanged resources are left out.

    Args:
        steps: The steps in their order.
        account_ids: The known account ids, by account key.
    """
    shown = [step for step in steps if worth_showing(step)]
    order = _deletions(steps)
    lines: list[StepLine] = []
    for account in sorted({account_of(step) for step in shown}):
        number = account_ids.get(account)
        lines.append(StepLine(f"{account} ({number})" if number else account, title=True))
        own = [step for step in shown if account_of(step) == account]
        for step in sorted(own, key=lambda step: (step.name, step.type, step.operation)):
            lines += deeper(step_lines(step, order.get(step.urn)))
    return lines


def _deletions(steps: Sequence[Step]) -> dict[str, str]:
    """Return for each replaced resource which is first: the deletion of the old or the creation of the new one."""
    at = {(step.urn, step.operation): index for index, step in enumerate(steps)}
    order = {}
    for urn, operation in at:
        if operation is Operation.REPLACE and (urn, Operation.DELETE_REPLACED) in at:
            first = at[urn, Operation.DELETE_REPLACED] < at[urn, Operation.REPLACE]
            order[urn] = "the old one is deleted first" if first else "the new one is created first"
    return order


def step_lines(step: Step, order: str | None = None) -> list[StepLine]:
    """Show one step with its properties.

    Args:
        step: The step.
        order: For a replacement, which resource is deleted or created first.
    """
    notes = _notes(step, order)
    title = f"{verb_of(step):<8} {kind_of(step)} {step.name}" + (f" ({'; '.join(notes)})" if notes else "")
    return [StepLine(title, mark=_MARKS.get(step.operation, Mark.NONE)), *deeper(_detail(step), by=2)]


def verb_of(step: Step) -> str:
    """Name the operation of a step: ``create``; ``drop`` if the resource leaves the state and stays in AWS."""
    verbs = {
        Operation.IMPORT: "adopt",
        Operation.DELETE_REPLACED: "delete",
        Operation.DISCARD: "drop",
        Operation.REFRESH: "changed",
        Operation.FORGET: "gone",
    }
    return verbs.get(step.operation, step.operation.value)


def _notes(step: Step, order: str | None) -> list[str]:
    notes = []
    if step.operation is Operation.REPLACE:
        forcing = [name for name, change in sorted(step.changes.items()) if change.forces_replacement]
        notes.append(f"forced by {', '.join(forcing)}" if forcing else "with a resource that it depends on")
        notes.append(order or "the old one is already gone")
    if step.gone_outside:
        notes.append("it is gone from AWS")
    outside = changed_outside(step)
    if outside:
        notes.append(f"changed outside: {', '.join(outside)}")
    return notes


def changed_outside(step: Step) -> list[str]:
    """Name the properties that somebody else changed since the last run."""
    return sorted(_tags_once(step.outside))


def _tags_once(changes: Mapping[str, PropertyChange]) -> dict[str, PropertyChange]:
    """Leave out of ``tagsAll`` the keys that ``tags`` shows: default tags remain."""
    own, everything = changes.get("tags"), changes.get("tagsAll")
    if everything is None:
        return dict(changes)
    old, new = _tags(everything.old), _tags(everything.new)
    before, after = (_tags(own.old), _tags(own.new)) if own else ({}, {})
    shown = {key for key in {*before, *after} if before.get(key) != after.get(key)}
    keys = {key for key in {*old, *new} if old.get(key) != new.get(key)} - shown
    rest = {name: change for name, change in changes.items() if name != "tagsAll"}
    if not keys:
        return rest
    before, after = ({key: text for key, text in side.items() if key in keys} for side in (old, new))
    return rest | {"tagsAll": PropertyChange(before, after)}


def _tags(value: object) -> dict[str, object]:
    value = opened(value)
    return value if isinstance(value, dict) else {}


def _detail(step: Step) -> Iterable[StepLine]:
    if step.operation in {Operation.DELETE, Operation.DISCARD}:
        return [line for name in _NAMES if name in step.properties for line in value_lines(name, step.properties[name])]
    if step.operation is Operation.CREATE and is_aws(step):
        named = sorted(step.properties.keys() - _UNINTERESTING, key=lambda name: (name not in _NAMES, name))
        return [line for name in named for line in value_lines(name, _own(name, step.properties[name]))]
    changes = sorted(_tags_once(step.changes).items())
    return [line for name, change in changes for line in change_lines(name, change)]


def _own(name: str, value: object) -> object:
    """Return the value without the tags that this program puts on every resource."""
    value = opened(value) if name == "tags" else value
    if name != "tags" or not isinstance(value, dict):
        return value
    return {key: text for key, text in value.items() if key not in _OURS}
