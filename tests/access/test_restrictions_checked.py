"""The day on which somebody looked at deployment restrictions goes with the trust, and changes nothing in AWS."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from access.compile import Compiled, compile_plan
from access.plan_json import plan_json
from config.load import load_inventory

CHECKED = date(2026, 11, 1)
ACME, SHOP = "{0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11}", "{9a6d6bde-2ae3-4d4c-8a43-1f6a5d9a3c01}"
PRODUCTION = "{c2b1a5de-6b7e-4d4b-b1a0-6a9d8c7b5e03}"
INVENTORY = """
workspaces:
  acme:
    uuid: "{ACME}"
    repositories: {{shop: {{uuid: "{SHOP}", environments: {{production: {environment}}}}}}}
accounts: {{prod: {{id: "222222222222"}}}}
roles:
  deploy: {{accounts: [prod], trust: [{{repository: acme/shop, environments: [production]}}]}}
"""
LONG = f'{{uuid: "{PRODUCTION}", restrictions_checked: {CHECKED}}}'


def compiled(environment: str, folder: Path, today: date = CHECKED) -> Compiled:
    (folder / "inventory.yaml").write_text(INVENTORY.format(ACME=ACME, SHOP=SHOP, environment=environment))
    return compile_plan(load_inventory(folder, today=today))


def test_the_plan_has_the_day_beside_the_trust_and_its_json_is_that_without(tmp_path: Path) -> None:
    plan, without = compiled(LONG, tmp_path).plan, compiled(f'"{PRODUCTION}"', tmp_path).plan
    assert plan is not None
    assert without is not None
    assert [line.restrictions_checked for line in plan.accounts[0].roles[0].trust] == [CHECKED]
    assert [line.restrictions_checked for line in without.accounts[0].roles[0].trust] == [None]
    assert plan_json(plan) == plan_json(without)


def test_the_lock_answers_an_environment_that_has_the_day_alone(tmp_path: Path) -> None:
    locked = f'{{acme: {{uuid: "{ACME}", repositories: {{shop: {{uuid: "{SHOP}", environments: '
    (tmp_path / "inventory.lock.yaml").write_text(
        f'version: 1\nworkspaces: {locked}{{production: "{PRODUCTION}"}}}}}}}}}}\n'
    )
    plan = compiled(f"{{restrictions_checked: {CHECKED}}}", tmp_path).plan
    assert plan is not None
    (line,) = plan.accounts[0].roles[0].trust
    assert (line.environment_uuid, line.restrictions_checked) == (PRODUCTION, CHECKED)


@pytest.mark.parametrize(
    ("days", "rules"),
    [(-2, ["bad-value"]), (-1, []), (0, []), (180, []), (181, ["restrictions-check-old"])],
)
def test_a_look_counts_for_half_a_year_and_not_before_it_was(days: int, rules: list[str], tmp_path: Path) -> None:
    result = compiled(LONG, tmp_path, CHECKED + timedelta(days=days))
    assert [finding.rule for finding in result.findings] == rules


def test_an_environment_without_the_day_gives_no_finding(tmp_path: Path) -> None:
    assert compiled(f'"{PRODUCTION}"', tmp_path, date(2099, 1, 1)).findings == ()
