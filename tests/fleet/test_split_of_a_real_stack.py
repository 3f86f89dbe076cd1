"""A stack of three emulated accounts, made by the real Pulumi CLI, becomes one stack for each account."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from cli.main import cli
from fleet.backend import open_backend, stack_states
from fleet.machine import Machine
from fleet.pulumi_cli.installed_cli import find_cli
from fleet.pulumi_cli.stack_states import StackStates
from fleet.pulumi_cli.steps import Operation, Summary
from fleet.split_stack import Move
from sandbox.engine_choice import EngineName
from sandbox.pulumi_cli.engine import PulumiCliEngine
from sandbox.pulumi_cli.environment import ambient_folders, cli_environment
from sandbox.run import Action
from sandbox.session import PROJECT, PROJECT_FOLDER, Session
from tests.sandbox.life_cycle.one_stack import WORKSPACES
from tests.sandbox.running_engine import NEEDS_CLI, RunningEngine, ignore, running_engines

pytestmark = NEEDS_CLI
SOURCE = "sandbox"
TRUST = [{"repository": "acme/shop", "environments": ["production"]}]
READ = {
    "Version": "2012-10-17",
    "Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::acme-files/*"},
}
INVENTORY: dict[str, Any] = {
    "workspaces": WORKSPACES,
    "accounts": {key: {"id": f"{number}" * 12} for number, key in enumerate(["dev", "ops", "prod"], start=1)},
    "permission_policies": {"read": {"document": READ}},
    "roles": {"shop": {"accounts": ["*"], "trust": TRUST, "inline_policies": ["read"],
                       "managed_policies": ["aws:ReadOnlyAccess"]}},
}  # fmt: skip


@dataclass(frozen=True)
class Stacks:
    """The states in one backend, and the emulated accounts that they are of."""

    running: RunningEngine
    inventory: Path
    machine: Machine

    def split(self, *options: str, stack: str = SOURCE) -> Result:
        arguments = ["fleet", "split", stack, str(self.inventory), *options]
        return CliRunner().invoke(cli, arguments, obj=self.machine)

    def accounts(self, stack: str) -> set[str]:
        """Return the accounts whose roles a stack has."""
        state = open_backend(self.machine).read(stack).state
        return {entry.name.partition("/")[0] for entry in state.resources if entry.id} if state else set()

    def exported(self, stack: str) -> dict[str, Any]:
        state: dict[str, Any] = json.loads(self.states.exported(stack) or b"null")
        return state

    @property
    def states(self) -> StackStates:
        return stack_states(self.machine)

    def preview(self, session: Session, stack: str, *accounts: str) -> Summary:
        config = {**session.program.config, f"{PROJECT}:accounts": json.dumps(accounts)}
        program = replace(session.program, stack=stack, config=config)
        endpoints = {"iam": session.endpoint, "sts": session.endpoint}
        folder = Path(self.machine.backend.removeprefix("file://"))
        cli = find_cli()
        return PulumiCliEngine(cli, program, folder, endpoints=endpoints, on_step=ignore, on_log=ignore).preview()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stacks]:
    folder = tmp_path_factory.mktemp("split")
    inventory = folder / "inventory"
    inventory.mkdir()
    (inventory / "inventory.yaml").write_text(yaml.safe_dump(INVENTORY))
    with running_engines(inventory, folder, EngineName.PULUMI) as [running]:
        running.act(Action.UP, inventory)
        yield Stacks(running, inventory, machine(running.folder / "pulumi", running))


def machine(folder: Path, running: RunningEngine) -> Machine:
    cli = find_cli()
    endpoints = {"iam": running.aws.endpoint, "sts": running.aws.endpoint}
    plugins = ambient_folders(cli, folder, PROJECT_FOLDER)
    environment = cli_environment(folder, plugins, endpoints, os.environ)
    return Machine(cli.path, environment, f"file://{folder}", {}, running.aws.endpoint)


@pytest.fixture
def stacks(made: Stacks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stacks:
    """Return the same stacks in a new backend, so that each test begins before the split."""
    monkeypatch.chdir(tmp_path)  # the default place of backups
    shutil.copytree(made.machine.backend.removeprefix("file://"), tmp_path / "states", symlinks=True)
    return replace(made, machine=machine(tmp_path / "states", made.running))


def did(summary: Summary) -> set[tuple[str, str, frozenset[str]]]:
    return {
        (str(step.operation), step.type, frozenset(step.changes))
        for step in summary.steps
        if step.operation is not Operation.SAME
    }


def test_the_rest_previews_no_change_and_each_new_stack_its_default_tags(stacks: Stacks, tmp_path: Path) -> None:
    result = stacks.split("--account", "dev", "--account", "ops", "--yes", "--backup", str(tmp_path / "before"))
    assert result.exit_code == 0, result.output
    assert result.output.splitlines() == [
        "dev: 4 resources in AWS from sandbox",
        "ops: 4 resources in AWS from sandbox",
        "sandbox: keeps prod",
        f"the states before are in {tmp_path / 'before'}",
        "dev: done",
        "ops: done",
        "sandbox: done",
        "before the next run: set bitbucket-aws-oidc:accounts of stack sandbox to [prod]",
        "declare `rollout: {}` in the inventory, so that each stack takes its account",
        "then look: bitbucket-oidc fleet preview",
    ]
    with stacks.running.session(stacks.inventory) as session:
        assert did(stacks.preview(session, SOURCE, "prod")) == set()
        assert did(stacks.preview(session, "dev", "dev")) == {
            ("update", "pulumi:providers:aws", frozenset({"defaultTags"})),
            ("update", "aws:iam/role:Role", frozenset({"tagsAll"})),
            ("update", "aws:iam/openIdConnectProvider:OpenIdConnectProvider", frozenset({"tagsAll"})),
        }


def test_the_commands_of_the_guide_split_a_stack(stacks: Stacks) -> None:
    guide = (PROJECT_FOLDER / "docs" / "guides" / "fleet.md").read_text()
    for options in re.findall(r"^bitbucket-oidc fleet split prod inventory(.*)$", guide, re.MULTILINE):
        before = open_backend(stacks.machine).stacks()
        assert before == {SOURCE}
        result = stacks.split(*options.split())
        assert result.exit_code == 0, result.output
    assert open_backend(stacks.machine).stacks() == {SOURCE, "dev", "ops", "prod"}


def test_all_accounts_move_with_secrets_and_backups_of_the_states_before(stacks: Stacks, tmp_path: Path) -> None:
    whole = stacks.exported(SOURCE)
    result = stacks.split("--yes", "--backup", str(tmp_path / "before"))
    assert result.exit_code == 0, result.output
    assert {stack: stacks.accounts(stack) for stack in ("dev", "ops", "prod", SOURCE)} == {
        "dev": {"dev"}, "ops": {"ops"}, "prod": {"prod"}, SOURCE: set(),
    }  # fmt: skip
    assert "which is empty: pulumi stack rm" in result.output
    assert json.loads((tmp_path / "before" / f"{SOURCE}.json").read_text()) == whole
    assert (tmp_path / "before").stat().st_mode & 0o077 == 0
    for stack in ("dev", "ops", "prod"):
        assert stacks.exported(stack)["deployment"]["secrets_providers"] == whole["deployment"]["secrets_providers"]
    again = stacks.split("--yes")
    assert "none of these accounts" in str(again.exception)


def test_a_preview_and_a_pipe_without_yes_change_nothing(stacks: Stacks) -> None:
    whole = stacks.exported(SOURCE)
    assert stacks.split("--preview").exit_code == 0
    assert "add --preview to look, or --yes to do it" in str(stacks.split().exception)
    assert stacks.exported(SOURCE) == whole
    assert open_backend(stacks.machine).stacks() == {SOURCE}


def failed(stacks: Stacks, failing: str, backups: Path) -> str:
    """Run a split that fails at the import of one stack, and return its message."""
    replace_state = StackStates.replace

    def fail(states: StackStates, stack: str, state: dict[str, Any]) -> None:
        replace_state(states, stack, {"version": 3, "deployment": {"resources": 7}} if stack == failing else state)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(StackStates, "replace", fail)
        result = stacks.split("--yes", "--backup", str(backups))
    assert result.exit_code != 0
    return str(result.exception)


def test_a_split_that_failed_is_continued_by_the_same_command(stacks: Stacks, tmp_path: Path) -> None:
    whole = stacks.exported(SOURCE)
    assert "run the same command again: it continues" in failed(stacks, "ops", tmp_path / "before")
    assert stacks.exported(SOURCE) == whole
    again = stacks.split("--yes")
    assert again.exit_code == 0, again.output
    assert "dev: has its resources already" in again.output
    assert [stacks.accounts(stack) for stack in ("dev", "ops", SOURCE)] == [{"dev"}, {"ops"}, set()]


def test_the_commands_of_the_message_bring_the_states_before_back(stacks: Stacks, tmp_path: Path) -> None:
    whole = stacks.exported(SOURCE)
    stacks.states.make("dev", None)
    message = failed(stacks, SOURCE, tmp_path / "before")
    (tmp_path / "Pulumi.yaml").write_text(f"name: {PROJECT}\nruntime: python\n")
    (tmp_path / "Pulumi.ops.yaml").write_text("config: {}\n")
    for line in message.partition(f"or go back to {tmp_path / 'before'}: ")[2].split("; "):
        command = [str(stacks.machine.cli), *line.split()[1:], "--non-interactive"]
        subprocess.run(command, cwd=tmp_path, env=stacks.machine.environment, check=True, capture_output=True)
    assert open_backend(stacks.machine).stacks() == {SOURCE, "dev"}
    assert (stacks.exported(SOURCE), stacks.accounts("dev")) == (whole, set())
    assert (tmp_path / "Pulumi.ops.yaml").exists()


def test_a_stack_that_is_locked_is_refused(stacks: Stacks) -> None:
    lock = Path(stacks.machine.backend.removeprefix("file://"), f".pulumi/locks/organization/{PROJECT}/{SOURCE}/1.json")
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.write_text('{"pid": 1, "username": "ci", "hostname": "runner-7"}')
    assert "stack sandbox is locked by ci@runner-7, process 1" in str(stacks.split("--yes").exception)


def test_a_new_stack_with_other_resources_is_refused_and_an_empty_one_is_used(stacks: Stacks) -> None:
    stacks.states.make("dev", None)
    part = stacks.exported(SOURCE)
    text = json.dumps(part).replace(f"urn:pulumi:{SOURCE}::", "urn:pulumi:ops::")
    stacks.states.make("ops", None)
    stacks.states.replace("ops", json.loads(text))
    assert "stack ops exists and has other resources" in str(stacks.split("--yes").exception)
    assert stacks.split("--yes", "--account", "dev").exit_code == 0
    assert stacks.accounts("dev") == {"dev"}


def test_secrets_stay_encrypted_as_they_were_and_do_not_hide_that_a_part_is_done(stacks: Stacks) -> None:
    state, passphrase = stacks.exported(SOURCE), {"PULUMI_CONFIG_PASSPHRASE": "another"}
    role = next(entry for entry in state["deployment"]["resources"] if entry["type"] == "aws:iam/role:Role")
    key = role["urn"].rpartition("::")[2].partition("/")[0]
    secret = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270"}
    role["inputs"]["description"] = {**secret, "plaintext": '"hidden"'}
    stacks.states.replace(SOURCE, state)
    assert "hidden" not in json.dumps(stacks.exported(SOURCE))
    other = replace(stacks, machine=replace(stacks.machine, environment={**stacks.machine.environment, **passphrase}))
    assert "incorrect passphrase" in str(other.split("--yes", "--account", key).exception)
    assert stacks.split("--yes", "--account", key).exit_code == 0
    moved = stacks.exported(key)["deployment"]["resources"]
    [encrypted] = [entry["inputs"]["description"] for entry in moved if entry["type"] == role["type"]]
    assert set(encrypted) == {*secret, "ciphertext"}
    stacks.states.replace(SOURCE, state)  # as before the split
    assert f"{key}: has its resources already" in stacks.split("--preview").output


def test_a_stack_that_does_not_exist_is_named(stacks: Stacks) -> None:
    assert "there is no stack nobody" in str(stacks.split(stack="nobody").exception)


def test_the_resources_of_a_move_are_those_that_aws_has() -> None:
    resources = [
        {"type": "aws:iam/role:Role", "custom": True},
        {"type": "pulumi:providers:aws", "custom": True},
        {"type": "bitbucket-aws-oidc:index:PipelineRole"},
    ]
    assert Move("dev", {"resources": resources}, is_done=False, exists=False).size == 1
