"""Defaults of accounts and roles, and where Pulumi keeps the program's state."""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, PlainValidator, model_validator

from config.allow import Allow
from config.findings import each_once, fault, parse_each
from config.json_schema_hints import EACH_ONCE, Looks, example
from config.models.account import DeployRoleForm, OidcProviderMode
from config.models.aws_values import AccountIdText, Region, RolePath, SessionSeconds, Tags
from config.models.base import DistinctList, InventoryModel
from config.models.guardrail_values import PolicyGlob
from config.models.scalars import Slug, Text, Thumbprint, describe, parse_text, parse_thumbprint
from config.policy.reference import ManagedPolicy
from oidc.limits import THUMBPRINTS_PER_OIDC_PROVIDER
from oidc.state_backend import STATE_URL, parse_state_url

_NOT_IN_AWS = "leave the key out if the state is not in AWS: roles cannot reach it there"


def _state_url(value: object) -> str:
    text = parse_text(value)
    if parse_state_url(text) is None:
        if not text.startswith("s3://"):
            hint = f"write s3://BUCKET?region=…; {_NOT_IN_AWS}"
        elif "prefix=" in text:
            hint = "write the prefix as a path: s3://BUCKET/PATH"
        elif "endpoint=" in text:
            hint = _NOT_IN_AWS
        else:
            hint = "write s3://BUCKET, s3://BUCKET/PATH or s3://BUCKET?region=…, as for `pulumi login`"
        raise fault("bad-value", f"not the URL of an S3 bucket: {text!r}", hint)
    return text


StateUrl = Annotated[
    str,
    BeforeValidator(_state_url),
    Looks(
        "state URL",
        "s3://BUCKET, s3://BUCKET/PATH or s3://BUCKET?region=…, as for `pulumi login`",
        "s3://acme-access-state?region=eu-west-1",
        STATE_URL,
    ),
]


class StateBackend(InventoryModel):
    """Where Pulumi keeps the state of this program. Only the roles named here may reach it."""

    expected = 'where the state is: {url: "s3://BUCKET?region=…", account_id: "…", readers: […], writers: […]}'

    url: Annotated[StateUrl, example("s3://acme-access-state?region=eu-west-1", since="0.1")]
    """The bucket, as `pulumi login` and `PULUMI_BACKEND_URL` take it."""
    account_id: Annotated[AccountIdText, example("999999999999", since="0.1")]
    """The account of the bucket. In roles of others, only resources that name the bucket count."""
    readers: Annotated[DistinctList[Slug], example(["access-preview"], since="0.1")] = ()
    """Roles that may read the state: those of pipelines that preview."""
    writers: Annotated[DistinctList[Slug], example(["access-deploy"], since="0.1")] = ()
    """Roles that may read and write it: those of pipelines that deploy."""

    @model_validator(mode="after")
    def _readers_are_not_writers(self) -> Self:
        for index, key in enumerate(self.readers):
            if key in self.writers:
                hint = "remove it from `readers`: a writer may read"
                raise fault("duplicate", f"{key} is also in `writers`", hint, ("readers", index))
        return self


FETCH, OMIT = "fetch", "omit"


def _thumbprints(value: Any) -> Any:  # noqa: ANN401 - what YAML holds
    if value in (FETCH, OMIT):
        return value
    if isinstance(value, list | tuple) and 1 <= len(value) <= THUMBPRINTS_PER_OIDC_PROVIDER:
        return each_once(parse_each(value, parse_thumbprint))
    actual = f"{len(value)} values" if isinstance(value, list | tuple) else describe(value)
    raise fault("bad-thumbprint", f"expected thumbprints, found {actual}", "write fetch, omit, or a list of 1 to 5")


_ThumbprintList = Annotated[
    tuple[Thumbprint, ...], Field(min_length=1, max_length=THUMBPRINTS_PER_OIDC_PROVIDER), EACH_ONCE
]
_STATE = {"url": "s3://acme-access-state?region=eu-west-1", "account_id": "999999999999", "writers": ["access-deploy"]}


class Defaults(InventoryModel):
    """Values for accounts and roles that do not set their own."""

    expected = "defaults: {region: …, deploy_role: …}"

    region: Annotated[Region | None, example("us-east-1", since="0.1")] = None
    """For accounts that set no region."""
    deploy_role: Annotated[
        DeployRoleForm | None, example("arn:{{partition}}:iam::{{account_id}}:role/PulumiDeploy", since="0.1")
    ] = None
    """For accounts with neither deploy_role nor profile."""
    profile: Annotated[Text | None, example("platform", since="0.1")] = None
    """For accounts with neither deploy_role nor profile."""
    path: Annotated[RolePath, example("/ci/", since="0.1")] = "/bitbucket/"
    """IAM path of roles."""
    max_session_duration: Annotated[SessionSeconds, example("2h", since="0.1")] = 3600
    """Longest session of roles."""
    permissions_boundary: Annotated[ManagedPolicy | None, example("account:ci-boundary", since="0.1")] = None
    """Boundary of roles."""
    tags: Annotated[Tags, example({"CostCentre": "platform"}, since="0.1")] = Field(default_factory=dict)
    """On every resource, unless a role has a tag with the same key."""
    thumbprints: Annotated[
        tuple[str, ...] | Literal["fetch", "omit"],
        PlainValidator(_thumbprints, json_schema_input_type=Literal["fetch", "omit"] | _ThumbprintList),
        example("omit", since="0.1"),
    ] = "fetch"
    """Fetched from the issuer at each run, left to AWS, or 1 to 5 of your own."""
    oidc_provider: Annotated[OidcProviderMode, example("auto", since="0.1")] = OidcProviderMode.CREATE
    """For accounts that set none."""
    state_backend: Annotated[StateBackend | None, example(_STATE, since="0.1")] = None
    """Where Pulumi keeps the state of this program, and who may reach it."""
    attachable_policies: Annotated[DistinctList[PolicyGlob], example(["aws:*ReadOnly*"], since="0.2")] = ()
    """Managed policies that deploying roles may attach; by default exactly those that roles of the account have."""
    allow: Allow = Field(default_factory=dict)
    """Accepted warnings about these defaults: {RULE-ID: reason}."""
