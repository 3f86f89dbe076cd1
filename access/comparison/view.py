"""What is compared: a plan as ``plan --format json`` writes it, so that a plan in a file and one just compiled are one.

Keys that are not read here are left alone: a later version may write more of them.
"""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from access.plan import AccessPlan
from access.plan_json import plan_json


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, hide_input_in_errors=True)


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


class RoleView(_Frozen):
    """A role in one account."""

    key: str
    name: str
    arn: str
    description: str | None
    owner: str | None
    trust_policy: dict[str, Any]
    managed_policy_arns: list[str]
    inline_policies: dict[str, dict[str, Any]]
    permissions_boundary_arn: str | None
    max_session_duration: int
    tags: dict[str, str]
    trust: list[TrustView]
    previous_keys: list[str] = []


class AccountView(_Frozen):
    """An account."""

    key: str
    id: str
    partition: str
    region: str | None
    oidc_providers: list[OidcProviderView]
    roles: list[RoleView]
    previous_keys: list[str] = []


class PlanView(_Frozen):
    """All accounts."""

    accounts: list[AccountView]

    @classmethod
    def of(cls, plan: AccessPlan) -> "PlanView":
        """See a compiled plan as its JSON shows it, and besides which keys things had before."""
        data = plan_json(plan)
        for account, shown in zip(plan.accounts, data["accounts"], strict=True):
            shown["previous_keys"] = list(account.previous_keys)
            for role, shown_role in zip(account.roles, shown["roles"], strict=True):
                shown_role["previous_keys"] = list(role.previous_keys)
        return cls.model_validate(data)

    @property
    def role_count(self) -> int:
        """Roles in all accounts."""
        return sum(len(account.roles) for account in self.accounts)


NOTHING = PlanView(accounts=[])
"""What there is before the first inventory."""


def own_audiences(account: AccountView) -> Mapping[str, str]:
    """Return the audience that every token of a workspace carries, by workspace."""
    return {found.workspace: found.audiences[0] for found in account.oidc_providers if found.audiences}
