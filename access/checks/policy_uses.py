"""Find the roles that have each inline policy, and the place in the inventory of a fault in it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from access.plan import AccountPlan, RolePlan
from config.load import Loaded
from config.models.family import family_of
from config.models.role import Override, Role
from config.variables import render
from config.yaml.document import Path
from oidc.iam.document import PolicyDocument, parse
from oidc.iam.pattern import matches
from oidc.iam.statement import Place, Statement

RolesWithOverrides = Mapping[str, tuple[Role, tuple[str, Override] | None]]
"""The roles of one account by key, each with its override in the account, and the pattern of the override."""


@dataclass(frozen=True, slots=True)
class PolicyUse:
    """A permission policy as it is rendered for some roles of one account.

    Attributes:
        name: Name of the permission policy.
        account: The account.
        document: The rendered document; it differs between roles if it names the role.
        holders: The roles that have it.
    """

    name: str
    account: AccountPlan
    document: PolicyDocument
    holders: tuple[RolePlan, ...]

    def values(self, loaded: Loaded) -> dict[str, str]:
        """Return the values of the variables in it."""
        return values_of(loaded, self.account, self.holders[0].key)


def policy_uses(accounts: Iterable[AccountPlan]) -> Iterator[PolicyUse]:
    """Yield every inline policy of every account, each rendered document once.

    Roles that declare admin access (``dangerously_allow_admin``) are left out.
    """
    for account in accounts:
        holders: dict[tuple[str, PolicyDocument], list[RolePlan]] = {}
        for role in account.roles:
            if role.admin_reason is None:
                for name, document in role.inline_policies.items():
                    holders.setdefault((name, document), []).append(role)
        for (name, document), roles in holders.items():
            yield PolicyUse(name, account, document, tuple(roles))


def effective_list(key: str, name: str, role: Role, override: tuple[str, Override] | None) -> tuple[Path, Any]:
    """Return the place of a role's effective list of policies in an account, and the list."""
    if override is not None and name in override[1].model_fields_set:
        return ("roles", key, "overrides", override[0], name), getattr(override[1], name)
    return ("roles", key, name), getattr(role, name)


def _declared_statement(loaded: Loaded, name: str, index: int) -> Statement:
    """Return a statement of a permission policy as the inventory declares it, with its variables."""
    return parse(loaded.inventory.permission_policies[name].document or {}).statements[index]


def _path(name: str, place: Place) -> Path:
    return ("permission_policies", name, "document", *place)


def action_path(loaded: Loaded, use: PolicyUse, index: int, action: str) -> Path:
    """Return the place in a statement of an action, or of a pattern that covers it."""
    statement = _declared_statement(loaded, use.name, index)
    actions = statement.element("Action")
    if actions is None:
        return _path(use.name, (*statement.place, "NotAction"))
    for position, text in enumerate(actions.values):
        if matches(action.lower(), render(text, use.values(loaded)).lower()):
            return _path(use.name, actions.place_of(position))
    return _path(use.name, statement.place)


def rendered_resources(loaded: Loaded, use: PolicyUse, index: int) -> Iterator[tuple[Path, str]]:
    """Yield every rendered ``Resource`` or ``NotResource`` of a statement, with its place."""
    statement = _declared_statement(loaded, use.name, index)
    for element in statement.elements:
        if element.name in ("Resource", "NotResource"):
            for position, text in enumerate(element.values):
                yield _path(use.name, element.place_of(position)), render(text, use.values(loaded))


def values_of(loaded: Loaded, account: AccountPlan, key: str) -> dict[str, str]:
    """Return the values of the inventory's variables for a role of an account, including those of its family."""
    return {
        "account": account.key,
        "account_id": account.id,
        "partition": account.partition.value,
        "region": account.region or account.partition.iam_region,
        "role": family_of(key),
    } | loaded.inventory.roles[key].item.variables
