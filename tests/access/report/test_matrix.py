"""A row of the matrix has every role that its steps may assume, by whatever trust."""

import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.large_inventory import write_large_inventory
from review.report import matrix as matrix_module
from review.report.matrix import in_full, matrix
from tests.access.report.conftest import FIXTURES, compiled, html_of
from tests.access.report.parsed_page import ParsedPage, text

PageOf = Callable[..., ParsedPage]
PRODUCTION, STAGING = "deployment environment production", "deployment environment staging"
EVERY = "every step, deployment environments included"
ALLOWED = "allow: {production-outside-environments: This is a test}"


def test_a_role_stands_in_the_rows_and_columns_of_its_trust_and_accounts(page_of: PageOf) -> None:
    page = page_of(
        "roles: {r: {accounts: [dev], trust: [{repository: acme/shop, environments: [production]}]}, "
        "q: {accounts: [prod], trust: [{repository: acme/shop, environments: [staging]}]}}\n"
    )
    assert list(page.cells("acme")) == [
        ("acme/shop", PRODUCTION, "dev", "r"),
        ("acme/shop", STAGING, "prod", "q"),
    ]


def test_trust_in_every_step_reaches_each_deployment_environment(page_of: PageOf) -> None:
    page = page_of(
        "roles: {r: {accounts: [dev], trust: [{repository: acme/shop, environments: [production]}]}, "
        f"wide: {{accounts: [prod], {ALLOWED}, "
        "trust: [{repository: acme/shop, steps: all_including_environments}]}}\n"
    )
    assert set(page.cells("acme")) == {
        ("acme/shop", EVERY, "prod", "wide repository-wide"),
        ("acme/shop", PRODUCTION, "dev", "r"),
        ("acme/shop", PRODUCTION, "prod", "wide repository-wide"),
    }


def test_trust_outside_environments_reaches_none(page_of: PageOf) -> None:
    page = page_of(
        "roles: {r: {accounts: [prod], trust: [{repository: acme/shop, environments: [production]}]}, "
        f"out: {{accounts: [dev], {ALLOWED}, trust: [{{repository: acme/shop, steps: outside_environments}}]}}}}\n"
    )
    assert set(page.cells("acme")) == {
        ("acme/shop", "steps outside deployment environments", "dev", "out repository-wide"),
        ("acme/shop", PRODUCTION, "prod", "r"),
    }


def test_trust_in_a_workspace_reaches_every_row_of_it() -> None:
    page = ParsedPage(html_of(FIXTURES / "wide"))
    rows = {(repository, steps) for repository, steps, _, _ in page.cells("acme")}
    reached = {(repository, steps) for repository, steps, _, role in page.cells("acme") if "whole-workspace" in role}
    assert rows == reached
    assert ("acme/*", "every step") in rows
    assert all("workspace-wide" in role for _, _, _, role in page.cells("acme") if role.startswith("whole-workspace"))


def test_the_wider_of_two_trust_entries_is_shown(page_of: PageOf) -> None:
    page = page_of(
        f"roles: {{r: {{accounts: [dev], {ALLOWED}, trust: [{{repository: acme/shop, environments: [production]}}, "
        "{repository: acme/shop, steps: all_including_environments}]}}\n"
    )
    assert ("acme/shop", PRODUCTION, "dev", "r repository-wide") in set(page.cells("acme"))


def test_accounts_with_the_same_roles_share_a_column(page_of: PageOf) -> None:
    page = page_of(
        "roles: {r: {accounts: [dev, prod], trust: [{repository: acme/shop, environments: [production]}]}, "
        "q: {accounts: ['*'], trust: [{repository: acme/shop, environments: [staging]}]}}\n"
    )
    assert {(column, role) for _, _, column, role in page.cells("acme")} == {
        ("dev, prod (2 accounts)", "r"), ("dev, prod (2 accounts)", "q"), ("data", "q"),
    }  # fmt: skip


def test_a_table_that_would_be_too_large_lists_its_roles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matrix_module, "MOST_CELLS", 5)
    page = ParsedPage(html_of(FIXTURES / "acme"))
    assert page.errors == []
    listed = page.one("table", class_="matrix listed")
    rows = {text(row.find("th")): text(row.find("td")) for row in listed.iter("tr") if row.find("td") is not None}
    assert rows["deployment environment plan"] == "terraform-plan in data, dev, prod, staging"
    assert rows[PRODUCTION] == "site-publish in prod"


def test_a_row_of_a_list_counts_the_roles_of_wider_trust(monkeypatch: pytest.MonkeyPatch, page_of: PageOf) -> None:
    monkeypatch.setattr(matrix_module, "MOST_CELLS", 1)
    page = page_of(
        "roles: {r: {accounts: [dev], trust: [{repository: acme/shop, environments: [production]}]}, "
        f"wide: {{accounts: [dev, prod], {ALLOWED}, "
        "trust: [{repository: acme/shop, steps: all_including_environments}]}, whole: {accounts: ['*'], "
        "expires: 2031-12-31, allow: {whole-workspace-trust: This is a test}, "
        "trust: [{dangerously_whole_workspace: {workspace: acme, reason: This is a test}}]}}\n"
    )
    rows = {text(row.find("th")): text(row.find("td")) for row in page.all("tr") if row.find("td") is not None}
    assert rows[PRODUCTION] == (
        "r in dev Also 2 roles of every step of this repository, listed above. Also 3 roles of every step of acme."
    )
    assert rows[EVERY] == "wide repository-wide in dev, prod Also 3 roles of every step of acme."
    assert rows["every step"] == "whole workspace-wide in data, dev, prod"


_KEYS = st.from_regex(r"[a-z]-?[0-9]{0,2}-?[a-z]?", fullmatch=True)


@given(st.sets(_KEYS | st.integers(0, 40).map(lambda number: f"prod-{number:02}")))
def test_every_account_is_named_in_full_and_no_other(accounts: set[str]) -> None:
    named: list[str] = []
    for part in in_full(sorted(accounts)).split(", ") if accounts else []:
        first, _, last = part.partition(" to ")
        named += [first] if not last else numbered(first, last)
    assert sorted(named) == sorted(accounts)


def numbered(first: str, last: str) -> list[str]:
    """Count from one key to another as a reader does."""
    (before, start, after), (_, end, _) = (re.fullmatch(r"(.*?)(\d+)(\D*)", key).groups() for key in (first, last))  # type: ignore[union-attr]
    return [f"{before}{number:0{len(start)}}{after}" for number in range(int(start), int(end) + 1)]


def test_the_matrix_is_that_of_the_plan_whatever_its_size() -> None:
    plan = compiled(FIXTURES / "acme").plan
    assert plan is not None
    with_columns = matrix(plan)
    assert all(table.has_columns for table in with_columns)
    assert [table.workspace for table in with_columns] == ["acme", "acme-data"]


def calls(inventory: Path) -> int:
    """Count the calls of functions that a matrix takes, which do not depend on the machine."""
    plan = compiled(inventory).plan
    assert plan is not None
    count = 0

    def called(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        count += event == "call"

    sys.setprofile(called)
    try:
        matrix(plan)
    finally:
        sys.setprofile(None)
    return count


def test_three_times_the_roles_take_three_times_the_work(tmp_path: Path) -> None:
    for name, times in (("small", 1), ("large", 3)):
        write_large_inventory(
            tmp_path / name, roles=600 * times, repositories=300 * times, accounts=60 * times, files=10
        )
    assert calls(tmp_path / "large") < 3.3 * calls(tmp_path / "small")
