"""Pairs: the role with the permissions to change something stays bound to deployment environments."""

from config.cross_record.context import Context
from config.yaml_document import Path


def check_pairs(context: Context) -> None:
    """Report a role with a plan role that trusts steps outside deployment environments itself."""
    for key, role in context.inventory.roles.items():
        if role.plan_role is None:
            continue
        for index, entry in enumerate(role.trust):
            at: Path = ("roles", key, "trust", index)
            if entry.steps is not None:
                _report(context, (*at, "steps"), f"steps {entry.steps.value}")
            elif entry.dangerously_whole_workspace is not None:
                _report(context, (*at, "dangerously_whole_workspace"), "a whole workspace")


def _report(context: Context, at: Path, who: str) -> None:
    message = f"{who} may assume this role itself, so any branch gets its permissions, plan role or not"
    context.report(
        "pair-not-bound", at, message, "trust `environments: […]` here, and other steps under plan_role alone"
    )
