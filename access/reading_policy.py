"""The permission policy of a reading role: what a preview and ``lock --aws`` read in an account, and nothing else.

It is the same whatever the inventory says, so it is made once in each account and never changes as the inventory
grows. The deploying role's policy begins with it. Which actions can be narrowed to resources, and to which:
https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html and
https://docs.aws.amazon.com/service-authorization/latest/reference/list_servicequotas.html.
"""

from collections.abc import Iterator

from access.policy_packing import Statement, packed, statements
from oidc.arn import Partition
from oidc.identifiers import AccountId
from oidc.issuer import ISSUER_HOST
from oidc.limits import MANAGED_POLICY_CHARS
from oidc.policy_document import PolicyDocument

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
