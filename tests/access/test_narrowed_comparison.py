"""A comparison under filters: each change is shown for its account and its role, and nowhere else."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from access.comparison.compare import compare
from access.comparison.narrow import narrow_comparison
from access.comparison.view import PlanView
from access.compile import compile_plan
from access.selection import Selection
from config.load import load_inventory
from oidc.errors import UsageError
from tests.sandbox.inventory_sequences import sequence

ROLES = """
workspaces:
  acme:
    uuid: "{0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11}"
    repositories:
      shop:
        uuid: "{9a6d6bde-2ae3-4d4c-8a43-1f6a5d9a3c01}"
        environments: {production: "{c2b1a5de-6b7e-4d4b-b1a0-6a9d8c7b5e03}"}
accounts:
  prod: {id: "222222222222"}
  dev: {id: "111111111111"}
defaults: {thumbprints: omit}
roles:
  deploy: {owner: a, accounts: [prod], trust: [{repository: acme/shop, environments: [production]}]}
  read: {owner: b, accounts: [dev], trust: [{repository: acme/shop, environments: [production]}]}
"""


def view_of(path: Path) -> PlanView:
    plan = compile_plan(load_inventory(path)).plan
    assert plan is not None
    return PlanView.of(plan)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**32))
def test_the_filters_of_all_accounts_together_show_each_change_once(tmp_path: Path, seed: int) -> None:
    inventories = sequence(seed, tmp_path)
    before, after = view_of(next(inventories)), view_of(next(inventories))
    whole = compare(before, after)
    ids = sorted({account.id for view in (before, after) for account in view.accounts})
    parts = [narrow_comparison(whole, before, after, Selection(accounts=(account_id,))) for account_id in ids]
    shown = [change for part in parts for change in part.comparison.changes]
    assert sorted(map(repr, shown)) == sorted(map(repr, whole.changes))
    assert sum(part.comparison.roles_before for part in parts) == before.role_count
    assert sum(part.comparison.roles_after for part in parts) == after.role_count
    assert sorted(arn for part in parts for arn in part.comparison.roles_lost) == list(whole.roles_lost)
    assert all(part.whole is whole for part in parts)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**32), st.data())
def test_the_filter_of_a_role_shows_all_of_its_changes_and_of_no_other_role(
    tmp_path: Path, seed: int, data: st.DataObject
) -> None:
    inventories = sequence(seed, tmp_path)
    before, after = view_of(next(inventories)), view_of(next(inventories))
    whole = compare(before, after)
    roles = {role.arn: role.key for view in (after, before) for account in view.accounts for role in account.roles}
    if not roles:
        return
    wanted = data.draw(st.sampled_from(sorted(roles.values())))
    kept = {
        role.arn
        for view in (before, after)
        for account in view.accounts
        for role in account.roles
        if wanted in (role.key, role.name, role.key.partition("[")[0])
    }
    part = narrow_comparison(whole, before, after, Selection(roles=(wanted,)))
    of_roles = [change for change in part.comparison.changes if change.role is not None]
    assert of_roles == [change for change in whole.changes if change.role is not None and change.arn in kept]


def test_a_role_that_gets_another_owner_is_shown_for_both(tmp_path: Path) -> None:
    for name, text in (("old", ROLES), ("new", ROLES.replace("owner: a", "owner: c, max_session_duration: 2h"))):
        (tmp_path / f"{name}.yaml").write_text(text)
    before, after = view_of(tmp_path / "old.yaml"), view_of(tmp_path / "new.yaml")
    whole = compare(before, after)
    for owner in ("a", "c"):
        part = narrow_comparison(whole, before, after, Selection(owners=(owner,)))
        assert part.comparison.changes == whole.changes
        assert part.in_words.endswith(f"{len(whole.changes)} of {len(whole.changes)} changes, of 1 of 2 roles")
    part = narrow_comparison(whole, before, after, Selection(owners=("b",)))
    assert part.comparison.changes == ()
    assert whole.changes_access
    with pytest.raises(UsageError, match="did you mean"):
        narrow_comparison(whole, before, after, Selection(accounts=("prd",)))
