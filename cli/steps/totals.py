"""The last line of a run: how many resources in AWS it changed, or would."""

from collections import Counter

from cli.steps.step_lines import is_aws
from sandbox.engine.steps import Operation, Summary

NO_CHANGES = "no changes"

_FUTURE = {
    Operation.CREATE: "to create",
    Operation.IMPORT: "to adopt",
    Operation.UPDATE: "to update",
    Operation.REPLACE: "to replace",
    Operation.DELETE: "to delete",
    Operation.DISCARD: "to keep in AWS and let go of",
}
_PAST = {
    Operation.CREATE: "created",
    Operation.IMPORT: "adopted",
    Operation.UPDATE: "updated",
    Operation.REPLACE: "replaced",
    Operation.DELETE: "deleted",
    Operation.DISCARD: "kept in AWS and let go of",
    Operation.REFRESH: "refreshed",
    Operation.FORGET: "gone from AWS",
}
_ALWAYS = (Operation.CREATE, Operation.UPDATE, Operation.REPLACE, Operation.DELETE)


def totals(summary: Summary, *, preview: bool) -> str:
    """Return the last line.

    A preview names all four kinds of change, also those that do not occur: ``0 to delete`` is worth reading. What
    concerns the state alone (components, AWS providers) is counted apart.
    """
    if not summary.changes:
        return NO_CHANGES
    words = _FUTURE if preview else _PAST
    in_aws = Counter(step.operation for step in summary.steps if is_aws(step))
    in_state = Counter(step.operation for step in summary.steps if not is_aws(step))
    parts = [
        f"{in_aws[operation]} {word}"
        for operation, word in words.items()
        if in_aws[operation] or (preview and operation in _ALWAYS)
    ]
    same = in_aws[Operation.SAME]
    parts += [f"{same} unchanged"] if same or preview else []
    alone = [f"{in_state[operation]} {word}" for operation, word in words.items() if in_state[operation]]
    state = f"in the state alone: {', '.join(alone)}" if alone else ""
    return "; ".join(part for part in (", ".join(parts), state) if part)
