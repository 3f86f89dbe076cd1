"""Guardrails: what holds in which accounts, whoever declares a role there, and what each folder may declare.

They are the platform team's: they stand in one file that no team may change (``config.sources``), and nothing
else in the inventory weakens them. A fault anywhere in them leaves all of them out and is an error, so that half of
them is never taken for the whole.
"""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from config.findings import each_once, fault
from config.json_schema_hints import EACH_ONCE, Or, example
from config.models.aws_values import RolePath, SessionSeconds
from config.models.base import InventoryModel
from config.models.bitbucket_values import EnvironmentName
from config.models.guardrail_values import (
    ActionGlobs,
    Boundary,
    FolderPath,
    InsidePath,
    KeyGlobs,
    PolicyGlobs,
    RepositoryGlobs,
    one_or_more,
)
from config.models.role import Accounts
from config.models.scalars import Line, Slug
from config.models.trust import a_list

_ASKING = (
    "permissions_boundary", "allowed_managed_policies", "forbidden_managed_policies", "allowed_actions",
    "forbidden_actions", "max_session_duration", "widest_trust", "environments", "repositories", "required",
    "required_tags",
)  # fmt: skip
"""What a rule can ask for."""
_SCHEMA: JsonDict = {
    "anyOf": [{"required": [key]} for key in _ASKING],
    "dependentRequired": {key: ["allowed_managed_policies"] for key in ("allowed_actions", "forbidden_actions")},
}
"""A rule asks for something besides the accounts; and managed policies are named where actions are."""


class GuardrailRule(InventoryModel):
    """What holds for every role in some accounts, wherever it is declared; of several rules all hold."""

    model_config = ConfigDict(json_schema_extra=_SCHEMA)

    expected = "a rule: {accounts: …, permissions_boundary: …, …}"

    accounts: Annotated[Accounts, example({"labels": {"env": "prod"}}, since="0.1")] = ("*",)
    """Keys or globs of accounts, or {labels: …, exclude: …}; every account where left out."""
    permissions_boundary: Annotated[
        Annotated[tuple[Boundary, ...], BeforeValidator(one_or_more), Field(min_length=1), Or(Boundary)] | None,
        example("account:ci-boundary", since="0.1"),
    ] = None
    """Every role has exactly this one; of a list, one of these. As of a role, with variables of accounts alone."""
    allowed_managed_policies: Annotated[
        PolicyGlobs | None, example(["aws:ReadOnlyAccess", "account:team/*"], since="0.1")
    ] = None
    """Only these may be attached: aws:NAME or account:NAME, with `*` and `?`. An empty list allows none."""
    forbidden_managed_policies: Annotated[PolicyGlobs, example(["aws:*FullAccess"], since="0.1")] = ()
    """None of these may be attached, under whatever path, compared ignoring case."""
    allowed_actions: Annotated[ActionGlobs | None, example(["s3:*", "ecr:*"], since="0.1")] = None
    """Inline policies allow nothing else. Needs allowed_managed_policies beside it."""
    forbidden_actions: Annotated[ActionGlobs, example(["iam:*", "sts:AssumeRole"], since="0.1")] = ()
    """No inline policy allows any of these, not even in part. Needs allowed_managed_policies beside it."""
    max_session_duration: Annotated[SessionSeconds | None, example("2h", since="0.1")] = None
    """No session is longer: 1h, 90m, 5400s or a number of seconds."""
    widest_trust: Annotated[
        Literal["environment-bound", "repository-wide"] | None, example("environment-bound", since="0.1")
    ] = None
    """environment-bound: only steps of deployment environments are trusted; repository-wide: no whole workspace."""
    environments: Annotated[
        Annotated[tuple[EnvironmentName, ...], BeforeValidator(a_list), Field(min_length=1)] | None,
        example(["production"], since="0.1"),
    ] = None
    """Only steps of deployment environments of these names are trusted."""
    repositories: Annotated[
        Annotated[RepositoryGlobs, Field(min_length=1)] | None, example(["acme/payments-*"], since="0.1")
    ] = None
    """Only these are trusted: WORKSPACE/REPOSITORY, where the repository may be a glob. No whole workspace."""
    required: Annotated[
        tuple[Literal["description", "expires", "owner", "source_ips"], ...],
        BeforeValidator(a_list),
        AfterValidator(each_once),
        EACH_ONCE,
        example(["owner"], since="0.1"),
    ] = ()
    """Every role has these: description, expires, owner, source_ips."""
    required_tags: Annotated[
        tuple[Line, ...],
        BeforeValidator(a_list),
        AfterValidator(each_once),
        EACH_ONCE,
        example(["Service"], since="0.1"),
    ] = ()
    """Every role has these tags, in this spelling, with a value that is not empty."""

    @model_validator(mode="after")
    def _asks_for_something(self) -> Self:
        if not self.model_fields_set - {"accounts"}:
            known = ", ".join(name for name in type(self).model_fields if name != "accounts")
            raise fault("bad-value", "this rule asks for nothing", f"add one of {known}")
        return self

    @model_validator(mode="after")
    def _managed_policies_are_named_where_actions_are(self) -> Self:
        # What a managed policy allows is not in the inventory: through any of them a forbidden action would come in.
        for key in ("allowed_actions", "forbidden_actions"):
            if key in self.model_fields_set and self.allowed_managed_policies is None:
                message = f"`{key}` is held against inline policies alone: what a managed policy allows is not known"
                hint = "add `allowed_managed_policies: [NAME, …]` to this rule, or [] for none"
                raise fault("bad-value", message, hint, (key,))
        return self


class FolderRule(InventoryModel):
    """What the files of a folder may declare, at any depth below it. What is left out here, they may not."""

    expected = "what a folder may declare: {roles: [KEY, …], repositories: […], accounts: […]}"

    roles: Annotated[KeyGlobs, example(["payments-*"], since="0.1")] = ()
    """Keys and names of the roles that may be declared here, with `*` and `?`."""
    accounts: Annotated[Accounts, example(["dev", "prod"], since="0.1")] = ()
    """Keys or globs of the accounts that roles declared here may select, or {labels: …, exclude: …}."""
    repositories: Annotated[RepositoryGlobs, example(["acme/payments-*"], since="0.1")] = ()
    """What may be declared here and what roles declared here may trust: WORKSPACE/REPOSITORY, as acme/payments-*."""
    permission_policies: Annotated[KeyGlobs, example(["payments-*"], since="0.1")] = ()
    """Keys of the permission policies that may be declared here."""
    shared_policies: Annotated[KeyGlobs, example(["push-images"], since="0.1")] = ()
    """Keys of permission policies, declared elsewhere, that roles declared here may use."""
    paths: Annotated[tuple[RolePath, ...], BeforeValidator(a_list), example(["/bitbucket/payments/"], since="0.1")] = ()
    """IAM paths of roles declared here, each with those below it; where left out, exactly that of the defaults."""


class Guardrails(InventoryModel):
    """What the platform team says of the whole inventory; in the guardrails file alone."""

    model_config = ConfigDict(
        json_schema_extra={"anyOf": [{"required": [key]} for key in ("rules", "folders", "platform")]}
    )

    expected = "guardrails: {rules: …, folders: …, platform: […]}"

    rules: Annotated[
        dict[Slug, GuardrailRule],
        example({"production": {"accounts": {"labels": {"env": "prod"}}, "required": ["owner"]}}, since="0.1"),
    ] = Field(default_factory=dict)
    """By a key of your own, which findings show."""
    folders: Annotated[
        dict[FolderPath, FolderRule],
        example({"teams/payments": {"roles": ["payments-*"], "accounts": ["dev"]}}, since="0.1"),
    ] = Field(default_factory=dict)
    """By path inside the inventory folder, such as teams/payments: what each team may declare."""
    platform: Annotated[
        tuple[InsidePath, ...],
        BeforeValidator(a_list),
        AfterValidator(each_once),
        EACH_ONCE,
        example(["."], since="0.1"),
    ] = ()
    """Files and folders that may declare anything; `.` for all that no other path covers."""

    @model_validator(mode="after")
    def _say_something_once(self) -> Self:
        if not (self.rules or self.folders or self.platform):
            raise fault("bad-value", "the guardrails hold nothing", "add `rules:` or `folders:`")
        for index, path in enumerate(self.platform):
            if path in self.folders:
                message = f"{path} is the platform's here, and a team's under `folders`"
                raise fault("duplicate", message, "keep one of the two", ("platform", index))
        return self

    @property
    def delegate(self) -> bool:
        """Tell whether anything is said of folders: then every file is in one of them, or is the platform's."""
        return bool(self.folders or self.platform)
