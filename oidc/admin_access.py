"""Recognise admin access in a permission policy: whoever may do everything in IAM may do everything.

Decided by what a statement's patterns match, not by how they are spelt: ``*``, ``*:*``, ``iam:*``, ``IAM:*``, ``i*``
and a list of ``iam:A*`` to ``iam:Z*`` are all the same.
"""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

ADMIN_MANAGED_POLICIES = frozenset({"administratoraccess", "iamfullaccess"})
"""Managed by AWS, in lower case: with either, one can give oneself everything
(https://docs.aws.amazon.com/aws-managed-policy/latest/reference/policy-list.html)."""

_IAM_WRITES = (
    "iam:addusertogroup", "iam:attachgrouppolicy", "iam:attachrolepolicy", "iam:attachuserpolicy",
    "iam:createaccesskey", "iam:createpolicyversion", "iam:createrole", "iam:createuser",
    "iam:deleterolepermissionsboundary", "iam:passrole", "iam:putrolepolicy", "iam:putuserpolicy",
    "iam:setdefaultpolicyversion", "iam:tagrole", "iam:updateassumerolepolicy",
    "iam:updateopenidconnectproviderthumbprint", "iam:zzzzzzzz",
)  # fmt: skip
"""Actions that ``iam:*`` covers and no narrower pattern of good faith covers together
(https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html); the
last stands for an action that does not exist yet."""

_IAM_RESOURCES = (
    "arn:{partition}:iam::{account}:role/x", "arn:{partition}:iam::{account}:role/bitbucket/deploy-9",
    "arn:{partition}:iam::{account}:user/x", "arn:{partition}:iam::{account}:policy/team/y",
)  # fmt: skip


def is_admin_managed_policy(arn: str) -> bool:
    """Tell whether an ARN names a policy, managed by AWS, that gives admin access.

    True for ``arn:aws:iam::aws:policy/AdministratorAccess`` in every partition and spelling of case.
    """
    owner, _, name = arn.lower().rpartition(":policy/")
    return owner.endswith("::aws") and name.rsplit("/", 1)[-1] in ADMIN_MANAGED_POLICIES


def admin_statement(document: Mapping[str, Any], *, partition: str, account: str) -> int | None:
    """Return the position (from 0) of the first statement that gives admin access, or ``None``.

    Deny statements elsewhere are not weighed: what they take away is a matter of review, hence of the role's
    ``dangerously_allow_admin``. Conditions neither.
    """
    statements = document.get("Statement", [])
    for position, statement in enumerate(_many(statements)):
        if (
            isinstance(statement, Mapping)
            and statement.get("Effect") == "Allow"
            and _allows_all_of_iam(statement)
            and _on_everything(statement, partition, account)
        ):
            return position
    return None


def _allows_all_of_iam(statement: Mapping[str, Any]) -> bool:
    if "NotAction" in statement:
        excluded = _patterns(statement["NotAction"])
        return not all(_matches_any(action, excluded) for action in _IAM_WRITES)
    allowed = _patterns(statement.get("Action", ()))
    return all(_matches_any(action, allowed) for action in _IAM_WRITES)


def _on_everything(statement: Mapping[str, Any], partition: str, account: str) -> bool:
    if "NotResource" in statement:
        return True
    allowed = _patterns(statement.get("Resource", ()))
    return all(
        _matches_any(resource.format(partition=partition, account=account), allowed) for resource in _IAM_RESOURCES
    )


def _many(value: Any) -> Iterable[Any]:  # noqa: ANN401 - parsed JSON
    return value if isinstance(value, list | tuple) else (value,)


def _patterns(value: Any) -> tuple[str, ...]:  # noqa: ANN401 - parsed JSON
    return tuple(str(pattern).lower() for pattern in _many(value))


def _matches_any(text: str, patterns: tuple[str, ...]) -> bool:
    return any(_compiled(pattern).fullmatch(text) for pattern in patterns)


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    """Compile an IAM pattern: ``*`` any run of characters, ``?`` one; a policy variable could be anything."""
    parts = re.split(r"(\$\{[^}]*\}|\*|\?)", pattern)
    return re.compile("".join({"*": ".*", "?": "."}.get(part, _part(part)) for part in parts), re.DOTALL)


def _part(part: str) -> str:
    return ".*" if part.startswith("${") else re.escape(part)
