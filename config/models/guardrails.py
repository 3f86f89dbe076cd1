"""Guardrails: rules for the roles of some accounts, whoever declares the roles, and what each folder may declare.

The platform team writes them, in one file that no other team may change (``config.sources``). Nothing else in the
inventory weakens them. Any fault in them is an error and leaves all of them out, so that a part is never taken for the
whole.
"""

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from config.findings import fault
from config.json_schema_hints import Or, example
from config.models.account import Accounts
from config.models.aws_values import RolePath, SessionSeconds
from config.models.base import DistinctList, InventoryModel, a_list
from config.models.bitbucket_values import EnvironmentName
from config.models.guardrail_values import (
    ActionGlobs,
    Boundary,
    FolderPath,
    InventoryPath,
    KeyGlobs,
    PolicyGlobs,
    RepositoryGlobs,
    one_or_more,
)
from config.models.scalars import Line, Slug

_REQUIREMENTS = (
    "permissions_boundary", "allowed_managed_policies", "forbidden_managed_policies", "allowed_actions",
    "forbidden_actions", "max_session_duration", "widest_trust", "environments", "repositories", "required",
    "required_tags", "forbidden",
)  # fmt: skip
"""The keys of a rule that require something."""
_SCHEMA: JsonDict = {
    "anyOf": [{"required": [key]} for key in _REQUIREMENTS],
    "dependentRequired": {key: ["allowed_managed_policies"] for key in ("allowed_actions", "forbidden_actions")},
}
"""A rule has a key besides `accounts`; a rule with actions also has `allowed_managed_policies`."""


class GuardrailRule(InventoryModel):
    """A rule for every role in some accounts, wherever declared; a role must keep all rules."""

    model_config = ConfigDict(json_schema_extra=_SCHEMA)

    expected = "a rule: {accounts: …, permissions_boundary: …, …}"

    accounts: Annotated[Accounts, example({"labels": {"env": "prod"}}, since="0.1")] = ("*",)
    """Keys or globs, or labels; by default every account."""
    permissions_boundary: Annotated[
        Annotated[tuple[Boundary, ...], BeforeValidator(one_or_more), Field(min_length=1), Or(Boundary)] | None,
        example("account:ci-boundary", since="0.1"),
    ] = None
    """Every role has this boundary, or one of the list."""
    allowed_managed_policies: Annotated[
        PolicyGlobs | None, example(["aws:ReadOnlyAccess", "account:team/*"], since="0.1")
    ] = None
    """Roles may have only these; an empty list allows none."""
    forbidden_managed_policies: Annotated[PolicyGlobs, example(["aws:*FullAccess"], since="0.1")] = ()
    """Roles may have none of these, under any path, ignoring case."""
    allowed_actions: Annotated[ActionGlobs | None, example(["s3:*", "ecr:*"], since="0.1")] = None
    """Inline policies allow only these. Needs allowed_managed_policies."""
    forbidden_actions: Annotated[ActionGlobs, example(["iam:*", "sts:AssumeRole"], since="0.1")] = ()
    """Inline policies allow no part of these. Needs allowed_managed_policies."""
    max_session_duration: Annotated[SessionSeconds | None, example("2h", since="0.1")] = None
    """The longest session."""
    widest_trust: Annotated[
        Literal["environment-bound", "repository-wide"] | None, example("environment-bound", since="0.1")
    ] = None
    """environment-bound: only steps of deployment environments; repository-wide: no whole workspace."""
    environments: Annotated[
        Annotated[tuple[EnvironmentName, ...], BeforeValidator(a_list), Field(min_length=1)] | None,
        example(["production"], since="0.1"),
    ] = None
    """Roles trust only steps of environments with these names."""
    repositories: Annotated[
        Annotated[RepositoryGlobs, Field(min_length=1)] | None, example(["acme/payments-*"], since="0.1")
    ] = None
    """Roles trust only these, and no whole workspace."""
    required: Annotated[
        DistinctList[Literal["description", "expires", "owner", "source_ips"]], example(["owner"], since="0.1")
    ] = ()
    """Every role has these."""
    required_tags: Annotated[DistinctList[Line], example(["Service"], since="0.1")] = ()
    """Every role has these tags, in this case, not empty."""

    forbidden: Annotated[
        DistinctList[Literal["dangerously_adopted_as_is"]], example(["dangerously_adopted_as_is"], since="0.2")
    ] = ()
    """No role has these keys."""

    @model_validator(mode="after")
    def _requires_something(self) -> Self:
        if not self.model_fields_set - {"accounts"}:
            known = ", ".join(name for name in type(self).model_fields if name != "accounts")
            raise fault("bad-value", "the rule requires nothing", f"add one of {known}")
        return self

    @model_validator(mode="after")
    def _managed_policies_are_named_where_actions_are(self) -> Self:
        # The inventory does not say what a managed policy allows, so any of them could allow a forbidden action.
        for key in ("allowed_actions", "forbidden_actions"):
            if key in self.model_fields_set and self.allowed_managed_policies is None:
                message = f"`{key}` checks only inline policies; the program does not know what managed policies allow"
                hint = "add `allowed_managed_policies: [NAME, …]` to this rule, or [] for none"
                raise fault("bad-value", message, hint, (key,))
        return self


class FolderRule(InventoryModel):
    """All that the files of a folder may declare, at any depth."""

    expected = "what a folder may declare: {roles: [KEY, …], repositories: […], accounts: […]}"

    roles: Annotated[KeyGlobs, example(["payments-*"], since="0.1")] = ()
    """Keys and names of roles declared here."""
    accounts: Annotated[Accounts, example(["dev", "prod"], since="0.1")] = ()
    """Accounts that roles declared here may select."""
    repositories: Annotated[RepositoryGlobs, example(["acme/payments-*"], since="0.1")] = ()
    """Repositories that may be declared here, and trusted by roles declared here."""
    permission_policies: Annotated[KeyGlobs, example(["payments-*"], since="0.1")] = ()
    """Keys of permission policies declared here."""
    shared_policies: Annotated[KeyGlobs, example(["push-images"], since="0.1")] = ()
    """Keys of policies declared elsewhere that these roles may use."""
    paths: Annotated[tuple[RolePath, ...], BeforeValidator(a_list), example(["/bitbucket/payments/"], since="0.1")] = ()
    """Their IAM paths, and paths below; by default exactly the path of the defaults."""


class Guardrails(InventoryModel):
    """Rules of the platform team; only in the guardrails file."""

    model_config = ConfigDict(
        json_schema_extra={"anyOf": [{"required": [key]} for key in ("rules", "folders", "platform")]}
    )

    expected = "guardrails: {rules: …, folders: …, platform: […]}"

    rules: Annotated[
        dict[Slug, GuardrailRule],
        example({"production": {"accounts": {"labels": {"env": "prod"}}, "required": ["owner"]}}, since="0.1"),
    ] = Field(default_factory=dict)
    """By a key that you choose, which findings show."""
    folders: Annotated[
        dict[FolderPath, FolderRule],
        example({"teams/payments": {"roles": ["payments-*"], "accounts": ["dev"]}}, since="0.1"),
    ] = Field(default_factory=dict)
    """What each team may declare, by its folder."""
    platform: Annotated[DistinctList[InventoryPath], example(["."], since="0.1")] = ()
    """Files and folders that may declare anything; `.` for everything that no other path covers."""

    @model_validator(mode="after")
    def _hold_something_once(self) -> Self:
        if not (self.rules or self.folders or self.platform):
            raise fault("bad-value", "`guardrails` has no rules and no folders", "add `rules:` or `folders:`")
        for index, path in enumerate(self.platform):
            if path in self.folders:
                message = f"{path} is also under `folders`, as the folder of a team"
                raise fault("duplicate", message, "keep one of the two", ("platform", index))
        return self

    @property
    def delegate(self) -> bool:
        """Tell whether each file needs an owner: it is then in one of the folders, or is the platform team's."""
        return bool(self.folders or self.platform)
