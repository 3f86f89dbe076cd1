"""Recognise a permission policy that obviously lets its holder become, or change, one certain role."""

from collections.abc import Mapping, Sequence
from typing import Any

from oidc.policy_patterns import covers_action, covers_resource, statements_of

TAKEOVER_ACTIONS = (
    "sts:AssumeRole", "iam:AttachRolePolicy", "iam:DeleteRole", "iam:DeleteRolePermissionsBoundary",
    "iam:DeleteRolePolicy", "iam:DetachRolePolicy", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy",
    "iam:TagRole", "iam:UntagRole", "iam:UpdateAssumeRolePolicy", "iam:UpdateRole",
)  # fmt: skip
"""To become a role, and every write to it
(https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html).
Not ``iam:PassRole``: it hands a role to a service that the role's trust policy names, and a deploying role's names
none."""

CHANGES = {
    "role": (
        "iam:UpdateAssumeRolePolicy", "iam:AttachRolePolicy", "iam:DetachRolePolicy", "iam:PutRolePolicy",
        "iam:DeleteRolePolicy", "iam:PutRolePermissionsBoundary", "iam:DeleteRolePermissionsBoundary",
    ),
    "policy": ("iam:CreatePolicyVersion", "iam:SetDefaultPolicyVersion"),
    "oidc-provider": (
        "iam:AddClientIDToOpenIDConnectProvider", "iam:CreateOpenIDConnectProvider",
        "iam:DeleteOpenIDConnectProvider", "iam:RemoveClientIDFromOpenIDConnectProvider",
        "iam:UpdateOpenIDConnectProviderThumbprint",
    ),
}  # fmt: skip
"""By kind of resource, what changes who may assume a role or what the role may do; from the page above."""


def takeover_action(document: Mapping[str, Any], role_arn: str) -> str | None:
    """Return the first action of ``TAKEOVER_ACTIONS`` that a document allows on a role, or ``None``.

    Statements with a condition are left out on both sides: what they come to is a matter of review. A deny without a
    condition takes away what another statement allows.
    """
    found = first_allowed(document, TAKEOVER_ACTIONS, role_arn)
    return found[0] if found else None


def first_allowed(document: Mapping[str, Any], actions: Sequence[str], arn: str) -> tuple[str, int] | None:
    """Return the first of some actions that a document allows on a resource, and the index of the statement that does.

    Statements with a condition are left out on both sides, as in ``takeover_action``.
    """
    about = [
        (index, statement)
        for index, statement in enumerate(statements_of(document))
        if not statement.get("Condition") and covers_resource(statement, arn)
    ]
    for action in actions if about else ():
        covering = [(index, statement) for index, statement in about if covers_action(statement, action)]
        if covering and all(statement.get("Effect") == "Allow" for _, statement in covering):
            return action, covering[0][0]
    return None
