"""What docs/guides/recovering.md says to do on a bad day, done: each part of the page has its rehearsal here."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from config.project_file import PROJECT
from fleet.pulumi_cli.installed_cli import find_cli
from fleet.pulumi_cli.steps import Summary
from oidc.errors import BitbucketOidcError
from sandbox.engine_choice import EngineName
from sandbox.pulumi_cli.engine import PulumiCliEngine
from sandbox.run import Action
from tests.sandbox.bootstrap.bootstrapped import (
    ALLOW_ALL,
    EXTERNAL_ID,
    HUB_ROLE,
    PROD,
    bootstrapped,
    make_administrator,
    outcome,
    trusting,
)
from tests.sandbox.life_cycle.importing import adopt, imported
from tests.sandbox.life_cycle.one_stack import OneStack, did
from tests.sandbox.running_engine import NEEDS_CLI, ignore

NEW_HUB = "888888888888"
DEPLOYING = f"arn:aws:iam::{PROD}:role/bitbucket/PulumiDeploy"
ONLY_BUILTIN = pytest.mark.parametrize("engine", [EngineName.BUILTIN], indirect=True)


def trust_policy(stack: OneStack) -> object:
    with stack.iam() as iam:
        return iam.get_role(RoleName="shop-deploy")["Role"]["AssumeRolePolicyDocument"]


@ONLY_BUILTIN
def test_half_of_the_accounts_applied(stack: OneStack) -> None:
    second = str(int(stack.account_id) + 500)
    stack.inventory["accounts"]["second"] = {"id": second}
    stack.role["accounts"] = ["prod", "second"]
    in_second = replace(stack, account_id=second)
    with in_second.iam() as iam:
        iam.create_role(RoleName="shop-deploy", AssumeRolePolicyDocument=trusting(f"arn:aws:iam::{second}:root"))
    with pytest.raises(BitbucketOidcError, match="EntityAlreadyExists"):
        stack.up()
    assert stack.oidc_provider()
    assert trust_policy(stack) != trust_policy(in_second)
    with in_second.iam() as iam:
        iam.delete_role(RoleName="shop-deploy")
    assert {(what, name) for what, kind, name in did(stack.up()) if kind == "Role"} == {
        ("create", "second/shop-deploy")
    }
    assert not stack.up().changes


def forget_role(file: Path) -> None:
    """Leave in a state what a CLI leaves that is killed after IAM created the role, and before it answered."""
    state: dict[str, Any] = json.loads(file.read_text())
    latest = state["checkpoint"]["latest"]
    of_role = [it for it in latest["resources"] if "prod/shop-deploy" in it["urn"] and it["type"].startswith("aws:")]
    (role,) = (it for it in of_role if it["type"] == "aws:iam/role:Role")
    latest["resources"] = [it for it in latest["resources"] if it not in of_role]
    started = {key: value for key, value in role.items() if key not in ("id", "outputs")}
    latest["pending_operations"] = [{"resource": started, "type": "creating"}]
    file.write_text(json.dumps(state))


def clear_pending_creates(stack: OneStack) -> Summary:
    """Run `pulumi refresh --clear-pending-creates`."""
    with stack.running.session(stack.write()) as session:
        program = replace(session.program, config={**session.program.config, **stack.config})
        endpoints = dict.fromkeys(("iam", "sts"), session.endpoint)
        folder = stack.running.folder / "pulumi"
        engine = PulumiCliEngine(find_cli(), program, folder, endpoints=endpoints, on_step=ignore, on_log=ignore)
        return engine._run("refresh", "--yes", "--skip-preview", "--clear-pending-creates")


@NEEDS_CLI
@pytest.mark.parametrize("engine", [EngineName.PULUMI], indirect=True)
def test_what_a_killed_run_created_is_taken_up_once_and_its_record_dropped(stack: OneStack) -> None:
    stack.up()
    with stack.iam() as iam:
        before = iam.get_role(RoleName="shop-deploy")["Role"]
    (file,) = (stack.running.folder / "pulumi").glob(f".pulumi/stacks/{PROJECT}/*.json")
    forget_role(file)
    with pytest.raises(BitbucketOidcError, match="EntityAlreadyExists"):
        stack.up()
    stack.config = {f"{PROJECT}:takeUp": json.dumps([before["Arn"]])}
    assert {what for what, kind, _ in did(stack.up()) if kind == "Role"} == {"import"}
    stack.config = {}
    clear_pending_creates(stack)
    assert not json.loads(file.read_text())["checkpoint"]["latest"].get("pending_operations")
    assert {what for what, _, _ in did(stack.up())} <= {"update"}
    with stack.iam() as iam:
        assert iam.get_role(RoleName="shop-deploy")["Role"]["RoleId"] == before["RoleId"]


@ONLY_BUILTIN
def test_a_lost_state_is_restored_from_a_copy(stack: OneStack, tmp_path: Path) -> None:
    stack.up()
    with stack.running.session(stack.write()) as session:
        state = session.state_file
    copy = shutil.copy(state, tmp_path / "copy.json")
    for path in state.parent.glob(f"{state.name}*"):
        path.unlink()
    assert ("create", "Role", "prod/shop-deploy") in did(stack.preview())
    with pytest.raises(BitbucketOidcError, match="EntityAlreadyExists"):
        stack.up()
    shutil.copy(copy, state)
    assert not stack.up().changes


@NEEDS_CLI
@pytest.mark.parametrize("engine", [EngineName.PULUMI], indirect=True)
def test_a_lost_state_without_a_copy_is_imported_from_the_accounts(
    stack: OneStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.up()
    before = trust_policy(stack)
    shutil.rmtree(stack.running.folder / "pulumi")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", stack.account_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    roles = stack.inventory.pop("roles")
    stack.with_mode("adopt").write()
    adopt(stack)
    (stack.folder / "adopted.yaml").unlink()
    stack.inventory["roles"] = roles
    imported(stack)
    summary = stack.up()
    changed = {step.name: set(step.changes) for step in summary.steps if step.type.endswith(":Role")}
    assert changed == {"prod/shop-deploy": {"forceDetachPolicies", "tags"}}
    assert {what for what, _, _ in did(summary)} == {"import", "update"}
    assert trust_policy(stack) == before


@ONLY_BUILTIN
def test_a_wrong_merge_is_rolled_back(stack: OneStack) -> None:
    stack.up()
    before, narrow = trust_policy(stack), stack.role["trust"]
    stack.role["trust"] = [{"repository": "acme/shop", "steps": "all_including_environments"}]
    stack.up()
    assert trust_policy(stack) != before
    with stack.iam() as iam:
        iam.put_role_policy(RoleName="shop-deploy", PolicyName="AWSRevokeOlderSessions", PolicyDocument=ALLOW_ALL)
    stack.role["trust"] = narrow
    assert did(stack.up()) == {("update", "Role", "prod/shop-deploy")}
    assert trust_policy(stack) == before
    with stack.iam() as iam:
        assert "AWSRevokeOlderSessions" in iam.list_role_policies(RoleName="shop-deploy")["PolicyNames"]


def test_after_the_loss_of_the_hub_the_template_lets_in_a_new_one(tmp_path: Path) -> None:
    with bootstrapped(tmp_path) as accounts:
        accounts.act(Action.UP)
        make_administrator(accounts.root(NEW_HUB), "pulumi-runner", NEW_HUB)
        organization = accounts.root(NEW_HUB, "organizations").describe_organization()["Organization"]["Id"]
        new = accounts.client("sts", accounts.session(f"arn:aws:iam::{NEW_HUB}:role/pulumi-runner"))
        old = accounts.client("sts", accounts.session(HUB_ROLE))
        request = {"RoleArn": DEPLOYING, "RoleSessionName": "test", "ExternalId": EXTERNAL_ID}
        assert (outcome(old, "assume_role", request), outcome(new, "assume_role", request)) == ("done", "AccessDenied")
        template = accounts.template(PROD).replace(HUB_ROLE, f"arn:aws:iam::{NEW_HUB}:role/pulumi-runner")
        template = template.replace(accounts.organization, organization)
        accounts.deploy(PROD, update=True, template=template)
        assert (outcome(old, "assume_role", request), outcome(new, "assume_role", request)) == ("AccessDenied", "done")
