"""Limits of IAM and STS.

Sources: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html and the parameter descriptions of
https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html. A limit that AWS raises on request is a
``Quota``; an account of the inventory has its own values under ``quotas``.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Quota:
    """A quota of IAM that AWS raises on request.

    Attributes:
        key: In the inventory and the lock, under an account's ``quotas``: ``roles``.
        code: In Service Quotas, ``L-FE177D64`` (https://docs.aws.amazon.com/general/latest/gr/iam-service.html).
        name: In Service Quotas: ``Roles per account``.
        summary: In the map of GetAccountSummary, ``RolesQuota``; ``None`` for a quota that the map does not have
            (https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountSummary.html).
        default: The value in a new account.
        most: The highest value that AWS raises it to.
    """

    key: str
    code: str
    name: str
    summary: str | None
    default: int
    most: int


TRUST_POLICY_CHARS = Quota(
    "trust_policy_chars", "L-C07B4B0D", "Role trust policy length", "AssumeRolePolicySizeQuota", 2048, 8192
)
"""Length of a role's trust policy, white space not counted."""

MANAGED_POLICIES_PER_ROLE = Quota(
    "managed_policies_per_role", "L-0DA4ABF3", "Managed policies per role", "AttachedPoliciesPerRoleQuota", 20, 25
)
"""Managed policies attached to one role."""

ROLES_PER_ACCOUNT = Quota("roles", "L-FE177D64", "Roles per account", "RolesQuota", 1000, 10_000)
"""Roles in one account."""

OIDC_PROVIDERS_PER_ACCOUNT = Quota(
    "oidc_providers", "L-858F3967", "OpenId connect providers per account", None, 100, 700
)
"""OIDC providers in one account."""

QUOTAS = (MANAGED_POLICIES_PER_ROLE, OIDC_PROVIDERS_PER_ACCOUNT, TRUST_POLICY_CHARS, ROLES_PER_ACCOUNT)
"""All quotas, sorted by code."""

INLINE_POLICY_CHARS_PER_ROLE = 10_240
"""All inline policies of one role together, white space not counted; fixed."""

MANAGED_POLICY_CHARS = 6144
"""Length of one managed policy, white space not counted; fixed."""

SERVICE_CONTROL_POLICY_CHARS = 5120
"""Length of a service control policy, white space counted
(https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html). AWS is
reported to take 10,240 since 15 May 2026, and 10 instead of 5 policies on one root, unit or account; the older numbers
fit both."""

CLOUDFORMATION_BODY_BYTES, CLOUDFORMATION_TEMPLATE_BYTES = 51_200, 1_000_000
"""Size of a CloudFormation template in a call, and from a bucket: "1 MB"
(https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html)."""

CLOUDFORMATION_MAPPING_ATTRIBUTES = 200
"""Entries of one mapping of a CloudFormation template (as above)."""

ORGANIZATION_ID = re.compile(r"o-[a-z0-9]{10,32}", re.ASCII)
"""Ids of organizations (https://docs.aws.amazon.com/organizations/latest/APIReference/API_Organization.html)."""

OIDC_PROVIDER_URL_CHARS = 255
"""Length of an OIDC provider's URL; fixed
(https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateOpenIDConnectProvider.html)."""

CLIENT_IDS_PER_OIDC_PROVIDER = 100
"""Audiences of one OIDC provider; fixed."""

THUMBPRINTS_PER_OIDC_PROVIDER = 5
"""Thumbprints of one OIDC provider; fixed."""

ROLE_NAME = re.compile(r"[A-Za-z0-9_+=,.@-]{1,64}", re.ASCII)
"""Names of roles; unique in an account ignoring case."""

POLICY_NAME = re.compile(r"[A-Za-z0-9_+=,.@-]{1,128}", re.ASCII)
"""Names of inline policies."""

ROLE_PATH = re.compile(r"/(?:[!-~]*/)?", re.ASCII)
"""Paths begin and end with a slash, with printable ASCII between; at most 512 characters."""

ROLE_PATH_CHARS = 512
"""Length of a path."""

DESCRIPTION = re.compile("[\t\n\r -~¡-ÿ]{0,1000}")
"""Descriptions of roles: Latin-1 without control characters, at most 1,000 characters."""

SESSION_SECONDS_MIN, SESSION_SECONDS_MAX = 3600, 43_200
"""The longest session of a role may be set from 1 hour to 12 hours."""

TAGS_PER_RESOURCE = 50
"""Tags of one role or OIDC provider."""

TAG_KEY = re.compile(r"(?!aws:)[\w .:/=+\-@]{1,128}", re.IGNORECASE)
"""Keys of tags; those that begin with ``aws:`` belong to AWS. Unique ignoring case on IAM resources."""

TAG_VALUE = re.compile(r"[\w .:/=+\-@]{0,256}")
"""Values of tags."""

EXTERNAL_ID = re.compile(r"[A-Za-z0-9_+=,.@:/\\-]{2,1224}", re.ASCII)
"""External ids (https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html)."""

SESSION_NAME = re.compile(r"[A-Za-z0-9_+=,.@-]{2,64}", re.ASCII)
"""Names of role sessions (as above)."""

VPC_ENDPOINT_ID = re.compile(r"vpce-(?:[0-9a-f]{8}|[0-9a-f]{17})", re.ASCII)
"""Ids of VPC endpoints, in the older form of 8 and the newer one of 17 hex digits
(https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/resource-ids.html)."""

AUDIENCE_CHARS = 150
"""Length of a custom audience, set by Bitbucket; IAM takes 255
(https://www.atlassian.com/blog/bitbucket/bitbucket-pipelines-oidc-now-supports-multiple-audiences)."""
