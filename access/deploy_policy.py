"""The permission policy of an account's deploying role: what an ``up`` of this inventory needs, and no way up.

What the role may do is bounded by the inventory: roles under its paths, OIDC providers of its workspaces, managed
policies that it attaches. Where it gives roles a permissions boundary, every write that can widen a role carries the
condition key ``iam:PermissionsBoundary``, which is that of the request for CreateRole and PutRolePermissionsBoundary,
and that of the role otherwise.

Sources: https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html, "Delegating responsibility to
others using permissions boundaries", and
https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html for the
resources and condition keys of each action. Which calls are made follows from the resource types ``aws_iam_role``,
``aws_iam_role_policy``, ``aws_iam_role_policy_attachments_exclusive`` and ``aws_iam_openid_connect_provider`` of
https://github.com/hashicorp/terraform-provider-aws, on which Pulumi's AWS provider stands.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from access.plan import AccountPlan
from oidc.arn import Partition, parse_iam_arn
from oidc.identifiers import AccountId
from oidc.limits import MANAGED_POLICY_CHARS
from oidc.policy_document import PolicyDocument
from oidc.policy_patterns import literally
from oidc.trust_policy import POLICY_VERSION

_READ_ROLES = (
    "iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:ListInstanceProfilesForRole",
    "iam:ListRolePolicies", "iam:ListRoleTags",
)  # fmt: skip
_MANAGE_ROLES = (
    "iam:DeleteRole", "iam:TagRole", "iam:UntagRole", "iam:UpdateAssumeRolePolicy", "iam:UpdateRole",
    "iam:UpdateRoleDescription",
)  # fmt: skip
"""None of these has the key ``iam:PermissionsBoundary``."""

_WRITE_POLICIES = ("iam:CreateRole", "iam:DeleteRolePolicy", "iam:DetachRolePolicy", "iam:PutRolePolicy")
"""Taking a policy away can widen a role, too: it may have been one that denies."""

_MANAGE_OIDC_PROVIDERS = (
    "iam:AddClientIDToOpenIDConnectProvider", "iam:CreateOpenIDConnectProvider", "iam:DeleteOpenIDConnectProvider",
    "iam:GetOpenIDConnectProvider", "iam:ListOpenIDConnectProviderTags",
    "iam:RemoveClientIDFromOpenIDConnectProvider", "iam:TagOpenIDConnectProvider", "iam:UntagOpenIDConnectProvider",
    "iam:UpdateOpenIDConnectProviderThumbprint",
)  # fmt: skip
_READ_OIDC_PROVIDERS = ("iam:GetOpenIDConnectProvider", "iam:ListOpenIDConnectProviderTags")
_EDIT_A_POLICY = (
    "iam:CreatePolicyVersion", "iam:DeletePolicy", "iam:DeletePolicyVersion", "iam:SetDefaultPolicyVersion",
)  # fmt: skip

_CHUNK_CHARS = 1200
"""One statement has at most this many characters of resources, and of each condition: so any statement fits alone."""

Statement = Mapping[str, Any]
Condition = tuple[str, str, Iterable[str]]
"""Operator, key, values: ``("StringEquals", "iam:PermissionsBoundary", ["arn:…"])``."""


@dataclass(frozen=True, slots=True, order=True)
class DeployedRole:
    """What the policy has to know of a role that is, or will be, deployed.

    Attributes:
        arn: ``arn:aws:iam::222222222222:role/bitbucket/payments-deploy``.
        path: ``/bitbucket/``.
        permissions_boundary_arn: Empty where it has none.
        managed_policy_arns: Attached to it.
    """

    arn: str
    path: str
    permissions_boundary_arn: str
    managed_policy_arns: tuple[str, ...]

    @property
    def pattern(self) -> str:
        """The roles under its path; at the root, where every role of the account is, it alone."""
        return literally(self.arn) if self.path == "/" else f"{literally(self.arn.rpartition('/')[0])}/*"


@dataclass(frozen=True, slots=True)
class DeployScope:
    """What is deployed into one account.

    Attributes:
        partition: Of the account.
        account: Its id.
        deploying_role_arn: The deploying role, or ``None`` where the inventory names none.
        roles: All of them.
        oidc_provider_arns: Those that are made.
        kept_oidc_provider_arns: Those that are adopted or referred to: read, and never changed.
    """

    partition: Partition
    account: AccountId
    deploying_role_arn: str | None
    roles: frozenset[DeployedRole]
    oidc_provider_arns: frozenset[str]
    kept_oidc_provider_arns: frozenset[str] = frozenset()

    @classmethod
    def of(cls, plan: AccountPlan) -> "DeployScope":
        """Return the scope of an account's plan."""
        return cls(
            plan.partition,
            plan.id,
            plan.access.role_arn,
            frozenset(
                DeployedRole(role.arn, role.path, role.permissions_boundary_arn or "", role.managed_policy_arns)
                for role in plan.roles
            ),
            frozenset(found.arn for found in plan.oidc_providers if found.mode == "create"),
            frozenset(found.arn for found in plan.oidc_providers if found.mode != "create"),
        )

    def with_those_there(self, roles: Iterable[DeployedRole], oidc_provider_arns: Iterable[str]) -> "DeployScope":
        """Return the scope that also reaches what an earlier inventory deployed, to change or remove it."""
        return replace(
            self, roles=self.roles | set(roles), oidc_provider_arns=self.oidc_provider_arns | set(oidc_provider_arns)
        )


def deploy_policies(scope: DeployScope) -> tuple[PolicyDocument, ...]:
    """Return the documents of the deploying role's permission policy, to attach together.

    One is enough unless the inventory names very many roles, workspaces or managed policies: each keeps IAM's limit of
    6,144 characters. The same scope gives the same bytes.
    """
    packed: list[list[Statement]] = []
    for statement in _statements(scope):
        if packed and _document([*packed[-1], statement]).size <= MANAGED_POLICY_CHARS:
            packed[-1].append(statement)
        else:
            packed.append([statement])
    return tuple(map(_document, packed))


def _document(statements: Sequence[Statement]) -> PolicyDocument:
    return PolicyDocument.of({"Version": POLICY_VERSION, "Statement": list(statements)})


def _statements(scope: DeployScope) -> Iterator[Statement]:
    yield from _allow("IdentifyItself", ["sts:GetCallerIdentity"], ["*"])
    # On all roles: for one that is not there IAM knows no path, and a refresh has to see that it is gone.
    yield from _allow("ReadRoles", _READ_ROLES, [f"arn:{scope.partition}:iam::{scope.account}:role/*"])
    yield from _allow("ManageOidcProviders", _MANAGE_OIDC_PROVIDERS, map(literally, scope.oidc_provider_arns))
    yield from _allow("ReadOidcProviders", _READ_OIDC_PROVIDERS, map(literally, scope.kept_oidc_provider_arns))
    yield from _role_writes(scope.roles)
    yield from _denials(scope)


def _role_writes(roles: frozenset[DeployedRole]) -> Iterator[Statement]:
    """Allow writes to roles: those with a boundary by their paths, those without by name where others have one."""
    bounded = {role for role in roles if role.permissions_boundary_arn}
    free = roles - bounded
    within = _outermost(role.pattern for role in bounded)
    without = {literally(role.arn) for role in free} if bounded else _outermost(role.pattern for role in free)
    yield from _allow("ManageRoles", _MANAGE_ROLES, _outermost(within | without))
    boundary: Condition = (
        "StringEquals", "iam:PermissionsBoundary", {literally(role.permissions_boundary_arn) for role in bounded},
    )  # fmt: skip
    actions = [*_WRITE_POLICIES, "iam:PutRolePermissionsBoundary"]
    yield from _allow("WritePoliciesInsideTheBoundary", actions, within, boundary)
    yield from _allow("AttachInsideTheBoundary", ["iam:AttachRolePolicy"], within, boundary, _attached(bounded))
    yield from _allow("WritePolicies", _WRITE_POLICIES, without)
    yield from _allow("Attach", ["iam:AttachRolePolicy"], without, _attached(free))


def _attached(roles: Iterable[DeployedRole]) -> Condition:
    return "ArnEquals", "iam:PolicyARN", {literally(arn) for role in roles for arn in role.managed_policy_arns}


def _denials(scope: DeployScope) -> Iterator[Statement]:
    """Deny what no other policy of the deploying role may give it either."""
    boundaries = {role.permissions_boundary_arn for role in scope.roles if role.permissions_boundary_arn}
    own = [arn for arn in boundaries if (parts := parse_iam_arn(arn)) is not None and parts.owner != "aws"]
    itself = [scope.deploying_role_arn] if scope.deploying_role_arn else []
    yield from _statement("Deny", "NeverItself", ["iam:*"], map(literally, itself))
    yield from _statement("Deny", "NeverABoundarysPolicy", _EDIT_A_POLICY, map(literally, own))
    yield from _statement("Deny", "NeverWithoutItsBoundary", ["iam:DeleteRolePermissionsBoundary"], ["*"])


def _allow(sid: str, actions: Iterable[str], resources: Iterable[str], *conditions: Condition) -> Iterator[Statement]:
    return _statement("Allow", sid, actions, resources, *conditions)


def _statement(
    effect: str, sid: str, actions: Iterable[str], resources: Iterable[str], *conditions: Condition
) -> Iterator[Statement]:
    """Yield one statement, or several that come to the same where it would be too long; none about nothing."""
    parts = [_chunks(resources), *(_chunks(values) for _, _, values in conditions)]
    combined = list(product(*parts))
    for number, (some, *values) in enumerate(combined, 1):
        condition: dict[str, dict[str, Any]] = {}
        for (operator, key, _), chosen in zip(conditions, values, strict=True):
            condition.setdefault(operator, {})[key] = chosen
        statement = {
            "Sid": sid if len(combined) == 1 else f"{sid}{number}",
            "Effect": effect,
            "Action": list(actions),
            "Resource": some,
        }
        yield statement | ({"Condition": condition} if condition else {})


def _chunks(values: Iterable[str]) -> list[list[str]]:
    chunks: list[list[str]] = []
    for value in sorted(set(values)):
        if chunks and sum(map(len, chunks[-1])) + len(value) <= _CHUNK_CHARS:
            chunks[-1].append(value)
        else:
            chunks.append([value])
    return chunks


def _outermost(patterns: Iterable[str]) -> set[str]:
    """Leave out what another pattern of the same kind, ``…/*``, covers already."""
    kept: set[str] = set()
    for pattern in sorted(patterns, key=len):
        if not any(wide.endswith("/*") and pattern.startswith(wide[:-1]) for wide in kept):
            kept.add(pattern)
    return kept
