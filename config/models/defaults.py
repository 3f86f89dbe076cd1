"""Defaults for accounts and roles; they stand once in the whole inventory."""

from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator

from config.faults import each_once, fault, parse_each
from config.models.account import DeployRoleForm, OidcProviderMode
from config.models.base import InventoryModel
from config.policy_reference import ManagedPolicy
from config.scalars import Region, RolePath, SessionSeconds, Text, describe, parse_thumbprint
from config.tags import Tags
from oidc.limits import THUMBPRINTS_PER_OIDC_PROVIDER

FETCH, OMIT = "fetch", "omit"


def _thumbprints(value: Any) -> Any:  # noqa: ANN401 - what YAML holds
    if value in (FETCH, OMIT):
        return value
    if isinstance(value, list | tuple) and 1 <= len(value) <= THUMBPRINTS_PER_OIDC_PROVIDER:
        return each_once(parse_each(value, parse_thumbprint))
    found = f"{len(value)} values" if isinstance(value, list | tuple) else describe(value)
    raise fault("bad-thumbprint", f"expected thumbprints, found {found}", "write fetch, omit, or a list of 1 to 5")


class Defaults(InventoryModel):
    """What holds where an account or a role says nothing else."""

    expected = "defaults: {region: …, deploy_role: …}"

    region: Region | None = None
    """As of an account."""
    deploy_role: DeployRoleForm | None = None
    """As of an account that names neither a deploy_role nor a profile."""
    profile: Text | None = None
    """As of an account that names neither a deploy_role nor a profile."""
    path: RolePath = "/bitbucket/"
    """IAM path of roles."""
    max_session_duration: SessionSeconds = 3600
    """Longest session of roles."""
    permissions_boundary: ManagedPolicy | None = None
    """Boundary of roles."""
    tags: Tags = Field(default_factory=dict)
    """On every resource; a role's own win."""
    thumbprints: Annotated[tuple[str, ...] | Literal["fetch", "omit"], PlainValidator(_thumbprints)] = "fetch"
    """fetch, omit, or a list of 1 to 5 SHA-1 values."""
    oidc_provider: OidcProviderMode = OidcProviderMode.CREATE
    """As of an account."""
