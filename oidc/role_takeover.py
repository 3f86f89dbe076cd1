"""Recognise a permission policy that obviously lets its holder become, or change, one certain role."""

from collections.abc import Iterator, Mapping
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


def takeover_action(document: Mapping[str, Any], role_arn: str) -> str | None:
    """Return the first action of ``TAKEOVER_ACTIONS`` that a document allows on a role, or ``None``.

    Statements with a condition are left out on both sides: what they come to is a matter of review. A deny without a
    condition takes away what another statement allows.
    """
    about = [
        statement
        for statement in statements_of(document)
        if not statement.get("Condition") and covers_resource(statement, role_arn)
    ]
    return next(_allowed(about), None)


def _allowed(about: list[Mapping[str, Any]]) -> Iterator[str]:
    for action in TAKEOVER_ACTIONS if about else ():
        effects = {statement.get("Effect") for statement in about if covers_action(statement, action)}
        if effects == {"Allow"}:
            yield action
