"""Build the permission policies of the two roles that this program runs with in each account.

The reading role may read what a preview, ``lock --aws``, ``bootstrap --check`` and ``fleet status`` need, and nothing
else. Its policy does not depend on the inventory, so each account gets it once. The deploying role, for ``up``, may
also write the resources of a plan, and is denied any change of itself and of permissions boundaries. AWS documents
which resources each action can name:
https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html and
https://docs.aws.amazon.com/service-authorization/latest/reference/list_servicequotas.html.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from access.plan import AccountPlan
from access.policy_packing import Condition, Statement, packed, statements
from oidc.arn import Partition, parse_iam_arn
from oidc.bitbucket import ISSUER_HOST
from oidc.iam.action_classes import ActionClass, names
from oidc.iam.action_table import rows
from oidc.iam.document import PolicyDocument
from oidc.iam.pattern import literally
from oidc.identifiers import AccountId
from oidc.limits import MANAGED_POLICY_CHARS

_ROLES = (
    "iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:ListInstanceProfilesForRole",
    "iam:ListRolePolicies", "iam:ListRoleTags",
)  # fmt: skip
_OIDC_PROVIDERS = ("iam:GetOpenIDConnectProvider", "iam:ListOpenIDConnectProviderTags")
_POLICIES = ("iam:GetPolicy", "iam:GetPolicyVersion")
"""A document is read with GetPolicyVersion: ``bootstrap --check`` compares the deploying role's policies and the
boundaries (https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetPolicyVersion.html)."""

_ACCOUNT = (
    "iam:GetAccountAuthorizationDetails", "iam:GetAccountSummary", "iam:ListOpenIDConnectProviders", "iam:ListRoles",
    "servicequotas:ListServiceQuotas",
)  # fmt: skip
"""No action here can name resources. GetAccountAuthorizationDetails reads the roles of an account in one call, for
``fleet status``."""


_ORGANIZATION = (
    "organizations:DescribePolicy", "organizations:ListAccountsForParent",
    "organizations:ListOrganizationalUnitsForParent", "organizations:ListPolicies", "organizations:ListRoots",
    "organizations:ListTagsForResource", "organizations:ListTargetsForPolicy",
)  # fmt: skip


def organization_policy() -> PolicyDocument:
    """Return the policy for listing an organization's accounts and control policies, in its management account.

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
    # On all roles: IAM knows no path of a missing role, and a refresh must see that the role is gone.
    yield from statements("Allow", "ReadRoles", _ROLES, [f"{iam}:role/*"])
    yield from statements("Allow", "ReadOidcProviders", _OIDC_PROVIDERS, [f"{iam}:oidc-provider/{ISSUER_HOST}/*"])
    policies = [f"{iam}:policy/*", f"arn:{partition}:iam::aws:policy/*"]
    yield from statements("Allow", "ReadPolicies", _POLICIES, policies)


_MANAGE_ROLES = (
    "iam:DeleteRole", "iam:TagRole", "iam:UntagRole", "iam:UpdateAssumeRolePolicy", "iam:UpdateRole",
    "iam:UpdateRoleDescription",
)  # fmt: skip
"""The condition key ``iam:PermissionsBoundary`` limits none of these. AWS's list got it for some only lately, and
nobody has verified that IAM compares it."""

_WRITE_POLICIES = ("iam:CreateRole", "iam:DeleteRolePolicy", "iam:DetachRolePolicy", "iam:PutRolePolicy")
"""Removing a policy can widen a role, too: the policy may deny something."""

_MANAGE_OIDC_PROVIDERS = (
    "iam:AddClientIDToOpenIDConnectProvider", "iam:CreateOpenIDConnectProvider", "iam:DeleteOpenIDConnectProvider",
    "iam:GetOpenIDConnectProvider", "iam:ListOpenIDConnectProviderTags",
    "iam:RemoveClientIDFromOpenIDConnectProvider", "iam:TagOpenIDConnectProvider", "iam:UntagOpenIDConnectProvider",
    "iam:UpdateOpenIDConnectProviderThumbprint",
)  # fmt: skip
_EDIT_A_POLICY = names(rows(ActionClass.POLICY, ActionClass.IDENTITY, resource="iam:policy/"))


@dataclass(frozen=True, slots=True, order=True)
class DeployedRole:
    """The properties of a deployed or planned role that the policy needs.

    Attributes:
        arn: ``arn:aws:iam::222222222222:role/bitbucket/payments-deploy``.
        path: ``/bitbucket/``.
        permissions_boundary_arn: Empty without a boundary.
        managed_policy_arns: Attached to it.
    """

    arn: str
    path: str
    permissions_boundary_arn: str
    managed_policy_arns: tuple[str, ...]

    @property
    def pattern(self) -> str:
        """Pattern for the roles under its path; at the root only this role, because the root path has every role."""
        return literally(self.arn) if self.path == "/" else f"{literally(self.arn.rpartition('/')[0])}/*"


@dataclass(frozen=True, slots=True)
class DeployScope:
    """The deployment into one account.

    Attributes:
        partition: Of the account.
        account: Its id.
        deploying_role_arn: The deploying role, or ``None`` if the inventory names none.
        roles: All deployed roles.
        oidc_provider_arns: Created OIDC providers; adopted and referenced ones are only read.
        reading_role_arn: The reading role, or ``None`` if the account has none.
        attachable_policies: Patterns of the policies that may be attached to roles; empty for exactly those of
            ``roles``.
    """

    partition: Partition
    account: AccountId
    deploying_role_arn: str | None
    roles: frozenset[DeployedRole]
    oidc_provider_arns: frozenset[str]
    reading_role_arn: str | None = None
    attachable_policies: tuple[str, ...] = ()

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
            frozenset(oidc_provider.arn for oidc_provider in plan.oidc_providers if oidc_provider.mode == "create"),
            attachable_policies=plan.attachable_policies,
        )

    @property
    def own_boundary_arns(self) -> tuple[str, ...]:
        """Permissions boundaries of the roles that are policies of the account itself, sorted."""
        boundaries = {role.permissions_boundary_arn for role in self.roles if role.permissions_boundary_arn}
        parsed = {arn: parse_iam_arn(arn) for arn in boundaries}
        return tuple(sorted(arn for arn, parts in parsed.items() if parts is not None and parts.owner != "aws"))

    def with_deployed(self, roles: Iterable[DeployedRole], oidc_provider_arns: Iterable[str]) -> "DeployScope":
        """Return the scope with deployed roles and OIDC providers added: ``up`` may change and remove them."""
        return replace(
            self, roles=self.roles | set(roles), oidc_provider_arns=self.oidc_provider_arns | set(oidc_provider_arns)
        )


def deploy_policies(scope: DeployScope) -> tuple[PolicyDocument, ...]:
    """Return the documents of the deploying role's permission policy, to attach together.

    An inventory with very many roles, workspaces or managed policies needs more than one: IAM limits each document to
    6,144 characters. The same scope gives the same bytes.
    """
    return packed(_statements(scope), MANAGED_POLICY_CHARS)


def _statements(scope: DeployScope) -> Iterator[Statement]:
    yield from reading_statements(scope.partition, scope.account)
    yield from _allow("ManageOidcProviders", _MANAGE_OIDC_PROVIDERS, map(literally, scope.oidc_provider_arns))
    yield from _role_writes(scope)
    yield from _denials(scope)


def _role_writes(scope: DeployScope) -> Iterator[Statement]:
    """Allow writes to roles: with a boundary by path, without a boundary by name if other roles have one."""
    bounded = {role for role in scope.roles if role.permissions_boundary_arn}
    free = scope.roles - bounded
    within = outermost(role.pattern for role in bounded)
    without = {literally(role.arn) for role in free} if bounded else outermost(role.pattern for role in free)
    yield from _allow("ManageRoles", _MANAGE_ROLES, outermost(within | without))
    boundary: Condition = (
        "StringEquals", "iam:PermissionsBoundary", {literally(role.permissions_boundary_arn) for role in bounded},
    )  # fmt: skip
    actions = [*_WRITE_POLICIES, "iam:PutRolePermissionsBoundary"]
    yield from _allow("WritePoliciesInsideTheBoundary", actions, within, boundary)
    yield from _allow("AttachInsideTheBoundary", ["iam:AttachRolePolicy"], within, boundary, _attached(bounded, scope))
    yield from _allow("WritePolicies", _WRITE_POLICIES, without)
    yield from _allow("Attach", ["iam:AttachRolePolicy"], without, _attached(free, scope))


def _attached(roles: Iterable[DeployedRole], scope: DeployScope) -> Condition:
    """Return the condition on the attached policy: the patterns of the inventory, else exactly what the roles have.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html, iam:PolicyARN.
    """
    if scope.attachable_policies:
        return "ArnLike", "iam:PolicyARN", scope.attachable_policies
    return "ArnEquals", "iam:PolicyARN", {literally(arn) for role in roles for arn in role.managed_policy_arns}


def _denials(scope: DeployScope) -> Iterator[Statement]:
    """Deny actions that no other policy of the deploying role may allow."""
    itself = [arn for arn in (scope.deploying_role_arn, scope.reading_role_arn) if arn]
    yield from statements("Deny", "NeverItself", ["iam:*"], map(literally, itself))
    yield from statements("Deny", "NeverABoundarysPolicy", _EDIT_A_POLICY, map(literally, scope.own_boundary_arns))
    yield from statements("Deny", "NeverWithoutItsBoundary", ["iam:DeleteRolePermissionsBoundary"], ["*"])


def _allow(sid: str, actions: Iterable[str], resources: Iterable[str], *conditions: Condition) -> Iterator[Statement]:
    return statements("Allow", sid, actions, resources, *conditions)


def outermost(patterns: Iterable[str]) -> set[str]:
    """Drop patterns that another pattern of the same kind, ``…/*``, covers."""
    kept: set[str] = set()
    for pattern in sorted(patterns, key=len):
        if not any(wide.endswith("/*") and pattern.startswith(wide[:-1]) for wide in kept):
            kept.add(pattern)
    return kept
