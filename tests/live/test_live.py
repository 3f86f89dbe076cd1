"""What real IAM makes of this program, in a throw-away account; each test leaves it as the next one needs it."""

import json
import sys
from pathlib import Path

import click
import pytest

from access.compile import compile_plan
from access.plan import AccountPlan
from cli.main import run
from config.load import load_inventory
from tests.live.throw_away_account import ROLE, ThrowAwayAccount
from tests.live.token_proof import MINUTES, QUESTION, answered, pipeline

pytestmark = pytest.mark.live
VIEW_ONLY = "arn:aws:iam::aws:policy/job-function/ViewOnlyAccess"


def planned(inventory: Path) -> AccountPlan:
    plan = compile_plan(load_inventory(inventory)).plan
    assert plan is not None
    return plan.accounts[0]


def test_iam_has_what_the_plan_says(live: ThrowAwayAccount) -> None:
    plan, role = planned(live.inventory), live.role()
    assert role["AssumeRolePolicyDocument"] == json.loads(plan.roles[0].trust_policy.text)
    assert (role["Arn"], role["MaxSessionDuration"]) == (plan.roles[0].arn, 3600)
    assert live.oidc_provider()["ClientIDList"] == list(plan.oidc_providers[0].audiences)
    assert len(live.oidc_provider()["ThumbprintList"]) == 1
    assert {"Key": "ManagedBy", "Value": "bitbucket-aws-oidc"} in live.oidc_provider()["Tags"]


def test_a_second_preview_shows_no_change(live: ThrowAwayAccount) -> None:
    live.stack.preview(expect_no_changes=True)


def test_an_edit_changes_the_role_in_place(live: ThrowAwayAccount) -> None:
    before = live.role()["RoleId"]
    live.write(max_session_duration="2h", managed_policies=["aws:job-function/ViewOnlyAccess"])
    live.up()
    assert (live.role()["RoleId"], live.role()["MaxSessionDuration"]) == (before, 7200)
    assert live.managed_policies() == [VIEW_ONLY]


def test_a_managed_policy_attached_by_hand_goes(live: ThrowAwayAccount) -> None:
    live.write(max_session_duration="2h")
    live.up()
    live.iam.attach_role_policy(RoleName=ROLE, PolicyArn=VIEW_ONLY)
    live.up()
    assert live.managed_policies() == []


def test_the_account_says_of_itself_what_lock_writes(live: ThrowAwayAccount, endpoint: list[str]) -> None:
    assert run(["lock", str(live.inventory), "--aws", "--only", "accounts", *endpoint]) == 0
    lock = live.inventory.parent / "inventory.lock.yaml"
    found = load_inventory(live.inventory).lock.lock.accounts["live"].oidc_providers[live.settings.workspace]
    assert (found.state, found.owner) == ("present", "this_program")
    lock.unlink()


def test_an_adopted_oidc_provider_is_not_changed_and_stays(live: ThrowAwayAccount) -> None:
    """Let go of it by `reference`, take it back by `adopt`, and let `create` have it again for the end."""
    before = live.oidc_provider()
    text = live.inventory.read_text()
    for mode in ("reference", "adopt"):
        live.inventory.write_text(f"{text}defaults: {{oidc_provider: {mode}}}\n")
        lock = f"accounts: {{live: {{id: '{live.settings.account_id}', oidc_providers: "
        lock += f"{{{live.settings.workspace}: present}}}}}}\n"
        (live.inventory.parent / "inventory.lock.yaml").write_text(f"version: 1\n{lock}")
        live.up()
        after = live.oidc_provider()
        assert [after[key] for key in ("ClientIDList", "ThumbprintList", "CreateDate")] == [
            before[key] for key in ("ClientIDList", "ThumbprintList", "CreateDate")
        ]
    (live.inventory.parent / "inventory.lock.yaml").unlink()
    live.inventory.write_text(text)
    live.up()
    assert live.oidc_provider()["CreateDate"] == before["CreateDate"]


def test_a_genuine_token_gets_in_and_one_of_another_environment_does_not(live: ThrowAwayAccount) -> None:
    given = live.settings
    if not given.repository:
        pytest.skip(
            "add REPOSITORY, ENVIRONMENT, OTHER_ENVIRONMENT for the proof with genuine tokens: docs/internals/live.md"
        )
    before = live.inventory.read_text()
    live.write_trusting_genuine_tokens()
    assert run(["lock", str(live.inventory), "--all", "--only", "workspaces"]) == 0
    live.up()
    click.echo(f"\nCommit this as bitbucket-pipelines.yml of {given.workspace}/{given.repository}, and run it:\n")
    click.echo(f"{pipeline(given, live.role()['Arn'])}\n{QUESTION}")
    answer = answered(sys.stdin, MINUTES * 60)
    assert answer == "passed", f"the pipeline did not pass: {answer or 'nobody answered'}"
    (live.inventory.parent / "inventory.lock.yaml").unlink()
    live.inventory.write_text(before)
