"""`sandbox fleet`: the commands of `fleet` in a sandbox, and never on accounts that one stack holds together."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

import sandbox.fleet
from access.compile import compile_plan
from cli.inventory import inventory_argument
from cli.main import run
from cli.sandbox.fleet import _in_sandbox
from config.load import load_inventory
from facts.aws.callers import AccountClients, CallSettings
from fleet.machine import Machine
from oidc.arn import Partition
from oidc.errors import SandboxError, UsageError
from sandbox.emulated_aws.prepare_accounts import prepare_accounts
from sandbox.emulator_inputs import folder_of
from sandbox.engine_choice import EngineMark, EngineName
from tests.sandbox.serving import start, stop

INVENTORY = Path("inventory")
WORKSPACE = "{0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11}"
TEXT = f"""
rollout: {{}}
defaults:
  region: eu-west-1
  deploy_role: "arn:{{{{partition}}}}:iam::{{{{account_id}}}}:role/PulumiDeploy"
accounts:
  one: {{id: "111111111111"}}
  two: {{id: "222222222222"}}
workspaces:
  acme:
    uuid: "{WORKSPACE}"
    repositories:
      shop: {{uuid: "{{9a6d6bde-2ae3-4d4c-8a43-1f6a5d9a3c01}}"}}
roles:
  shop-deploy:
    description: Deploys the shop
    owner: core
    accounts: ["*"]
    trust: [{{repository: acme/shop, steps: outside_environments}}]
    managed_policies: ["aws:ReadOnlyAccess"]
"""

Seen = list[Machine]
Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with the inventory of a fleet."""
    file = tmp_path / INVENTORY / "fleet.yaml"
    file.parent.mkdir()
    file.write_text(TEXT)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def seen() -> Seen:
    """What the commands got."""
    return []


def in_sandbox(seen: Seen, act: Callable[[Machine], None], operation: str, *arguments: str) -> Result:
    """Run a command as the files of `cli.fleet` have it, in a sandbox."""

    @click.command("own")
    @inventory_argument
    @click.pass_obj
    def own(machine: Machine, inventory: Path) -> None:
        assert inventory == INVENTORY
        seen.append(machine)
        act(machine)

    return CliRunner().invoke(_in_sandbox(own, operation), list(arguments), catch_exceptions=False)


def nothing(_machine: Machine) -> None:
    pass


def test_a_run_has_the_emulated_accounts_and_states_in_the_sandboxs_folder(seen: Seen) -> None:
    entered = {}

    def enter(machine: Machine) -> None:
        plan = compile_plan(load_inventory(INVENTORY)).plan
        assert plan is not None
        clients = AccountClients(CallSettings(machine.endpoint, attempts=1))
        for account in plan.accounts:
            caller = clients.enter(account.access, Partition.AWS)
            entered[account.key] = caller.client("sts").get_caller_identity()["Account"]
            caller.close()
        assert os.environ["AWS_CONFIG_FILE"] == machine.environment["AWS_CONFIG_FILE"]

    in_sandbox(seen, enter, "status")
    assert entered == {"one": "111111111111", "two": "222222222222"}
    (machine,) = seen
    folder = folder_of(INVENTORY).resolve()
    assert machine.backend == machine.environment["PULUMI_BACKEND_URL"] == f"file://{folder}/fleet"
    assert machine.environment["AWS_ENDPOINT_URL_IAM"] == machine.endpoint
    assert machine.project_config["awsEndpoint"] == machine.endpoint
    assert Path(machine.project_config["issuerConnect"]["caFile"]).is_file()
    assert os.environ.get("AWS_CONFIG_FILE") != machine.environment["AWS_CONFIG_FILE"]


def test_an_account_is_prepared_again_only_when_its_plan_is_another(
    seen: Seen, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared: list[list[str]] = []
    real = prepare_accounts

    def prepare(endpoint: str, accounts: list[Any]) -> None:
        prepared.append([account.id for account in accounts])
        real(endpoint, accounts)

    monkeypatch.setattr(sandbox.fleet, "prepare_accounts", prepare)
    in_sandbox(seen, nothing, "status")
    in_sandbox(seen, nothing, "status")
    file = folder / INVENTORY / "fleet.yaml"
    file.write_text(TEXT.replace('"222222222222"}', '"222222222222", region: eu-central-1}'))
    in_sandbox(seen, nothing, "status")
    assert prepared == [["111111111111", "222222222222"], [], ["222222222222"]]


def test_a_served_sandbox_is_used_as_it_is(seen: Seen, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    in_sandbox(seen, nothing, "up")
    monkeypatch.setattr(sandbox.fleet, "prepare_accounts", None)
    child, served = start(folder)
    try:
        in_sandbox(seen, nothing, "status")
        with pytest.raises(UsageError, match="give --weather to `serve` instead"):
            in_sandbox(seen, nothing, "status", "--weather", "slow")
    finally:
        assert stop(child) == 0
    assert seen[1].endpoint == served["endpoint"]
    assert seen[1].backend == seen[0].backend
    assert seen[1].project_config["issuerConnect"] == {
        "address": served["issuer"]["address"], "caFile": served["issuer"]["ca_file"],
    }  # fmt: skip


def test_one_stack_of_all_accounts_is_refused_where_each_has_its_own(
    seen: Seen, capsys: pytest.CaptureFixture[str]
) -> None:
    in_sandbox(seen, nothing, "up")
    capsys.readouterr()
    assert [run(["sandbox", action]) for action in ("up", "preview", "refresh", "destroy")] == [3] * 4
    (line,) = set(capsys.readouterr().err.splitlines())
    assert line == (
        "error: stacks for each account have the resources of this sandbox; one stack of all accounts cannot change "
        "them; go on with `bitbucket-oidc sandbox fleet`, or first run `bitbucket-oidc sandbox fleet destroy`"
    )


def test_a_sandbox_takes_a_fleet_as_one_stack_too_and_then_refuses_stacks_for_each_account(
    seen: Seen, capsys: pytest.CaptureFixture[str]
) -> None:
    assert [run(["sandbox", *words]) for words in (["up", "--engine", "builtin"], ["preview"], ["prove"])] == [0] * 3
    assert "no change" in capsys.readouterr().out
    for operation in ("status", "preview", "up", "destroy"):
        with pytest.raises(SandboxError, match="first run `bitbucket-oidc sandbox destroy --engine builtin`"):
            in_sandbox(seen, nothing, operation)
    assert run(["sandbox", "destroy"]) == 0
    in_sandbox(seen, nothing, "status")


def test_the_mark_of_the_fleet_goes_with_its_last_resource(seen: Seen) -> None:
    mark = EngineMark(folder_of(INVENTORY))
    for operation in ("status", "preview"):
        in_sandbox(seen, nothing, operation)
        assert mark.read() is None
    in_sandbox(seen, nothing, "up")
    stack = folder_of(INVENTORY) / "fleet" / ".pulumi" / "stacks" / "bitbucket-aws-oidc" / "one.json"
    stack.parent.mkdir(parents=True)
    stack.write_text("not a state")
    in_sandbox(seen, nothing, "destroy")
    assert mark.read() is EngineName.FLEET
    stack.unlink()
    in_sandbox(seen, nothing, "destroy")
    assert mark.read() is None


def test_the_help_of_a_command_has_the_weather_too() -> None:
    result = CliRunner().invoke(_in_sandbox(click.Command("own", params=[]), "status"), ["--help"])
    assert "--weather" in result.output
