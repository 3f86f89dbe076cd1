"""The compared form of a plan: the JSON of ``plan --format json``; a compiled plan adds fields that the JSON omits.

Unknown keys are ignored, because a later version may write more keys. So a key of the JSON is compared only if its
view here has a field for it.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

from access.plan import AccessPlan
from access.plan_json import plan_json
from config.models.family import repository_in

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


class _Frozen(BaseModel):
    """Base of all parts of a plan.

    Attributes:
        others: Every field of the plan that its JSON omits, as JSON; ``None`` for a plan in a file, which does not
            have them.
    """

    model_config = ConfigDict(frozen=True, strict=True, hide_input_in_errors=True)

    others: dict[str, Any] | None = None

    def differing(self, other: "_Frozen", reported: Collection[str]) -> dict[str, tuple[Any, Any]]:
        """Return the different fields, without those ``reported``, each with this value and the other value."""
        if not isinstance(other, type(self)):
            raise TypeError(f"{type(other).__name__} is compared with {type(self).__name__}")
        names = [name for name in type(self).model_fields if name not in reported and name != "others"]
        values = {name: (getattr(self, name), getattr(other, name)) for name in names}
        if self.others is not None and other.others is not None:
            keys = sorted((self.others.keys() | other.others.keys()) - set(reported))
            values |= {key: (self.others.get(key), other.others.get(key)) for key in keys}
        return {name: both for name, both in values.items() if both[0] != both[1]}


class OidcProviderView(_Frozen):
    """An OIDC provider; its first audience is the workspace's own."""

    workspace: str
    url: str
    arn: str
    audiences: list[str]
    thumbprints: Literal["fetch", "omit"] | list[str]
    mode: str


class TrustView(_Frozen):
    """A line of trust; ``repository`` is ``None`` for a whole workspace."""

    workspace: str
    repository: str | None
    subject_pattern: str
    grade: Literal["environment-bound", "repository-wide", "workspace-wide"]
    environment: str | None = None
    steps: str | None = None


class AsIsView(NamedTuple):
    """A role that is adopted as is: the reason, and the last day as text, which sorts as days do."""

    reason: str
    until: str


class RoleView(_Frozen):
    """A role in one account."""

    key: str
    name: str
    arn: str
    path: str
    description: str | None
    owner: str | None
    grade: str
    trust_policy: dict[str, Any]
    managed_policy_arns: list[str]
    inline_policies: dict[str, dict[str, Any]]
    permissions_boundary_arn: str | None
    max_session_duration: int
    expires: str | None
    tags: dict[str, str]
    trust: list[TrustView]
    previous_keys: list[str] = []

    @property
    def admin_reason(self) -> str | None:
        """The reason for admin access, or ``None``, if known."""
        return (self.others or {}).get("admin_reason")

    @property
    def adopted_as_is(self) -> AsIsView | None:
        """Why and until when it keeps the trust that it was found with, or ``None``, if known."""
        values = (self.others or {}).get("adopted_as_is")
        return AsIsView(values["reason"], values["until"]) if values else None

    @property
    def own_values(self) -> tuple[tuple[str, str], ...]:
        """Values that other roles with the same text have otherwise, by the names of the inventory's variables.

        The environment is one only if the role's key has it: else roles of staging and production would be alike.
        """
        family, _, item = self.key.removesuffix("]").partition("[")
        values = {"role": family}
        if len(repositories := {(line.workspace, line.repository) for line in self.trust}) == 1:
            workspace, repository = next(iter(repositories))
            if repository is not None:
                values["repository"] = f"{workspace}/{repository}"
                if repository_in(self.key) == values["repository"]:
                    values["repository_name"] = repository
        environment = next((line.environment for line in self.trust), None)
        if environment is not None and (item == environment or item.endswith(f", {environment}")):
            values["environment"] = environment
        return tuple(values.items())


class AccountView(_Frozen):
    """An account."""

    key: str
    id: str
    partition: str
    region: str | None
    oidc_providers: list[OidcProviderView]
    roles: list[RoleView]
    previous_keys: list[str] = []

    @property
    def own_values(self) -> tuple[tuple[str, str], ...]:
        """Values that other accounts have otherwise, by the names of the inventory's variables."""
        region = (("region", self.region),) if self.region else ()
        return ("account", self.key), ("account_id", self.id), *region


class PlanView(BaseModel):
    """All accounts."""

    model_config = ConfigDict(frozen=True, strict=True, hide_input_in_errors=True)

    accounts: list[AccountView]

    @classmethod
    def of(cls, plan: AccessPlan) -> "PlanView":
        """Return the view of a compiled plan: its JSON and the fields that the JSON omits."""
        data = plan_json(plan)
        for account, shown in zip(plan.accounts, data["accounts"], strict=True):
            _complete(account, shown)
        return cls.model_validate(data)

    @property
    def role_count(self) -> int:
        """Roles in all accounts."""
        return sum(len(account.roles) for account in self.accounts)

    @property
    def cells(self) -> frozenset[tuple[str, str | None]]:
        """The keys of each account, with ``None``, and of each role in it."""
        accounts: set[tuple[str, str | None]] = {(account.key, None) for account in self.accounts}
        return frozenset(accounts | {(account.key, role.key) for account in self.accounts for role in account.roles})


def _complete(part: "DataclassInstance", shown: dict[str, Any]) -> None:
    """Add the fields that the JSON omits, to a part of the plan and to the parts below it."""
    omitted: dict[str, Any] = {}
    for field in fields(part):
        value = getattr(part, field.name)
        if field.name == "previous_keys":
            shown[field.name] = list(value)
        elif field.name not in shown:
            omitted[field.name] = value
        elif isinstance(value, tuple) and value and is_dataclass(value[0]):
            for below, shown_below in zip(value, shown[field.name], strict=True):
                _complete(below, shown_below)
    shown["others"] = json.loads(json.dumps(omitted, default=_plain))


def _plain(value: object) -> object:
    if is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    return dict(value) if isinstance(value, Mapping) else str(value)


NOTHING = PlanView(accounts=[])
"""The plan before the first inventory."""


def own_audiences(account: AccountView) -> Mapping[str, str]:
    """Return the audience that every token of a workspace carries, by workspace."""
    return {
        oidc_provider.workspace: oidc_provider.audiences[0]
        for oidc_provider in account.oidc_providers
        if oidc_provider.audiences
    }
