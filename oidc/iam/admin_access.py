"""Recognise admin access in permission policies: a role that may write anything in IAM may do anything.

The sum of the role's statements decides, not their spelling. ``*``, ``*:*``, ``iam:*``, ``IAM:*`` and a list of
``iam:A*`` to ``iam:Z*`` are equal, in one statement or policy or in several.
"""

from collections.abc import Iterable
from functools import lru_cache

from oidc.iam.action_classes import ActionClass, names
from oidc.iam.action_table import rows
from oidc.iam.document import Document
from oidc.iam.pattern import lowered, matches_any
from oidc.iam.statement import Statement

ADMIN_MANAGED_POLICIES = frozenset({"administratoraccess", "iamfullaccess"})
"""AWS managed policies, in lower case; a role with either can grant itself everything
(https://docs.aws.amazon.com/aws-managed-policy/latest/reference/policy-list.html)."""

_PRINCIPALS = rows(resource="iam:role/") + rows(resource="iam:user/")
_IAM_WRITES = lowered(
    names(
        row
        for row in _PRINCIPALS
        if row.group in (ActionClass.POLICY, ActionClass.PASSING, ActionClass.TRUST)
        or (row.group is ActionClass.IDENTITY and row.bounded)
    )
)
"""Creating roles and users, and deciding what they may do and who may assume them: together these lead to every
permission."""

_ANY_ROLES = ("arn:{partition}:iam::{account}:role/x", "arn:{partition}:iam::{account}:role/some/path/deploy-9")
"""Roles that only a pattern for all roles of the account matches. Such a pattern includes the role itself."""


@lru_cache(maxsize=1024)
def is_admin_managed_policy(arn: str) -> bool:
    """Tell whether an ARN names a policy, managed by AWS, that gives admin access.

    True for ``arn:aws:iam::aws:policy/AdministratorAccess`` in every partition and spelling of case.
    """
    owner, _, name = arn.lower().rpartition(":policy/")
    return owner.endswith("::aws") and name.rsplit("/", 1)[-1] in ADMIN_MANAGED_POLICIES


def gives_admin_access(documents: Iterable[Document], *, partition: str, account: str) -> bool:
    """Tell whether documents, all on one role, allow every write in IAM on every role of the account.

    Deny statements and conditions do not count: people must review their effect, hence the role's
    ``dangerously_allow_admin``.

    Args:
        documents: Rendered permission policies.
        partition: Partition of the account, for example ``aws``.
        account: Its id.
    """
    allowing = [statement for document in documents for statement in document.statements if statement.allows]
    roles = [role.format(partition=partition, account=account) for role in _ANY_ROLES]
    return bool(allowing) and all(
        any(_allows(statement, action) and _covers(statement, role) for statement in allowing)
        for action in _IAM_WRITES
        for role in roles
    )


def _allows(statement: Statement, action: str) -> bool:
    if statement.has("NotAction"):
        excluded = lowered(statement.values("NotAction"))
        # NOTE: intentional: any remaining write in IAM leads to all others.
        return not all(matches_any(write, excluded) for write in _IAM_WRITES)
    return matches_any(action, lowered(statement.values("Action")))


def _covers(statement: Statement, resource: str) -> bool:
    return statement.has("NotResource") or matches_any(resource, lowered(statement.values("Resource")))
