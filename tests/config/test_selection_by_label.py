"""A label that no account has: an error with the right label, unless an account that is not known yet may have it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from access.compile import compile_plan
from config.load import load_inventory
from config.selectors import selection_digest

Inventory = Callable[..., Path]
ROLE = "roles: {r: {accounts: {labels: LABELS}, trust: [{repository: acme/shop, environments: [production]}]}}\n"
MORE = "accounts: {uat: {id: '333333333333', labels: {env: uat, team: core}}}\n"
ORGANIZATION = {"ou": ["ou-ab12-11111111"]}
SELECTION = "accounts_from: {organization: {ou: [ou-ab12-11111111]}}\n"
SELECTED = (
    f'answers: {{accounts_from: "{selection_digest(ORGANIZATION)}"}}\n'
    'selected_accounts: {perf: {id: "444444444444", name: perf, labels: {stage: perf}}}\n'
)


def findings(folder: Path) -> list[tuple[str, str]]:
    return [(finding.rule, finding.hint) for finding in compile_plan(load_inventory(folder)).findings]


def role(labels: str) -> str:
    return ROLE.replace("LABELS", labels)


@pytest.mark.parametrize(
    ("labels", "hint"),
    [
        ("{env: ua}", "did you mean `uat`?"),
        ("{env: UAT}", "did you mean `uat`?"),
        ("{teams: core}", "did you mean `team`?"),
        ("{team: payments}", "its values are core, data"),
    ],
)
def test_a_label_that_no_account_has_is_an_error_with_the_right_one(
    write_inventory: Inventory, labels: str, hint: str
) -> None:
    assert findings(write_inventory(role(labels), more_yaml=MORE)) == [("unknown-label", hint)]


def test_labels_that_no_account_has_together_are_a_warning(write_inventory: Inventory) -> None:
    found = findings(write_inventory(role("{env: uat, team: data}"), more_yaml=MORE))
    assert found == [("selects-no-account", "name one, or remove the role")]


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from(["env", "team", "tier"]), st.sampled_from(["uat", "core", "a"]), min_size=1))
def test_only_labels_that_accounts_have_pass(write_inventory: Inventory, labels: dict[str, str]) -> None:
    written = ", ".join(f"{key}: {value}" for key, value in labels.items())
    found = findings(write_inventory(role(f"{{{written}}}"), more_yaml=MORE))
    known = {("env", "uat"), ("team", "core")}
    assert [rule for rule, _ in found] == ["unknown-label"] * len(labels.items() - known)


def test_the_labels_of_accounts_that_the_lock_selects_count(write_inventory: Inventory) -> None:
    folder = write_inventory(role("{stage: perf}"), more_yaml=SELECTION)
    (folder / "inventory.lock.yaml").write_text(SELECTED)
    assert findings(folder) == []
    write_inventory(role("{stage: pref}"), more_yaml=SELECTION)
    assert findings(folder) == [("unknown-label", "did you mean `perf`?")]


@pytest.mark.parametrize("lock", [None, SELECTED.replace("sha256:", "sha256:x")], ids=["no answer", "a broken lock"])
def test_a_label_is_not_judged_while_the_selected_accounts_are_unknown(
    write_inventory: Inventory, lock: str | None
) -> None:
    folder = write_inventory(role("{stage: perf}"), more_yaml=SELECTION)
    if lock is not None:
        (folder / "inventory.lock.yaml").write_text(lock)
    assert "unknown-label" not in [rule for rule, _ in findings(folder)]


def test_a_label_is_not_judged_while_an_account_or_a_file_has_a_fault(write_inventory: Inventory) -> None:
    broken = write_inventory(role("{env: test}"), more_yaml="accounts: {test: {id: 1, labels: {env: test}}}\n")
    assert [rule for rule, _ in findings(broken)] == ["bad-account-id"]
    unreadable = write_inventory(role("{env: test}"), more_yaml="accounts: {test: {id: '1', labels: {env: test}}\n")
    assert [rule for rule, _ in findings(unreadable)] == ["yaml-syntax"]


def test_a_label_made_of_the_item_of_a_family_may_have_no_account_yet(write_inventory: Inventory) -> None:
    family = (
        'roles: {r: {for_each: {environment: [staging, production]}, name: "r-{{environment}}", '
        'accounts: {labels: {env: "{{environment}}"}}, '
        'trust: [{repository: acme/shop, environments: ["{{environment}}"]}]}}\n'
    )
    uat = MORE.replace("env: uat", "env: staging")
    found = findings(write_inventory(family, more_yaml=uat))
    assert [rule for rule, _ in found] == ["selects-no-account"]
    misspelt = family.replace("labels: {env", "labels: {environ")
    assert "unknown-label" in [rule for rule, _ in findings(write_inventory(misspelt, more_yaml=uat))]
