"""Filters: what a selection keeps of a plan, and what it refuses."""

from dataclasses import fields, replace
from fnmatch import fnmatchcase
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from access.compile import compile_plan
from access.plan import AccessPlan, AccountPlan, RolePlan, TrustPlan
from access.selection import Selection, narrow
from config.load import load_inventory
from config.models.family import family_of
from oidc.errors import UsageError
from oidc.identifiers import AccountId, WorkspaceSlug

PROJECT = Path(__file__).parent.parent.parent
WIDE = PROJECT / "tests" / "fixtures" / "inventories" / "wide"


def plan_in(path: Path) -> AccessPlan:
    plan = compile_plan(load_inventory(path)).plan
    assert plan is not None
    return plan


PLAN = plan_in(next(path for path in (WIDE, WIDE.with_suffix(".yaml")) if path.exists()))
(ACCOUNT, ROLE), *_ = ((account, role) for account in PLAN.accounts for role in account.roles)
LINE = ROLE.trust[0]

lines = st.builds(
    lambda workspace, repository, steps: replace(
        LINE,
        workspace=WorkspaceSlug(workspace),
        repository=repository if steps != "whole" else None,
        environment=steps if steps in ("production", "test") else None,
        steps={"whole": "all_including_environments", "production": None, "test": None}.get(steps, steps),
    ),
    st.sampled_from(["acme", "labs"]),
    st.sampled_from(["shop", "shop-api"]),
    st.sampled_from(["whole", "production", "test", "outside_environments", "all_including_environments"]),
)
roles = st.builds(
    lambda key, name, owner, trust: replace(ROLE, key=key, name=name, owner=owner, trust=tuple(trust)),
    st.sampled_from(["deploy", "read", "deploy[acme/shop]", "deploy[labs/shop, test]"]),
    st.sampled_from(["deploy", "shop-read"]),
    st.sampled_from([None, "team-a", "team [b]"]),
    st.lists(lines, min_size=1, max_size=3),
)
plans = st.lists(st.lists(roles, max_size=3), max_size=3).map(
    lambda accounts: AccessPlan(
        tuple(
            replace(ACCOUNT, key=f"prod-{index}", id=AccountId(f"{index}" * 12), roles=tuple(its))
            for index, its in enumerate(accounts)
        )
    )
)
PATTERNS = {
    "accounts": ["prod-0", "prod-*", "111111111111", "prod-?", "other"],
    "roles": ["deploy", "read", "deploy[acme/shop]", "deploy[*", "deploy[*, test]", "*read", "other"],
    "repositories": ["acme/shop", "acme/*", "*/shop", "labs/other", "other/shop", "shop"],
    "environments": ["production", "t?st", "*", "other"],
    "owners": ["team-a", "team*", "team [b]", "other"],
}
selections = st.builds(
    Selection, **{name: st.lists(st.sampled_from(some), max_size=2).map(tuple) for name, some in PATTERNS.items()}
)


def is_like(name: str, pattern: str) -> bool:
    return name == pattern or fnmatchcase(name, pattern.replace("[", "[[]"))


def is_trusted(line: TrustPlan, repository: str | None, environment: str | None) -> bool:
    """Ask a line about every repository and environment that its words admit."""
    slugs = [line.repository] if line.repository else ["shop", "shop-api", "other"]
    names = {"outside_environments": [], "all_including_environments": ["production", "test", "other"]}
    environments = [line.environment] if line.environment else names[line.steps or ""]
    return (repository is None or any(is_like(f"{line.workspace}/{slug}", repository) for slug in slugs)) and (
        environment is None or any(is_like(name, environment) for name in environments)
    )


def is_asked_for(account: AccountPlan, role: RolePlan, selection: Selection) -> bool:
    """Tell it by the words of the options, one after the other."""
    names = [role.key, family_of(role.key), role.name]
    return all(
        [
            not selection.accounts
            or any(is_like(name, pattern) for name in (account.key, account.id) for pattern in selection.accounts),
            not selection.roles or any(is_like(name, pattern) for name in names for pattern in selection.roles),
            not selection.owners
            or any(role.owner is not None and is_like(role.owner, pattern) for pattern in selection.owners),
            any(
                is_trusted(line, repository, environment)
                for line in role.trust
                for repository, environment in product(
                    selection.repositories or (None,), selection.environments or (None,)
                )
            ),
        ]
    )


def matches_alone(plan: AccessPlan, entry: Selection) -> bool:
    """Tell whether a selection of one entry matches an account or a role."""
    roles = [(account, role) for account in plan.accounts for role in (*account.roles, *[ROLE][: len(entry.accounts)])]
    return any(is_asked_for(account, role, entry) for account, role in roles)


@settings(max_examples=400)
@given(plans, selections)
def test_a_selection_keeps_exactly_the_roles_that_its_options_ask_for(plan: AccessPlan, selection: Selection) -> None:
    expected = [
        (account.key, role)
        for account in plan.accounts
        for role in account.roles
        if is_asked_for(account, role, selection)
    ]
    entries = [Selection(**{name: (pattern,)}) for name in PATTERNS for pattern in getattr(selection, name)]
    all_match = all(matches_alone(plan, entry) for entry in entries)
    try:
        part = narrow(plan, selection)
    except UsageError:
        assert not expected or not all_match
        return
    assert all_match
    assert [(account.key, role) for account in part.plan.accounts for role in account.roles] == expected
    assert part.whole is plan
    for account in part.plan.accounts:
        (same,) = [other for other in plan.accounts if other.key == account.key]
        assert replace(account, roles=same.roles) == same
        assert account.roles or replace(selection, accounts=()).is_everything


def test_every_filter_is_among_the_tried_ones() -> None:
    assert PATTERNS.keys() == {field.name for field in fields(Selection)}


def test_no_filter_gives_the_plan_itself() -> None:
    part = narrow(PLAN, Selection())
    assert part.plan is PLAN
    assert part.in_words == ""


def plan_with(**changes: Any) -> AccessPlan:
    trust = (
        replace(LINE, workspace=WorkspaceSlug("acme"), repository="shop", environment="production", steps=None),
        replace(LINE, workspace=WorkspaceSlug("labs"), repository="lab", environment="test", steps=None),
    )
    role = replace(ROLE, **({"key": "deploy", "name": "deploy", "owner": "team-a", "trust": trust} | changes))
    return AccessPlan((replace(ACCOUNT, key="prod", roles=(role,)), replace(ACCOUNT, key="empty", roles=())))


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        (Selection(accounts=("prd",)), "--account: `prd` matches nothing in the plan; did you mean `prod`?"),
        (Selection(roles=("deplo",)), "--role: `deplo` matches nothing in the plan; did you mean `deploy`?"),
        (Selection(roles=("x*",)), "--role: `x*` matches nothing in the plan; the plan has deploy"),
        (
            Selection(repositories=("acme/shp",)),
            "--repository: `acme/shp` matches nothing in the plan; did you mean `acme/shop`?",
        ),
        (
            Selection(repositories=("shop",)),
            "--repository: `shop` matches nothing in the plan; did you mean `acme/shop`?",
        ),
        (
            Selection(repositories=("x",)),
            "--repository: `x` matches nothing in the plan; write WORKSPACE/REPOSITORY, such as acme/shop or acme/*",
        ),
        (
            Selection(environments=("Production",)),
            "--environment: `Production` matches nothing in the plan; did you mean `production`?",
        ),
        (Selection(owners=("team-b",)), "--owner: `team-b` matches nothing in the plan; did you mean `team-a`?"),
        (
            Selection(repositories=("acme/shop",), environments=("test",)),
            "no role matches --repository acme/shop --environment test together; remove one of these filters",
        ),
        (
            Selection(accounts=("empty",), roles=("*",)),
            "no role matches --account empty --role '*' together; remove one of these filters",
        ),
    ],
)
def test_a_filter_that_matches_nothing_is_an_error_of_one_line(selection: Selection, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        narrow(plan_with(), selection)
    assert str(caught.value) == message


def test_an_account_without_roles_is_shown_if_only_accounts_are_asked_for() -> None:
    part = narrow(plan_with(), Selection(accounts=("empty",)))
    assert [account.key for account in part.plan.accounts] == ["empty"]
    assert part.in_words == "filtered by --account empty: 0 of 1 roles in 1 of 2 accounts"


@pytest.mark.parametrize(
    ("selection", "note"),
    [
        (
            Selection(repositories=("acme/shp",)),
            (
                "--repository: `acme/shp` is named in no trust; these roles trust every repository of the workspace; "
                "the plan has none"
            ),
        ),
        (
            Selection(environments=("live",)),
            "--environment: `live` is named in no trust; these roles trust every step; the plan has none",
        ),
    ],
)
def test_a_name_that_only_wider_trust_matches_is_noted(selection: Selection, note: str) -> None:
    whole = replace(
        LINE, workspace=WorkspaceSlug("acme"), repository=None, environment=None, steps="all_including_environments"
    )
    part = narrow(plan_with(trust=(whole,)), selection)
    assert part.plan.role_count == 1
    assert part.notes == (note,)
