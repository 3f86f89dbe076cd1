"""A comparison as JSON: what ``diff --format json`` prints. Its keys are public, and documented in ``docs/diff.md``."""

from typing import Any

from access.comparison.changes import ORDER, Change, Comparison


def comparison_json(comparison: Comparison) -> dict[str, Any]:
    """Return everything, the changes in the order in which they are shown."""
    return {
        "changes_access": comparison.changes_access,
        "counts": {effect.value: len(comparison.of(effect)) for effect in ORDER},
        "roles": {
            "before": comparison.roles_before,
            "after": comparison.roles_after,
            "lost": list(comparison.roles_lost),
        },
        "changes": [_change(change) for change in comparison.changes],
    }


def _change(change: Change) -> dict[str, Any]:
    return {
        "kind": change.kind,
        "effect": change.effect.value,
        "account": change.account,
        "role": change.role,
        "arn": change.arn,
        "message": change.message,
        "who": change.who,
        "grade": change.grade,
        "file": change.file,
    }
