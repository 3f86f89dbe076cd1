"""What the proof relies on: of who gets in, the models hold what was written, no more and no less."""

from datetime import date
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from config.models.account import AccountsByLabel
from config.models.inventory import Inventory
from config.models.role import Override, PlanRole, Role
from config.models.trust import TrustEntry
from config.validation import validate
from tests.config.inventory_strategies import ENVIRONMENTS, REPOSITORIES, some_of


def a_uuid(number: int) -> str:
    return f"{{{number:08x}-0000-4000-8000-000000000000}}"


SLUGS = st.sampled_from(["acme", "beta", "x.y", "a_b", "shop"])
KEYS = st.sampled_from(["prod", "prod-eu", "dev", "p*", "[pd]*"])
UUIDS = st.integers(0, 2**32 - 1).map(a_uuid)
AUDIENCES = some_of("deployments", "artifacts", "https://example.com/x")
DAYS = st.dates(date(2020, 1, 1), date(2400, 1, 1))
ENTRIES = st.one_of(
    st.fixed_dictionaries(
        {"repository": st.sampled_from(REPOSITORIES), "environments": some_of(*ENVIRONMENTS)},
        optional={"audiences": AUDIENCES},
    ),
    st.fixed_dictionaries(
        {
            "repository": st.sampled_from(REPOSITORIES),
            "steps": st.sampled_from(["outside_environments", "all_including_environments"]),
        },
        optional={"audiences": AUDIENCES},
    ),
    st.fixed_dictionaries(
        {"dangerously_whole_workspace": st.fixed_dictionaries({"workspace": SLUGS, "reason": st.just("because")})}
    ),
)
TRUST = st.lists(ENTRIES, min_size=1, max_size=3)
SETTINGS = {
    "path": st.sampled_from(["/", "/ci/", "/a/b/"]),
    "source_ips": st.just("atlassian") | some_of("203.0.113.0/24", "198.51.100.7/32", "2001:db8::/32", "0.0.0.0/0"),
    "source_vpces": some_of("vpce-0123456789abcdef0", "vpce-0123456789abcdef1"),
    "bind_session": st.booleans(),
    "expires": DAYS,
}
LABELS = st.dictionaries(st.sampled_from(["env", "team"]), st.sampled_from(["prod", "dev", "core"]), min_size=1)
PLAN_ROLES = st.fixed_dictionaries({"trust": TRUST, "inline_policies": st.just([])}, optional=SETTINGS)
ROLES = st.fixed_dictionaries(
    {
        "accounts": some_of("prod", "prod-*", "dev")
        | st.fixed_dictionaries({"labels": LABELS}, optional={"exclude": some_of("legacy-*", "dev")}),
        "trust": TRUST,
    },
    optional={
        **SETTINGS,
        "name": st.sampled_from(["deploy", "A_b"]),
        "overrides": st.dictionaries(KEYS, st.fixed_dictionaries({}, optional=SETTINGS), max_size=2),
        "plan_role": PLAN_ROLES,
    },
)
WORKSPACES = st.fixed_dictionaries(
    {},
    optional={
        "uuid": UUIDS,
        "audiences": AUDIENCES,
        "previous_slugs": st.dictionaries(SLUGS, st.fixed_dictionaries({"expires": DAYS}), max_size=2),
        "repositories": st.dictionaries(
            SLUGS,
            UUIDS
            | st.none()
            | st.fixed_dictionaries(
                {}, optional={"uuid": UUIDS, "environments": st.dictionaries(st.sampled_from(ENVIRONMENTS), UUIDS)}
            ),
        ),
    },
)
ACCOUNTS = st.fixed_dictionaries(
    {"id": st.from_regex(r"[0-9]{12}", fullmatch=True)},
    optional={"labels": LABELS, "partition": st.sampled_from(["aws", "aws-us-gov", "aws-cn"])},
)
INVENTORIES = st.fixed_dictionaries(
    {
        "workspaces": st.dictionaries(SLUGS, WORKSPACES, max_size=3),
        "accounts": st.dictionaries(SLUGS, ACCOUNTS, max_size=3),
        "roles": st.dictionaries(SLUGS, ROLES, max_size=3),
    },
    optional={"defaults": st.fixed_dictionaries({}, optional={"path": SETTINGS["path"]})},
)


@given(INVENTORIES)
def test_the_models_hold_the_trust_as_written(data: dict[str, Any]) -> None:
    validated = validate(data)
    assert not validated.faults
    assert as_written(validated.inventory) == {
        "defaults": data.get("defaults", {}),
        "workspaces": {slug: with_long_forms(workspace) for slug, workspace in data["workspaces"].items()},
        "accounts": data["accounts"],
        "roles": data["roles"],
    }


def with_long_forms(workspace: dict[str, Any]) -> dict[str, Any]:
    if "repositories" not in workspace:
        return workspace
    repositories = {
        slug: {"uuid": repository} if isinstance(repository, str) else repository or {}
        for slug, repository in workspace["repositories"].items()
    }
    return {**workspace, "repositories": repositories}


def as_written(inventory: Inventory) -> dict[str, Any]:
    """Write an inventory again from its models, attribute by attribute as the proof reads them."""
    return {
        "defaults": dict.fromkeys(inventory.defaults.model_fields_set, inventory.defaults.path),
        "workspaces": {
            slug: of(
                workspace,
                uuid=workspace.uuid,
                audiences=list(workspace.audiences),
                previous_slugs={old: {"expires": each.expires} for old, each in workspace.previous_slugs.items()},
                repositories={
                    name: of(
                        repository,
                        uuid=repository.uuid,
                        environments={called: each.uuid for called, each in repository.environments.items()},
                    )
                    for name, repository in workspace.repositories.items()
                },
            )
            for slug, workspace in inventory.workspaces.items()
        },
        "accounts": {
            key: of(account, id=account.id, labels=dict(account.labels), partition=account.partition.value)
            for key, account in inventory.accounts.items()
        },
        "roles": {key: a_role(role) for key, role in inventory.roles.items()},
    }


def of(model: Any, **values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name in model.model_fields_set}


def a_role(role: Role) -> dict[str, Any]:
    accounts: Any = list(role.accounts) if isinstance(role.accounts, tuple) else labels(role.accounts)
    plan = {**settings(role.plan_role), "inline_policies": [], **trust(role.plan_role)} if role.plan_role else None
    overrides = {pattern: settings(override) for pattern, override in role.overrides.items()}
    return (
        settings(role) | trust(role) | of(role, name=role.name, accounts=accounts, plan_role=plan, overrides=overrides)
    )


def labels(accounts: AccountsByLabel) -> dict[str, Any]:
    return of(accounts, labels=dict(accounts.labels), exclude=list(accounts.exclude))


def settings(holder: Role | Override | PlanRole) -> dict[str, Any]:
    networks: Any = holder.source_ips if isinstance(holder.source_ips, str) else list(map(str, holder.source_ips or ()))
    return of(
        holder,
        path=holder.path,
        source_ips=networks,
        source_vpces=list(holder.source_vpces or ()),
        bind_session=holder.bind_session,
        expires=holder.expires,
    )


def trust(holder: Role | PlanRole) -> dict[str, Any]:
    return {"trust": [an_entry(entry) for entry in holder.trust]}


def an_entry(entry: TrustEntry) -> dict[str, Any]:
    whole = entry.dangerously_whole_workspace
    return of(
        entry,
        repository=entry.repository,
        environments=list(entry.environments or ()),
        steps=entry.steps.value if entry.steps else None,
        dangerously_whole_workspace=whole and {"workspace": whole.workspace, "reason": whole.reason},
        audiences=list(entry.audiences),
    )
