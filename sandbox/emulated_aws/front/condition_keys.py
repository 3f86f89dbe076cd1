"""Gap: ministack does not know ``iam:PermissionsBoundary`` and ``iam:PolicyARN``; conditions on them never hold.

``iam:PermissionsBoundary`` is the boundary that CreateRole and PutRolePermissionsBoundary set, and otherwise the one
that the role has; it is absent where there is none. ``iam:PolicyARN`` is the managed policy of the request.

Sources: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html, "Available keys
for IAM", and for the actions that have them
https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html. Only
calls on roles are looked at: this project has no users and groups.
"""

from collections.abc import Mapping

from sandbox.emulated_aws.inner import Inner, Keys

_SETS_THE_BOUNDARY = frozenset({"CreateRole", "PutRolePermissionsBoundary"})
_HAS_THE_BOUNDARY = frozenset({
    "AttachRolePolicy", "DeleteRolePermissionsBoundary", "DeleteRolePolicy", "DetachRolePolicy", "PutRolePolicy",
})  # fmt: skip
_NAMES_A_POLICY = frozenset({"AttachRolePolicy", "DetachRolePolicy"})


def condition_keys(inner: Inner) -> Keys:
    """Return what finds the two keys of a call."""

    def keys(account: str, params: Mapping[str, str]) -> dict[str, str]:
        action, boundary = params.get("Action", ""), ""
        if action in _SETS_THE_BOUNDARY:
            boundary = params.get("PermissionsBoundary", "")
        elif action in _HAS_THE_BOUNDARY:
            role = inner.role(account, params.get("RoleName", "")) or {}
            boundary = str(role.get("PermissionsBoundary") or "")
        policy = params.get("PolicyArn", "") if action in _NAMES_A_POLICY else ""
        found = {"iam:PermissionsBoundary": boundary, "iam:PolicyARN": policy}
        return {key: value for key, value in found.items() if value}

    return keys
