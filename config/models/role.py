"""Roles: who may assume them, where they are, and what they may do."""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Field, PlainValidator, StrictBool, model_validator
from pydantic.config import JsonDict

from config.allow import Allow
from config.findings import each_once, fault, parse_each
from config.json_schema_hints import EACH_ONCE, example
from config.models.account import Accounts
from config.models.aws_values import RoleName, RolePath, SessionSeconds, Tags, VpcEndpointId, parse_vpc_endpoint
from config.models.base import DistinctList, InventoryModel, a_list
from config.models.family import FamilyItem, ForEach
from config.models.permission_policy import PolicyKeys
from config.models.scalars import (
    Description,
    LastDay,
    Line,
    Network,
    Reason,
    Slug,
    SourceNetwork,
    Text,
    describe,
    describe_list,
    parse_network,
)  # fmt: skip
from config.models.trust import TrustEntry
from config.policy.reference import ManagedPolicy

ATLASSIAN = "atlassian"
"""Stands for the address ranges that Atlassian publishes, as the lock holds them."""


def _source_ips(value: Any) -> Any:  # noqa: ANN401 - what YAML holds
    if value == ATLASSIAN:
        return ATLASSIAN
    if isinstance(value, list | tuple) and value:
        return each_once(parse_each(value, parse_network))
    raise fault(
        "bad-address", f"expected source addresses, found {describe(value)}", "write [203.0.113.0/24, …] or atlassian"
    )


_NetworkList = Annotated[tuple[SourceNetwork, ...], Field(min_length=1), EACH_ONCE]


def _source_vpces(value: Any) -> Any:  # noqa: ANN401 - what YAML holds
    if isinstance(value, list | tuple) and value:
        return each_once(parse_each(value, parse_vpc_endpoint))
    raise fault(
        "bad-vpc-endpoint",
        f"expected VPC endpoints, found {describe_list(value)}",
        "write [vpce-0123456789abcdef0, …]",
    )


_EndpointList = Annotated[tuple[VpcEndpointId, ...], Field(min_length=1), EACH_ONCE]


class RoleSettings(InventoryModel):
    """Settings of a role that an override may replace."""

    description: Annotated[Description | None, example("Deploys payments", since="0.1")] = None
    """Shown in IAM. May contain variables."""
    owner: Annotated[Line | None, example("team-payments", since="0.1")] = None
    """Free text, shown in reports."""
    path: Annotated[RolePath | None, example("/bitbucket/payments/", since="0.1")] = None
    """IAM path."""
    managed_policies: Annotated[
        tuple[ManagedPolicy, ...],
        BeforeValidator(a_list),
        EACH_ONCE,
        example(["aws:ReadOnlyAccess", "account:team/ci-extra"], since="0.1"),
    ] = ()
    """Attached to the role."""
    inline_policies: Annotated[PolicyKeys, EACH_ONCE, example(["publish-site"], since="0.1")] = ()
    """Keys of permission_policies."""
    permissions_boundary: Annotated[ManagedPolicy | None, example("account:ci-boundary", since="0.1")] = None
    """The most that the role can do."""
    max_session_duration: Annotated[SessionSeconds | None, example("2h", since="0.1")] = None
    """Longest session."""
    source_ips: Annotated[
        tuple[Network, ...] | Literal["atlassian"] | None,
        PlainValidator(_source_ips, json_schema_input_type=_NetworkList | Literal["atlassian"]),
        example(["203.0.113.0/24"], since="0.1"),
    ] = None
    """Networks that the call to STS may come from; `atlassian`: those in the lock."""
    source_vpces: Annotated[
        tuple[str, ...] | None,
        PlainValidator(_source_vpces, json_schema_input_type=_EndpointList),
        example(["vpce-0123456789abcdef0"], since="0.1"),
    ] = None
    """VPC endpoints that the call may come through instead; AWS then sees no address."""
    bind_session: Annotated[StrictBool | None, example(value=True, since="0.1")] = None
    """true: the credentials work only from source_ips and source_vpces, too."""
    expires: Annotated[LastDay | None, example("2027-01-31", since="0.1")] = None
    """The last day of access, UTC."""
    tags: Annotated[Tags, example({"Service": "payments"}, since="0.1")] = Field(default_factory=dict)
    """On the role; they replace defaults with the same key."""


class Override(RoleSettings):
    """Different values in some accounts. They replace the role's, and never merge."""

    expected = "an override: {max_session_duration: …, …}"


Trust = Annotated[tuple[TrustEntry, ...], BeforeValidator(a_list), Field(min_length=1)]


class PlanRole(RoleSettings):
    """The second role of a pair, NAME-plan. It inherits all but description, trust and permissions."""

    model_config = ConfigDict(
        json_schema_extra={"anyOf": [{"required": ["managed_policies"]}, {"required": ["inline_policies"]}]}
    )

    expected = "a plan role: {trust: […], managed_policies: […], …}"

    trust: Annotated[Trust, example([{"repository": "acme/payments", "steps": "outside_environments"}], since="0.1")]
    """Who may assume it."""
    allow: Allow = Field(default_factory=dict)
    """Accepted warnings: {RULE-ID: reason}."""

    @model_validator(mode="after")
    def _says_what_it_may_do(self) -> Self:
        if not {"managed_policies", "inline_policies"} & self.model_fields_set:
            raise fault(
                "missing-key", "the plan role does not say what it may do",
                "add `managed_policies:` or `inline_policies:`, with [] for nothing; it inherits no permissions",
            )  # fmt: skip
        return self


class AdoptedAsIs(InventoryModel):
    """Why and how long a role keeps the trust of a whole workspace and the admin access that it was found with."""

    expected = "{reason: …, until: …}"

    reason: Annotated[Reason, example("forty pipelines use it; they move one by one", since="0.2")]
    """Shown wherever the role is; also the reason for admin access."""
    until: Annotated[LastDay, example("2027-03-31", since="0.2")]
    """The last day, UTC, on which the whole workspace is trusted; a condition of the trust policy ends it."""


_WHOLE_WORKSPACE: JsonDict = {"type": "object", "required": ["dangerously_whole_workspace"]}
_ENDS_AND_IS_NO_ADMIN: JsonDict = {"required": ["expires"], "properties": {"dangerously_allow_admin": False}}
_WHOLE_WORKSPACE_ENDS: JsonDict = {
    "if": {"required": ["trust"], "properties": {"trust": {"type": "array", "contains": _WHOLE_WORKSPACE}}},
    "then": {"anyOf": [{"required": ["dangerously_adopted_as_is"]}, _ENDS_AND_IS_NO_ADMIN]},
}
_ADOPTED_AS_IS_TRUSTS_WHOLE: JsonDict = {
    "if": {"required": ["dangerously_adopted_as_is"]},
    "then": {"properties": {"trust": {"type": "array", "contains": _WHOLE_WORKSPACE}, "for_each": False}},
}
_PAIR_IS_BOUND: JsonDict = {
    "if": {"required": ["plan_role"]},
    "then": {
        "properties": {"trust": {"items": {"properties": {"steps": False, "dangerously_whole_workspace": False}}}}
    },
}
"""The rules whole-workspace-expires, whole-workspace-admin and pair-not-bound, as JSON Schema for editors."""


_AS_IS = {"reason": "forty pipelines use it; they move one by one", "until": "2027-03-31"}
_PLAN_ROLE = {
    "trust": [{"repository": "acme/payments", "steps": "outside_environments"}],
    "managed_policies": ["aws:ReadOnlyAccess"],
}


class Role(RoleSettings):
    """An IAM role, in every account that it selects."""

    model_config = ConfigDict(
        json_schema_extra={"allOf": [_WHOLE_WORKSPACE_ENDS, _ADOPTED_AS_IS_TRUSTS_WHOLE, _PAIR_IS_BOUND]}
    )

    expected = "a role: {accounts: …, trust: […], …}"

    name: Annotated[RoleName | None, example("payments-deploy", since="0.1")] = None
    """Name in IAM; by default the key. A new name replaces the role: the old one is deleted first."""
    previous_keys: Annotated[DistinctList[Slug], example(["payments"], since="0.1")] = ()
    """Former keys; resources that stacks created under them stay, if `name` is still their name."""
    accounts: Annotated[Accounts, example(["prod", "sandbox-*"], since="0.1")]
    """Keys or globs of accounts, or {labels: …, exclude: …}."""
    trust: Annotated[Trust, example([{"repository": "acme/payments", "environments": ["production"]}], since="0.1")]
    """Who may assume it."""
    for_each: Annotated[ForEach | None, example({"repository": ["acme/shop", "acme/website"]}, since="0.1")] = None
    """A role family: one role for each item."""
    plan_role: Annotated[PlanRole | None, example(_PLAN_ROLE, since="0.1")] = None
    """A pair: a second role that only reads, NAME-plan."""
    dangerously_allow_admin: Annotated[Reason | None, example("bootstraps new accounts", since="0.1")] = None
    """Why this role may have admin access."""
    dangerously_adopted_as_is: Annotated[AdoptedAsIs | None, example(_AS_IS, since="0.2")] = None
    """The only way to a whole workspace with admin access: the role existed so, as the lock records."""
    overrides: Annotated[dict[Text, Override], example({"prod": {"max_session_duration": "1h"}}, since="0.1")] = Field(
        default_factory=dict
    )
    """By account key or glob."""
    allow: Allow = Field(default_factory=dict)
    """Accepted warnings: {RULE-ID: reason}."""

    @model_validator(mode="after")
    def _is_adopted_as_one_role(self) -> Self:
        if self.dangerously_adopted_as_is is None:
            return self
        if self.for_each is not None:
            message = "a role family makes new roles, and only an existing role is adopted as is"
            hint = "declare the existing role by itself, without for_each"
        elif all(entry.dangerously_whole_workspace is None for entry in self.trust):
            message = "the role trusts no whole workspace, so nothing of it needs to be adopted as is"
            hint = "remove it; give the reason for admin access under `dangerously_allow_admin`"
        else:
            return self
        raise fault("bad-value", message, hint, ("dangerously_adopted_as_is",))

    @property
    def admin_reason(self) -> str | None:
        """Why this role may have admin access, or ``None``."""
        as_is = self.dangerously_adopted_as_is
        return self.dangerously_allow_admin or (as_is.reason if as_is is not None else None)

    @property
    def item(self) -> FamilyItem:
        """The item of this role of a family; for any other role, an item without values."""
        return next(self.for_each.items) if self.for_each is not None else _NO_ITEM


class PairedRole(Role):
    """The plan role of a pair, made by `config.plan_roles` from the role and its `plan_role`; never written in YAML."""


_NO_ITEM = FamilyItem(None, None)
