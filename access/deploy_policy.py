"""The permission policy of a reading role: what a preview and ``lock --aws`` read in an account, and nothing else.

It is the same whatever the inventory says, so it is made once in each account and never changes as the inventory
grows. The deploying role's policy begins with it. Which actions can be narrowed to resources, and to which:
https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html and
https://docs.aws.amazon.com/service-authorization/latest/reference/list_servicequotas.html.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from access.plan import AccountPlan
from access.policy_packing import Condition, Statement, packed, statements
from oidc.arn import Partition, parse_iam_arn
from oidc.bitbucket import ISSUER_HOST
from oidc.iam.document import PolicyDocument
from oidc.iam.pattern import literally
from oidc.identifiers import AccountId
from oidc.limits import MANAGED_POLICY_CHARS

_ROLES = (
    "iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:ListInstanceProfilesForRole",
    "iam:ListRolePolicies", "iam:ListRoleTags",
)  # fmt: skip
_OIDC_PROVIDERS = ("iam:GetOpenIDConnectProvider", "iam:ListOpenIDConnectProviderTags")
_ACCOUNT = (
    "iam:GetAccountSummary", "iam:ListOpenIDConnectProviders", "iam:ListRoles", "servicequotas:ListServiceQuotas",
)  # fmt: skip
"""None of these can be narrowed to resources."""


_ORGANIZATION = (
    "organizations:ListAccountsForParent", "organizations:ListOrganizationalUnitsForParent", "organizations:ListRoots",
    "organizations:ListTagsForResource",
)  # fmt: skip


def organization_policy() -> PolicyDocument:
    """Return the policy of whoever lists the accounts of an organization, in its management account.

    A delegated administrator can have the same, by a policy of the organization itself
    (https://docs.aws.amazon.com/organizations/latest/userguide/orgs_delegate_policies.html).
    """
    (document,) = packed(statements("Allow", "ListAccounts", _ORGANIZATION, ["*"]), MANAGED_POLICY_CHARS)
    return document


def reading_policy(partition: Partition, account: AccountId) -> PolicyDocument:
    """Return the reading role's permission policy in an account."""
    (document,) = packed(reading_statements(partition, account), MANAGED_POLICY_CHARS)
    return document


def reading_statements(partition: Partition, account: AccountId) -> Iterator[Statement]:
    """Yield the statements of a reading role's policy."""
    iam = f"arn:{partition}:iam::{account}"
    yield from statements("Allow", "IdentifyItself", ["sts:GetCallerIdentity"], ["*"])
    yield from statements("Allow", "ReadAccount", _ACCOUNT, ["*"])
    # On all roles: for one that is not there IAM knows no path, and a refresh has to see that it is gone.
    yield from statements("Allow", "ReadRoles", _ROLES, [f"{iam}:role/*"])
    yield from statements("Allow", "ReadOidcProviders", _OIDC_PROVIDERS, [f"{iam}:oidc-provider/{ISSUER_HOST}/*"])
    yield from statements(
        "Allow", "ReadPolicies", ["iam:GetPolicy"], [f"{iam}:policy/*", f"arn:{partition}:iam::aws:policy/*"]
    )


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
_EDIT_A_POLICY = (
    "iam:CreatePolicyVersion", "iam:DeletePolicy", "iam:DeletePolicyVersion", "iam:SetDefaultPolicyVersion",
)  # fmt: skip


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
        oidc_provider_arns: Those that are made; what is adopted or referred to is read alone.
        reading_role_arn: The role that only reads, where one was made beside the deploying role.
    """

    partition: Partition
    account: AccountId
    deploying_role_arn: str | None
    roles: frozenset[DeployedRole]
    oidc_provider_arns: frozenset[str]
    reading_role_arn: str | None = None

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
        )

    @property
    def own_boundary_arns(self) -> tuple[str, ...]:
        """The roles' permissions boundaries that are the account's own policies, sorted."""
        boundaries = {role.permissions_boundary_arn for role in self.roles if role.permissions_boundary_arn}
        parsed = {arn: parse_iam_arn(arn) for arn in boundaries}
        return tuple(sorted(arn for arn, parts in parsed.items() if parts is not None and parts.owner != "aws"))

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
    return packed(_statements(scope), MANAGED_POLICY_CHARS)


def _statements(scope: DeployScope) -> Iterator[Statement]:
    yield from reading_statements(scope.partition, scope.account)
    yield from _allow("ManageOidcProviders", _MANAGE_OIDC_PROVIDERS, map(literally, scope.oidc_provider_arns))
    yield from _role_writes(scope.roles)
    yield from _denials(scope)


def _role_writes(roles: frozenset[DeployedRole]) -> Iterator[Statement]:
    """Allow writes to roles: those with a boundary by their paths, those without by name where others have one."""
    bounded = {role for role in roles if role.permissions_boundary_arn}
    free = roles - bounded
    within = outermost(role.pattern for role in bounded)
    without = {literally(role.arn) for role in free} if bounded else outermost(role.pattern for role in free)
    yield from _allow("ManageRoles", _MANAGE_ROLES, outermost(within | without))
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
    itself = [arn for arn in (scope.deploying_role_arn, scope.reading_role_arn) if arn]
    yield from statements("Deny", "NeverItself", ["iam:*"], map(literally, itself))
    yield from statements("Deny", "NeverABoundarysPolicy", _EDIT_A_POLICY, map(literally, scope.own_boundary_arns))
    yield from statements("Deny", "NeverWithoutItsBoundary", ["iam:DeleteRolePermissionsBoundary"], ["*"])


def _allow(sid: str, actions: Iterable[str], resources: Iterable[str], *conditions: Condition) -> Iterator[Statement]:
    return statements("Allow", sid, actions, resources, *conditions)


def outermost(patterns: Iterable[str]) -> set[str]:
    """Leave out what another pattern of the same kind, ``…/*``, covers already."""
    kept: set[str] = set()
    for pattern in sorted(patterns, key=len):
        if not any(wide.endswith("/*") and pattern.startswith(wide[:-1]) for wide in kept):
            kept.add(pattern)
    return kept
