"""Guardrails: what holds in which accounts, whoever declares a role there, and what each folder may declare.

They are the platform team's: they stand in one file that no team may change (``config.sources``), and nothing
else in the inventory weakens them. A fault anywhere in them leaves all of them out and is an error, so that half of
them is never taken for the whole.
"""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from config.faults import each_once, fault
from config.models.base import InventoryModel
from config.models.role import Accounts
from config.models.trust import a_list
from config.policy_reference import PolicyReference, parse_policy_reference
from config.scalars import EnvironmentName, Line, RolePath, SessionSeconds, Slug, parse_text
from config.variables import variables_in

WHOLE_FOLDER = "."
"""In place of a path: the inventory folder itself, with all that no other path covers."""


def _boundaries(value: Any) -> Any:  # noqa: ANN401 - what YAML holds
    return value if isinstance(value, list | tuple) else [value]


_OF_ACCOUNTS = frozenset({"account", "account_id", "partition", "region"})


def _boundary(value: object) -> PolicyReference:
    reference = parse_policy_reference(value)
    for name in sorted(variables_in(reference.name) - _OF_ACCOUNTS):
        # The key of a role, and what a family goes over, are its team's to choose, and the boundary with them.
        raise fault("bad-variable", f"{{{{{name}}}}} is chosen by whoever declares the role", "write the name out")
    return reference


_POLICY_GLOB = re.compile(r"(?:aws|account):[A-Za-z0-9_+=,.@/*?-]+", re.ASCII)


def _policy_glob(value: object) -> str:
    text = parse_text(value)
    if _POLICY_GLOB.fullmatch(text) is None:
        hint = "write aws:NAME or account:NAME, path included, where `*` stands for any characters and `?` for one"
        raise fault("bad-arn", f"not managed policies: {text}", hint)
    return text


_ACTION_GLOB = re.compile(r"\*|[A-Za-z0-9*?-]+:[A-Za-z0-9*?_-]+", re.ASCII)


def _action_glob(value: object) -> str:
    text = parse_text(value)
    if _ACTION_GLOB.fullmatch(text) is None:
        raise fault("bad-value", f"not actions of AWS: {text}", 'write SERVICE:ACTION, such as "iam:*", or "*"')
    return text


_KEY_GLOB = re.compile(r"[A-Za-z0-9_.*?-]+", re.ASCII)


def _key_glob(value: object) -> str:
    text = parse_text(value)
    if _KEY_GLOB.fullmatch(text) is None:
        raise fault("bad-name", f"not a key or a glob: {text!r}", "use letters, digits, `_`, `.`, `-`, `*` and `?`")
    return text


_REPOSITORY_GLOB = re.compile(r"[a-z0-9_.-]+/[A-Za-z0-9_.*?-]+", re.ASCII)


def _repository_glob(value: object) -> str:
    text = parse_text(value)
    if _REPOSITORY_GLOB.fullmatch(text) is None:
        hint = "write WORKSPACE/REPOSITORY; `*` and `?` may stand in the repository alone, as in acme/payments-*"
        raise fault("bad-name", f"not repositories: {text!r}", hint)
    return text


def _inside_path(value: object) -> str:
    text = parse_text(value)
    if text == WHOLE_FOLDER:
        return text
    parts = text.split("/")
    if any(not part or part.startswith(".") for part in parts) or "\\" in text or not text.isprintable():
        hint = "write it from the inventory folder on, as teams/payments; no leading or trailing slash, no `.` or `..`"
        raise fault("bad-name", f"not a path inside the inventory: {text!r}", f"{hint}; hidden files are never read")
    if any(character in text for character in "*?["):
        raise fault("bad-name", f"{text} is no path: a glob means nothing here", "write an entry for each folder")
    return text


def _folder_path(value: object) -> str:
    text = _inside_path(value)
    if text == WHOLE_FOLDER:
        raise fault("bad-name", "the inventory folder as a whole is no team's", "name a folder inside of it")
    return text


PolicyGlobs = Annotated[tuple[Annotated[str, BeforeValidator(_policy_glob)], ...], BeforeValidator(a_list)]
ActionGlobs = Annotated[tuple[Annotated[str, BeforeValidator(_action_glob)], ...], BeforeValidator(a_list)]
KeyGlobs = Annotated[tuple[Annotated[str, BeforeValidator(_key_glob)], ...], BeforeValidator(a_list)]
RepositoryGlobs = Annotated[tuple[Annotated[str, BeforeValidator(_repository_glob)], ...], BeforeValidator(a_list)]


class GuardrailRule(InventoryModel):
    """What holds for every role in some accounts, wherever it is declared; of several rules all hold."""

    expected = "a rule: {accounts: …, permissions_boundary: …, …}"

    accounts: Accounts = ("*",)
    """Keys or globs of accounts, or {labels: …, exclude: …}; every account where left out."""
    permissions_boundary: (
        Annotated[
            tuple[Annotated[PolicyReference, BeforeValidator(_boundary)], ...],
            BeforeValidator(_boundaries),
            Field(min_length=1),
        ]
        | None
    ) = None
    """Every role has exactly this one; of a list, one of these. As of a role, with variables of accounts alone."""
    allowed_managed_policies: PolicyGlobs | None = None
    """Only these may be attached: aws:NAME or account:NAME, with `*` and `?`. An empty list allows none."""
    forbidden_managed_policies: PolicyGlobs = ()
    """None of these may be attached, under whatever path, compared ignoring case."""
    allowed_actions: ActionGlobs | None = None
    """Inline policies allow nothing else. Needs allowed_managed_policies beside it."""
    forbidden_actions: ActionGlobs = ()
    """No inline policy allows any of these, not even in part. Needs allowed_managed_policies beside it."""
    max_session_duration: SessionSeconds | None = None
    """No session is longer: 1h, 90m, 5400s or a number of seconds."""
    widest_trust: Literal["environment-bound", "repository-wide"] | None = None
    """environment-bound: only steps of deployment environments are trusted; repository-wide: no whole workspace."""
    environments: Annotated[tuple[EnvironmentName, ...], BeforeValidator(a_list), Field(min_length=1)] | None = None
    """Only steps of deployment environments of these names are trusted."""
    repositories: Annotated[RepositoryGlobs, Field(min_length=1)] | None = None
    """Only these are trusted: WORKSPACE/REPOSITORY, where the repository may be a glob. No whole workspace."""
    required: Annotated[
        tuple[Literal["description", "expires", "owner", "source_ips"], ...],
        BeforeValidator(a_list),
        AfterValidator(each_once),
    ] = ()
    """Every role has these: description, expires, owner, source_ips."""
    required_tags: Annotated[tuple[Line, ...], BeforeValidator(a_list), AfterValidator(each_once)] = ()
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

    roles: KeyGlobs = ()
    """Keys and names of the roles that may be declared here, with `*` and `?`."""
    accounts: Accounts = ()
    """Keys or globs of the accounts that roles declared here may select, or {labels: …, exclude: …}."""
    repositories: RepositoryGlobs = ()
    """What may be declared here and what roles declared here may trust: WORKSPACE/REPOSITORY, as acme/payments-*."""
    permission_policies: KeyGlobs = ()
    """Keys of the permission policies that may be declared here."""
    shared_policies: KeyGlobs = ()
    """Keys of permission policies, declared elsewhere, that roles declared here may use."""
    paths: Annotated[tuple[RolePath, ...], BeforeValidator(a_list)] = ()
    """IAM paths of roles declared here, each with those below it; where left out, exactly that of the defaults."""


FolderPath = Annotated[str, BeforeValidator(_folder_path)]
InsidePath = Annotated[str, BeforeValidator(_inside_path)]


class Guardrails(InventoryModel):
    """What the platform team says of the whole inventory; in the guardrails file alone."""

    expected = "guardrails: {rules: …, folders: …, platform: […]}"

    rules: dict[Slug, GuardrailRule] = Field(default_factory=dict)
    """By a key of your own, which findings show."""
    folders: dict[FolderPath, FolderRule] = Field(default_factory=dict)
    """By path inside the inventory folder, such as teams/payments: what each team may declare."""
    platform: Annotated[tuple[InsidePath, ...], BeforeValidator(a_list), AfterValidator(each_once)] = ()
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
