"""AWS accounts, and how the program gets into them."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from config.allow import Allow
from config.findings import each_once, fault
from config.json_schema_hints import EACH_ONCE, Looks, Or, example
from config.models.aws_values import AccountIdText, Region, RoleName, TrustPolicyChars
from config.models.base import InventoryModel
from config.models.bitbucket_values import WorkspaceSlugText
from config.models.previous_keys import PreviousKeys
from config.models.scalars import Reason, Slug, Text, parse_text
from config.policy.reference import RoleArn
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


ExternalId = Annotated[
    str,
    BeforeValidator(_external_id),
    Looks("external id", "2 to 1,224 letters, digits and _+=,.@:/\\-", "b7f3a2c1", limits.EXTERNAL_ID),
]
SessionName = Annotated[
    str,
    BeforeValidator(_session_name),
    Looks("session name", "2 to 64 letters, digits and _+=,.@-", "access-of-pipelines", limits.SESSION_NAME),
]


class DeployRole(InventoryModel):
    """The role that the program assumes in an account: in short form its ARN alone."""

    expected = "a deploying role: its ARN, or {arn: …, external_id: …, session_name: …}"

    arn: Annotated[RoleArn, example("arn:{{partition}}:iam::{{account_id}}:role/PulumiDeploy", since="0.1")]
    """May hold variables: arn:{{partition}}:iam::{{account_id}}:role/PulumiDeploy."""
    external_id: Annotated[ExternalId | None, example("b7f3a2c1", since="0.1")] = None
    """What the role's trust policy asks for as sts:ExternalId."""
    session_name: Annotated[SessionName | None, example("access-of-pipelines", since="0.1")] = None
    """Shown in CloudTrail; the program's own where left out."""


def _deploy_role(value: Any) -> Any:  # noqa: ANN401 - what YAML holds
    return {"arn": value} if isinstance(value, str) else value


DeployRoleForm = Annotated[DeployRole, BeforeValidator(_deploy_role), Or(RoleArn)]


class Quotas(InventoryModel):
    """Quotas that were raised in an account."""

    trust_policy_chars: Annotated[TrustPolicyChars, example(4096, since="0.1")] = limits.TRUST_POLICY_CHARS.default
    """Length of a trust policy, from 2048 to 8192."""
    managed_policies_per_role: Annotated[int, example(25, since="0.1")] = Field(
        default=limits.MANAGED_POLICIES_PER_ROLE.default, strict=True, ge=1, le=limits.MANAGED_POLICIES_PER_ROLE.most
    )
    """Managed policies attached to one role, up to 25."""
    roles: Annotated[int, example(5000, since="0.1")] = Field(
        default=limits.ROLES_PER_ACCOUNT.default, strict=True, ge=1, le=limits.ROLES_PER_ACCOUNT.most
    )
    """Roles in the account, up to 10000."""
    oidc_providers: Annotated[int, example(300, since="0.1")] = Field(
        default=limits.OIDC_PROVIDERS_PER_ACCOUNT.default, strict=True, ge=1, le=limits.OIDC_PROVIDERS_PER_ACCOUNT.most
    )
    """OIDC providers in the account, up to 700."""


class Account(InventoryModel):
    """An AWS account."""

    expected = 'an account: {id: "012345678901", …}'

    id: Annotated[AccountIdText, example("222222222222", since="0.1")]
    """Twelve digits, quoted."""
    partition: Annotated[Partition, example("aws-us-gov", since="0.1")] = Partition.AWS
    """aws, aws-us-gov, aws-cn or aws-eusc."""
    region: Annotated[Region | None, example("eu-west-1", since="0.1")] = None
    """For {{region}} and the AWS provider; IAM itself has no regions."""
    deploy_role: Annotated[
        DeployRoleForm | None, example("arn:aws:iam::222222222222:role/PulumiDeploy", since="0.1")
    ] = None
    """The role to assume in the account. With `profile` it is assumed with the profile's credentials."""
    profile: Annotated[Text | None, example("prod", since="0.1")] = None
    """A named profile of the AWS configuration."""
    previous_keys: Annotated[PreviousKeys, example(["production"], since="0.1")] = ()
    """Keys that this account had before: what stacks made under them stays as it is."""
    labels: Annotated[dict[Slug, Text], example({"env": "prod", "team": "core"}, since="0.1")] = Field(
        default_factory=dict
    )
    """For selecting accounts; never put on resources."""
    oidc_provider: Annotated[OidcProviderMode | None, example("reference", since="0.1")] = None
    """create, reference, adopt or auto."""
    keep_oidc_providers: Annotated[
        tuple[WorkspaceSlugText, ...], AfterValidator(each_once), EACH_ONCE, example(["acme"], since="0.1")
    ] = ()
    """Workspaces whose OIDC provider is there even when no role of this account trusts them."""
    accept_unchecked_roles: Annotated[
        dict[RoleName, Reason], example({"legacy-deploy": "is deleted in March"}, since="0.1")
    ] = Field(default_factory=dict)
    """Roles of others that an audience may open when it is added to an OIDC provider: {NAME: reason}."""
    quotas: Annotated[Quotas, example({"trust_policy_chars": 4096}, since="0.1")] = Quotas()
    """Quotas that were raised, where the lock does not say what AWS has, or is not to be asked."""
    allow: Annotated[Allow, example({"expired": "kept for the auditors until spring"}, since="0.1")] = Field(
        default_factory=dict
    )
    """Warnings that are accepted here: {RULE-ID: reason}."""
