"""Defaults for accounts and roles; they stand once in the whole inventory."""

from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator

from config.aws_values import Region, RolePath, SessionSeconds
from config.faults import each_once, fault, parse_each
from config.models.account import DeployRoleForm, OidcProviderMode
from config.models.base import InventoryModel
from config.models.state_backend import StateBackend
from config.policy_reference import ManagedPolicy
from config.scalars import Text, Thumbprint, describe, parse_thumbprint
from config.tags import Tags
from config.written import EACH_ONCE, example
from oidc.limits import THUMBPRINTS_PER_OIDC_PROVIDER

FETCH, OMIT = "fetch", "omit"


def _thumbprints(value: Any) -> Any:  # noqa: ANN401 - what YAML holds
    if value in (FETCH, OMIT):
        return value
    if isinstance(value, list | tuple) and 1 <= len(value) <= THUMBPRINTS_PER_OIDC_PROVIDER:
        return each_once(parse_each(value, parse_thumbprint))
    found = f"{len(value)} values" if isinstance(value, list | tuple) else describe(value)
    raise fault("bad-thumbprint", f"expected thumbprints, found {found}", "write fetch, omit, or a list of 1 to 5")


_ThumbprintList = Annotated[
    tuple[Thumbprint, ...], Field(min_length=1, max_length=THUMBPRINTS_PER_OIDC_PROVIDER), EACH_ONCE
]
_STATE = {"url": "s3://acme-access-state?region=eu-west-1", "account_id": "999999999999", "writers": ["access-deploy"]}


class Defaults(InventoryModel):
    """What holds where an account or a role says nothing else."""

    expected = "defaults: {region: …, deploy_role: …}"

    region: Annotated[Region | None, example("us-east-1", since="0.1")] = None
    """As of an account."""
    deploy_role: Annotated[
        DeployRoleForm | None, example("arn:{{partition}}:iam::{{account_id}}:role/PulumiDeploy", since="0.1")
    ] = None
    """As of an account that names neither a deploy_role nor a profile."""
    profile: Annotated[Text | None, example("platform", since="0.1")] = None
    """As of an account that names neither a deploy_role nor a profile."""
    path: Annotated[RolePath, example("/ci/", since="0.1")] = "/bitbucket/"
    """IAM path of roles."""
    max_session_duration: Annotated[SessionSeconds, example("2h", since="0.1")] = 3600
    """Longest session of roles."""
    permissions_boundary: Annotated[ManagedPolicy | None, example("account:ci-boundary", since="0.1")] = None
    """Boundary of roles."""
    tags: Annotated[Tags, example({"CostCentre": "platform"}, since="0.1")] = Field(default_factory=dict)
    """On every resource; a role's own win."""
    thumbprints: Annotated[
        tuple[str, ...] | Literal["fetch", "omit"],
        PlainValidator(_thumbprints, json_schema_input_type=Literal["fetch", "omit"] | _ThumbprintList),
        example("omit", since="0.1"),
    ] = "fetch"
    """fetch, omit, or a list of 1 to 5 SHA-1 values."""
    oidc_provider: Annotated[OidcProviderMode, example("auto", since="0.1")] = OidcProviderMode.CREATE
    """As of an account."""
    state_backend: Annotated[StateBackend | None, example(_STATE, since="0.1")] = None
    """Where Pulumi keeps the state of this program: no role but those named here reaches it."""
