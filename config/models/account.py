"""AWS accounts, and how the program gets into them."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from config.allow import Allow
from config.faults import each_once, fault
from config.models.base import InventoryModel
from config.policy_reference import RoleArn
from config.scalars import AccountIdText, Region, Slug, Text, TrustPolicyChars, WorkspaceSlugText, parse_text
from oidc import limits
from oidc.arn import Partition


class OidcProviderMode(StrEnum):
    """Where an account's OIDC providers come from."""

    CREATE = "create"
    REFERENCE = "reference"
    ADOPT = "adopt"
    AUTO = "auto"


def _external_id(value: object) -> str:
    value = parse_text(value)
    if limits.EXTERNAL_ID.fullmatch(value) is None:
        raise fault("bad-value", "not an external id", "use 2 to 1,224 letters, digits and _+=,.@:/\\-")
    return value


def _session_name(value: object) -> str:
    value = parse_text(value)
    if limits.SESSION_NAME.fullmatch(value) is None:
        raise fault("bad-value", f"not a session name: {value!r}", "use 2 to 64 letters, digits and _+=,.@-")
    return value


class DeployRole(InventoryModel):
    """The role that the program assumes in an account: in short form its ARN alone."""

    expected = "a deploying role: its ARN, or {arn: …, external_id: …, session_name: …}"

    arn: RoleArn
    """May hold variables: arn:{{partition}}:iam::{{account_id}}:role/PulumiDeploy."""
    external_id: Annotated[str, BeforeValidator(_external_id)] | None = None
    """What the role's trust policy asks for as sts:ExternalId."""
    session_name: Annotated[str, BeforeValidator(_session_name)] | None = None
    """Shown in CloudTrail; the program's own where left out."""


def _deploy_role(value: Any) -> Any:  # noqa: ANN401 - what YAML holds
    return {"arn": value} if isinstance(value, str) else value


DeployRoleForm = Annotated[DeployRole, BeforeValidator(_deploy_role)]


class Quotas(InventoryModel):
    """Quotas that were raised in an account."""

    trust_policy_chars: TrustPolicyChars = limits.TRUST_POLICY_CHARS
    """Length of a trust policy, from 2048 to 8192."""
    managed_policies_per_role: int = Field(
        default=limits.MANAGED_POLICIES_PER_ROLE, strict=True, ge=1, le=limits.MANAGED_POLICIES_PER_ROLE_MAX
    )
    """Managed policies attached to one role, up to 25."""
    roles: int = Field(default=limits.ROLES_PER_ACCOUNT, strict=True, ge=1, le=limits.ROLES_PER_ACCOUNT_MAX)
    """Roles in the account, up to 10000."""


class Account(InventoryModel):
    """An AWS account."""

    expected = 'an account: {id: "012345678901", …}'

    id: AccountIdText
    """Twelve digits, quoted."""
    partition: Partition = Partition.AWS
    """aws, aws-us-gov or aws-cn."""
    region: Region | None = None
    """For {{region}} and the AWS provider; IAM itself has no regions."""
    deploy_role: DeployRoleForm | None = None
    """The role to assume in the account. With `profile` it is assumed with the profile's credentials."""
    profile: Text | None = None
    """A named profile of the AWS configuration."""
    labels: dict[Slug, Text] = Field(default_factory=dict)
    """For selecting accounts; never put on resources."""
    oidc_provider: OidcProviderMode | None = None
    """create, reference, adopt or auto."""
    keep_oidc_providers: Annotated[tuple[WorkspaceSlugText, ...], AfterValidator(each_once)] = ()
    """Workspaces whose OIDC provider is there even when no role of this account trusts them."""
    quotas: Quotas = Quotas()
    """Quotas that were raised."""
    allow: Allow = Field(default_factory=dict)
    """Warnings that are accepted here: {RULE-ID: reason}."""
