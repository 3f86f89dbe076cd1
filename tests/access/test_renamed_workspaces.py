"""A workspace that gets another slug: both issuers are trusted alike, the former one until a day."""

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from access.comparison.compare import compare
from access.comparison.view import PlanView
from access.compile import Compiled, compile_plan
from access.deploy_policy import DeployScope, deploy_policies
from access.plan import AccessPlan, AccountPlan, RolePlan
from access.plan_json import plan_json
from config.load import load_inventory
from oidc.iam.document import PolicyDocument
from tests.access.exactness.wide import refusal, with_role

TODAY = date(2026, 11, 23)
INVENTORY = """
workspaces:
  acme:
    uuid: "{0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11}"
    audiences: [deployments]
    allow: {further-audiences: not what this is about}
    previous_slugs: {acme-old: {expires: 2027-03-31}}
    repositories:
      shop:
        uuid: "{9a6d6bde-2ae3-4d4c-8a43-1f6a5d9a3c01}"
        environments: {production: "{c2b1a5de-6b7e-4d4b-b1a0-6a9d8c7b5e03}"}
accounts:
  prod: {id: "222222222222"}
roles:
  deploy:
    accounts: [prod]
    trust: [{repository: acme/shop, environments: [production], audiences: [deployments]}]
"""
WHO = "shop, deployment environment production, audience deployments"
FOLDER = "api.bitbucket.org/2.0/workspaces"


def inventory(**role: Any) -> dict[str, Any]:
    data: dict[str, Any] = yaml.safe_load(INVENTORY)
    data["roles"]["deploy"] |= role
    return data


def compiled(data: Any, folder: Path) -> Compiled:
    (folder / "inventory.yaml").write_text(yaml.safe_dump(data))
    return compile_plan(load_inventory(folder, today=TODAY))


def plan_of(data: Any, folder: Path) -> AccessPlan:
    result = compiled(data, folder)
    assert result.plan is not None, result.findings
    return result.plan


def only_role(plan: AccessPlan) -> tuple[AccountPlan, RolePlan]:
    (account,) = plan.accounts
    (role,) = account.roles
    return account, role


def test_each_slug_has_a_statement_with_the_same_audiences_and_subjects(tmp_path: Path) -> None:
    _, role = only_role(plan_of(inventory(), tmp_path))
    now, before = role.trust_policy.to_json()["Statement"]
    end = before["Condition"].pop("DateLessThan")
    assert end == {"aws:CurrentTime": "2027-04-01T00:00:00Z"}
    assert yaml.safe_dump(before) == yaml.safe_dump(now).replace(f"{FOLDER}/acme/", f"{FOLDER}/acme-old/")


@pytest.mark.parametrize(
    ("expires", "ends"),
    [
        ("2027-01-31", ["2027-02-01T00:00:00Z", "2027-02-01T00:00:00Z"]),
        ("2028-01-31", ["2028-02-01T00:00:00Z", "2027-04-01T00:00:00Z"]),
    ],
)
def test_of_two_last_days_the_earlier_one_counts(expires: str, ends: list[str], tmp_path: Path) -> None:
    _, role = only_role(plan_of(inventory(expires=date.fromisoformat(expires)), tmp_path))
    statements = role.trust_policy.to_json()["Statement"]
    assert [statement["Condition"]["DateLessThan"]["aws:CurrentTime"] for statement in statements] == ends


def test_addresses_hold_for_both_slugs(tmp_path: Path) -> None:
    places = {"source_ips": ["203.0.113.0/24"], "source_vpces": ["vpce-0123456789abcdef0"]}
    data = inventory(**places)
    data["accounts"]["prod"]["quotas"] = {"trust_policy_chars": 4096}
    _, role = only_role(plan_of(data, tmp_path))
    found = [
        ("IpAddress" in statement["Condition"], statement["Principal"]["Federated"].split("/")[4])
        for statement in role.trust_policy.to_json()["Statement"]
    ]
    assert sorted(found) == [(False, "acme"), (False, "acme-old"), (True, "acme"), (True, "acme-old")]


def test_an_account_has_an_oidc_provider_for_each_slug_which_its_deploying_role_may_manage(tmp_path: Path) -> None:
    account, _ = only_role(plan_of(inventory(), tmp_path))
    assert [found.workspace for found in account.oidc_providers] == ["acme", "acme-old"]
    assert [found.audiences for found in account.oidc_providers] == [account.oidc_providers[0].audiences] * 2
    (policy,) = deploy_policies(DeployScope.of(account))
    assert all(f'"{found.arn}"' in policy.text for found in account.oidc_providers)


def test_the_shape_of_the_plan_stays(tmp_path: Path) -> None:
    with_both = plan_json(plan_of(inventory(), tmp_path))["accounts"][0]
    assert [line["workspace"] for line in with_both["roles"][0]["trust"]] == ["acme", "acme-old"]
    assert len({tuple(line) for line in with_both["roles"][0]["trust"]}) == 1
    assert len({tuple(found) for found in with_both["oidc_providers"]}) == 1


def ends_later(policy: dict[str, Any]) -> None:
    policy["Statement"][1]["Condition"]["DateLessThan"]["aws:CurrentTime"] = "2027-05-01T00:00:00Z"


def never_ends(policy: dict[str, Any]) -> None:
    del policy["Statement"][1]["Condition"]["DateLessThan"]


def forgets_the_former(policy: dict[str, Any]) -> None:
    del policy["Statement"][1]


def trusts_every_repository_of_the_former(policy: dict[str, Any]) -> None:
    (key,) = policy["Statement"][1]["Condition"]["StringLike"]
    policy["Statement"][1]["Condition"]["StringLike"][key] = ["*"]


@pytest.mark.parametrize("change", [ends_later, never_ends, forgets_the_former, trusts_every_repository_of_the_former])
def test_the_proof_finds_what_differs_for_the_former_slug(change: Any, tmp_path: Path) -> None:
    plan = plan_of(inventory(), tmp_path)
    account, role = only_role(plan)
    policy = role.trust_policy.to_json()
    change(policy)
    wrong = with_role(plan, account, replace(role, trust_policy=PolicyDocument.of(policy)))
    assert "acme-old" in refusal(load_inventory(tmp_path, today=TODAY), wrong)


def moved() -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Return the inventory before, during and after a move."""
    during, after = inventory(), inventory()
    del after["workspaces"]["acme"]["previous_slugs"]
    before = yaml.safe_load(yaml.safe_dump(after).replace("acme", "acme-old"))
    return before, during, after


def changes(before: Any, after: Any, folder: Path) -> list[str]:
    comparison = compare(PlanView.of(plan_of(before, folder)), PlanView.of(plan_of(after, folder)))
    return [f"{change.effect}: {change.message}" for change in comparison.changes]


def test_the_beginning_of_a_move_gains_the_new_slug_and_says_whose_trust_ends(tmp_path: Path) -> None:
    before, during, _ = moved()
    assert changes(before, during, tmp_path) == [
        f"gain: acme/{WHO} may now assume it (environment-bound)",
        "loss: for tokens of acme-old: last day 2027-03-31 (was none)",
        "none: OIDC provider of acme is new (create)",
    ]


def test_a_rename_to_a_slug_with_an_oidc_provider_reports_the_one_of_the_former_slug(tmp_path: Path) -> None:
    before, during, _ = moved()
    before["workspaces"]["acme"] = {"uuid": "{f4e3d2c1-b0a9-4887-9665-544332211a08}", "repositories": {}}
    before["accounts"]["prod"]["keep_oidc_providers"] = ["acme"]
    reported = [change for change in changes(before, during, tmp_path) if "OIDC provider" in change]
    assert "none: OIDC provider of acme-old: renamed to acme (was absent)" in reported
    assert not [change for change in reported if "is new" in change]


def test_the_end_of_a_move_loses_the_former_slug_alone(tmp_path: Path) -> None:
    _, during, after = moved()
    assert changes(during, after, tmp_path) == [
        f"loss: acme-old/{WHO} may no longer assume it (environment-bound)",
        "none: OIDC provider of acme-old is no longer in the plan and is deleted",
    ]


def test_a_role_that_is_new_during_a_move_says_whose_trust_ends(tmp_path: Path) -> None:
    during = inventory()
    nobody = yaml.safe_load(yaml.safe_dump(during))
    del nobody["roles"]["deploy"]
    nobody["accounts"]["prod"]["keep_oidc_providers"] = ["acme"]
    (added, *_) = changes(nobody, during, tmp_path)
    assert "for tokens of acme-old: last day 2027-03-31" in added


def test_a_guardrail_reports_a_line_once_however_many_slugs_there_are(tmp_path: Path) -> None:
    data = inventory()
    data["guardrails"] = {"rules": {"all": {"repositories": ["acme/other"]}}}
    (tmp_path / "guardrails.yaml").write_text(yaml.safe_dump({"guardrails": data.pop("guardrails")}))
    assert [finding.rule for finding in compiled(data, tmp_path).findings] == ["guardrail-trust"]
    (tmp_path / "guardrails.yaml").write_text("guardrails: {rules: {all: {repositories: [acme/shop]}}}")
    assert compiled(data, tmp_path).findings == ()


def test_a_guardrail_for_a_former_slug_names_the_current_slug(tmp_path: Path) -> None:
    (tmp_path / "guardrails.yaml").write_text("guardrails: {rules: {all: {repositories: [acme-old/shop]}}}")
    found = {finding.rule: finding.hint for finding in compiled(inventory(), tmp_path).findings}
    assert found["unknown-workspace"].startswith("write `acme`")


def test_what_no_longer_fits_says_that_each_line_counts_twice(tmp_path: Path) -> None:
    data = inventory()
    environments = data["workspaces"]["acme"]["repositories"]["shop"]["environments"]
    environments |= {f"e{number}": f"{{{number:08x}-0000-4000-8000-000000000000}}" for number in range(12)}
    data["roles"]["deploy"]["trust"][0]["environments"] = sorted(environments)
    (finding,) = compiled(data, tmp_path).findings
    assert finding.rule == "size-limit"
    assert "remove `previous_slugs` of the workspace" in finding.hint
    del data["workspaces"]["acme"]["previous_slugs"]
    assert compiled(data, tmp_path).findings == ()


def test_issuers_of_one_workspace_stand_in_for_each_other(tmp_path: Path) -> None:
    plan = plan_of(inventory(), tmp_path)
    now, before = plan.issuers_to_fetch()
    assert plan.issuers_alike() == {now: (before,), before: (now,)}
    assert plan_of(moved()[2], tmp_path).issuers_alike() == {}
