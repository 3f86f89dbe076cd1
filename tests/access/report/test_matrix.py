"""A row of the matrix has every role that its steps may assume, by whatever trust."""

from collections.abc import Callable

import pytest

from review.report import matrix as matrix_module
from review.report.matrix import matrix
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
        ("2 accounts dev, prod", "r"), ("2 accounts dev, prod", "q"), ("data", "q"),
    }  # fmt: skip


def test_a_table_that_would_be_too_large_lists_its_roles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matrix_module, "MOST_CELLS", 5)
    page = ParsedPage(html_of(FIXTURES / "acme"))
    assert page.errors == []
    listed = page.one("table", class_="matrix listed")
    rows = {text(row.find("th")): text(row.find("td")) for row in listed.iter("tr") if row.find("td") is not None}
    assert rows["deployment environment plan"] == "terraform-plan in 4 accounts"
    assert rows[PRODUCTION] == "site-publish in prod"


def test_the_matrix_is_that_of_the_plan_whatever_its_size() -> None:
    plan = compiled(FIXTURES / "acme").plan
    assert plan is not None
    with_columns = matrix(plan)
    assert all(table.has_columns for table in with_columns)
    assert [table.workspace for table in with_columns] == ["acme", "acme-data"]
