"""The main job as a user runs it: up, up again, prove, edits, destroy; and what comes back when something is wrong."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.main import run
from oidc.errors import SandboxError
from sandbox.aws_provider.account import refuse_ambient
from sandbox.emulated_aws.prepare_accounts import RootUsers
from sandbox.emulator_inputs import folder_of
from sandbox.session import read_subject, running
from tests.sandbox.running_engine import NEEDS_CLI

FIXTURES = Path(__file__).parent.parent / "fixtures" / "inventories"
WIDE = FIXTURES / "wide"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of its own to work in, with somebody's AWS variables around."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AWS_PROFILE", "somebody")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "SOMEBODYS")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "somebody")
    yield tmp_path
    assert os.environ["AWS_ACCESS_KEY_ID"] == "SOMEBODYS"


@pytest.fixture
def quickstart(here: Path, project_folder: Path) -> Path:
    shutil.copytree(project_folder / "examples" / "quickstart", here / "inventory")
    return Path("inventory")


@pytest.fixture(params=["builtin", pytest.param("pulumi", marks=NEEDS_CLI)])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each engine in turn; somebody's settings of Pulumi are around."""
    for variable, value in {"ACCESS_TOKEN": "somebodys", "BACKEND_URL": "https://api.example", "STACK": "x"}.items():
        monkeypatch.setenv(f"PULUMI_{variable}", value)
    name: str = request.param
    return name


def sandbox(action: str, inventory: Path, *options: str, engine: str = "") -> int:
    return run(["sandbox", action, str(inventory), *options, *(["--engine", engine] if engine else [])])


def edit(inventory: Path, old: str, new: str) -> None:
    path = inventory / "inventory.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def with_account(inventory: Path, account: str, use: Callable[[Any], None]) -> None:
    """Change something by hand in an emulated account, as its root."""
    with running(read_subject(inventory)) as session:
        use(RootUsers(session.endpoint).client(account))


def test_a_run_with_weather_says_how_to_repeat_it(quickstart: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert sandbox("up", quickstart, "--weather", "slow", "--weather-seed", "5", engine="builtin") == 0
    told = "the emulated accounts have the weather slow; --weather slow --weather-seed 5 repeats it"
    assert told in capsys.readouterr().err
    assert sandbox("prove", quickstart, "--weather", "throttling") == 0
    assert "the weather throttling; --weather throttling --weather-seed " in capsys.readouterr().err


def test_a_warning_is_printed_once(quickstart: Path, capsys: pytest.CaptureFixture[str], engine: str) -> None:
    file = quickstart / "inventory.yaml"
    text = file.read_text(encoding="utf-8")
    wide = text.replace("environments: [staging]", "steps: all_including_environments")
    assert wide != text
    file.write_text(wide, encoding="utf-8")
    counted = "1 warning about the accounts of this stack; see `validate`"
    expected = {"preview": "warning[repository-wide-trust]", "up": counted, "destroy": "1 warning; see `validate`\n"}
    for action, shown in expected.items():
        assert sandbox(action, quickstart, engine=engine) == 0
        assert capsys.readouterr().err.count(shown) == 1, action


def test_a_seed_needs_a_weather(quickstart: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert sandbox("up", quickstart, "--weather-seed", "5") == 2
    assert "--weather-seed needs a weather; add --weather NAME" in capsys.readouterr().err


def test_up_prove_and_destroy(quickstart: Path, capsys: pytest.CaptureFixture[str], engine: str) -> None:
    assert sandbox("up", quickstart, engine=engine) == 0
    assert capsys.readouterr().out.strip().endswith("created")
    assert sandbox("up", quickstart, engine=engine) == 0
    assert capsys.readouterr().out == "no changes\n"
    assert sandbox("preview", quickstart, engine=engine) == 0
    assert capsys.readouterr().out == "no changes\n"
    assert sandbox("prove", quickstart) == 0
    assert "every one decided as the inventory says, by evaluator and STS alike" in capsys.readouterr().out
    assert sandbox("destroy", quickstart, engine=engine) == 0
    assert "deleted" in capsys.readouterr().out
    roles: list[str] = []
    with_account(quickstart, "222222222222", lambda iam: roles.extend(r["RoleName"] for r in iam.list_roles()["Roles"]))
    assert roles == ["PulumiDeploy"]


def test_every_form_of_trust_and_of_entering_an_account(
    here: Path, capsys: pytest.CaptureFixture[str], engine: str
) -> None:
    assert sandbox("up", WIDE, engine=engine) == 0
    err = capsys.readouterr().err
    assert "gov is left out" in err
    assert "warning" not in err  # each is accepted where it stands
    assert sandbox("up", WIDE, engine=engine) == 0
    assert capsys.readouterr().out == "no changes\n"
    assert sandbox("prove", WIDE, "--format", "json") == 0
    proof = json.loads(capsys.readouterr().out)
    assert proof["agrees"] is True
    decisions = proof["decisions"]
    assert all(decision["expected"] is decision["allowed"] for decision in decisions)
    not_asked = {(decision["token"], decision["allowed"]) for decision in decisions if decision["evaluated"] is None}
    assert not_asked == {("expired", False), ("signed by another key", False)}
    assert all(one["evaluated"] in (one["allowed"], None) and one["agrees"] and one["reasons"] for one in decisions)
    allowed = {(d["account"], d["role"], d["token"]) for d in decisions if d["allowed"] and not d["made_up"]}
    assert {role for _, role, _ in allowed} == {"everywhere", "from-the-office", "whole-workspace"}
    assert ("referenced", "everywhere", "acme/shop, deployment environment production") in allowed
    further = [one for one in decisions if one["token"].endswith(", further audience deploy.example")]
    assert further
    assert not any(one["allowed"] for one in further)
    assert all("Token audience contains more than one audience" in one["reasons"][0] for one in further)


def test_families_and_pairs(here: Path, capsys: pytest.CaptureFixture[str], engine: str) -> None:
    inventory = FIXTURES / "families"
    assert sandbox("up", inventory, engine=engine) == 0
    assert sandbox("up", inventory, engine=engine) == 0
    assert capsys.readouterr().out.endswith("\nno changes\n")
    assert sandbox("prove", inventory, "--format", "json") == 0
    proof = json.loads(capsys.readouterr().out)
    assert proof["agrees"] is True
    allowed = {(d["role"], d["token"]) for d in proof["decisions"] if d["allowed"] and d["role"].startswith("deploy")}
    assert allowed == {
        ("deploy[acme/shop, Production / EU]", "acme/shop, deployment environment Production / EU"),
        ("deploy[acme/shop, staging]", "acme/shop, deployment environment staging"),
        ("deploy[acme/site, Production / EU]", "acme/site, deployment environment Production / EU"),
        ("deploy[acme/site, staging]", "acme/site, deployment environment staging"),
        ("deploy-plan[acme/shop, Production / EU]", "acme/shop, no deployment environment"),
        ("deploy-plan[acme/shop, staging]", "acme/shop, no deployment environment"),
        ("deploy-plan[acme/site, Production / EU]", "acme/site, no deployment environment"),
        ("deploy-plan[acme/site, staging]", "acme/site, no deployment environment"),
    }


def test_an_edit_changes_what_it_says_and_the_proof_follows(
    quickstart: Path, capsys: pytest.CaptureFixture[str], engine: str
) -> None:
    assert sandbox("up", quickstart, engine=engine) == 0
    edit(quickstart, "environments: [production]", "environments: [staging]")
    capsys.readouterr()
    assert sandbox("prove", quickstart) == 1
    out = capsys.readouterr().out
    assert "acme/shop, deployment environment production" in out
    assert "the inventory refuses it, the evaluator refuses it (subject has another deployment environment: " in out
    assert "expected staging, got production), STS answered assumed" in out
    assert sandbox("up", quickstart, engine=engine) == 0
    captured = capsys.readouterr()
    assert "1 updated" in captured.out
    assert "assumeRolePolicy" in captured.err
    assert sandbox("prove", quickstart) == 0


def test_a_role_that_is_removed_goes_with_its_policies(
    quickstart: Path, capsys: pytest.CaptureFixture[str], engine: str
) -> None:
    assert sandbox("up", quickstart, engine=engine) == 0
    edit(quickstart, "accounts: [prod]", "accounts: [dev]")
    capsys.readouterr()
    assert sandbox("up", quickstart, engine=engine) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: the OIDC provider prod/acme is deleted or replaced")
    assert sandbox("up", quickstart, "--allow-oidc-provider-loss", engine=engine) == 0
    assert sandbox("prove", quickstart) == 0
    found: list[Any] = []
    with_account(quickstart, "222222222222", lambda iam: found.append(iam.list_roles()["Roles"]))
    with_account(quickstart, "222222222222", lambda iam: found.append(iam.list_open_id_connect_providers()))
    assert [role["RoleName"] for role in found[0]] == ["PulumiDeploy"]
    assert found[1]["OpenIDConnectProviderList"] == []


def test_what_is_attached_by_hand_goes_and_what_revokes_sessions_stays(
    quickstart: Path, capsys: pytest.CaptureFixture[str], engine: str
) -> None:
    assert sandbox("up", quickstart, engine=engine) == 0
    revoke = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]})

    def by_hand(iam: Any) -> None:
        iam.attach_role_policy(RoleName="shop-production", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
        iam.put_role_policy(
            RoleName="shop-production", PolicyName="AWSRevokeOlderSessions", PolicyDocument=revoke
        )  # fmt: skip

    with_account(quickstart, "222222222222", by_hand)
    capsys.readouterr()
    assert sandbox("preview", quickstart, engine=engine) == 0
    assert "0 to create, 1 to update, 0 to replace, 0 to delete, " in capsys.readouterr().out
    assert sandbox("up", quickstart, engine=engine) == 0
    found: list[Any] = []

    def look(iam: Any) -> None:
        found.append(iam.list_attached_role_policies(RoleName="shop-production")["AttachedPolicies"])
        found.append(iam.list_role_policies(RoleName="shop-production")["PolicyNames"])

    with_account(quickstart, "222222222222", look)
    assert found[0] == []
    assert sorted(found[1]) == ["AWSRevokeOlderSessions", "publish-site"]
    capsys.readouterr()
    assert sandbox("up", quickstart, engine=engine) == 0
    assert capsys.readouterr().out == "no changes\n"
    assert sandbox("destroy", quickstart, engine=engine) == 0


def test_a_proof_without_an_up_says_what_to_do(quickstart: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert sandbox("prove", quickstart) == 3
    assert "run `bitbucket-oidc sandbox up`" in capsys.readouterr().err


def test_a_faulty_inventory_is_told_before_anything_starts(
    quickstart: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(quickstart, "environments: [staging]", "environments: [stagging]")
    assert sandbox("up", quickstart) == 1
    err = capsys.readouterr().err
    assert "inventory/inventory.yaml:25:" in err
    assert "did you mean `staging`?" in err
    assert not folder_of(quickstart).exists()


def test_a_broken_state_says_what_to_do_and_nothing_is_lost(
    quickstart: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sandbox("up", quickstart, engine="builtin") == 0
    state = folder_of(quickstart) / "state.json"
    broken = state.read_text()[:200]
    state.write_text(broken)
    capsys.readouterr()
    assert sandbox("up", quickstart, engine="builtin") == 3
    err = capsys.readouterr().err
    assert "state.json" in err
    assert "Traceback" not in err
    assert state.read_text() == broken


def test_a_second_run_at_once_is_refused_and_names_the_first(
    quickstart: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with running(read_subject(quickstart)):
        assert sandbox("up", quickstart) == 3
    assert f"process {os.getpid()}" in capsys.readouterr().err


def test_an_emulator_that_forgot_is_rebuilt(quickstart: Path, capsys: pytest.CaptureFixture[str], engine: str) -> None:
    assert sandbox("up", quickstart, engine=engine) == 0
    shutil.rmtree(folder_of(quickstart) / "aws")
    capsys.readouterr()
    assert sandbox("up", quickstart, engine=engine) == 0
    assert "created" in capsys.readouterr().out
    assert sandbox("prove", quickstart) == 0


def test_another_port_of_the_emulated_aws_is_no_change_to_the_program(
    quickstart: Path, capsys: pytest.CaptureFixture[str], engine: str
) -> None:
    assert sandbox("up", quickstart, engine=engine) == 0
    capsys.readouterr()
    with socket.create_server(("127.0.0.1", int((folder_of(quickstart) / "aws" / "port").read_text()))):
        assert sandbox("up", quickstart, engine=engine) == 0
    assert capsys.readouterr().out == "no changes\n"
    assert sandbox("destroy", quickstart, engine=engine) == 0
    assert "deleted" in capsys.readouterr().out


@pytest.mark.parametrize("options", [["--engine", "builtin"], ["--engine", "pulumi"], []])
def test_a_sandbox_of_the_cli_needs_the_cli(
    options: list[str], quickstart: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder_of(quickstart).mkdir(parents=True)
    (folder_of(quickstart) / "engine").write_text("pulumi\n")
    monkeypatch.setenv("PATH", "")
    assert sandbox("up", quickstart, *options) == 3
    error = capsys.readouterr().err
    assert error.startswith("error: the Pulumi CLI created the resources of this sandbox, and cannot run here")
    assert "install it as https://www.pulumi.com/docs/iac/download-install/ says, or remove the folder" in error
    assert [path.name for path in folder_of(quickstart).iterdir()] == ["engine"]


def test_the_official_aws_plugin_is_for_the_cli_and_for_accounts_that_say_how_to_enter_them(
    quickstart: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sandbox("up", quickstart, "--engine", "builtin", "--aws-plugin", "official") == 2
    assert "take --engine pulumi" in capsys.readouterr().err
    with pytest.raises(SandboxError, match="cannot enter ambient, ambient-too, referenced: no deploy_role"):
        refuse_ambient(read_subject(WIDE).plan)


@NEEDS_CLI
def test_an_up_of_the_cli_that_is_stopped_halfway_is_finished_by_the_next(
    quickstart: Path, project_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program = "import sys; sys.path.insert(0, sys.argv[1]); from cli.main import main; main(sys.argv[2:])"
    command = [sys.executable, "-c", program, str(project_folder), "sandbox", "up", str(quickstart)]
    child = subprocess.Popen([*command, "--engine", "pulumi"], stderr=subprocess.PIPE, text=True)
    assert child.stderr is not None
    assert child.stderr.readline().startswith("create")
    child.send_signal(signal.SIGTERM)
    child.communicate(timeout=60)
    assert child.returncode == 130
    assert sandbox("up", quickstart, engine="pulumi") == 0
    assert "created" in capsys.readouterr().out
    assert sandbox("up", quickstart, engine="pulumi") == 0
    assert capsys.readouterr().out == "no changes\n"


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_servers_are_gone_when_the_command_ends_however_it_ends(
    quickstart: Path, project_folder: Path, stop: signal.Signals
) -> None:
    program = (
        "import sys, time; sys.path.insert(0, sys.argv[1])\n"
        "from pathlib import Path\n"
        "import cli.sandbox as command\n"
        "with command._session(Path('inventory')) as session:\n"
        "    print(session.endpoint.rpartition(':')[2], session.bitbucket.address.rpartition(':')[2], flush=True)\n"
        "    time.sleep(60)\n"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", program, str(project_folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert child.stdout is not None
    ports = {int(port) for port in child.stdout.readline().split()}
    child.stdout.close()
    assert ports <= listening()
    child.send_signal(stop)
    child.wait(timeout=20)
    deadline = time.monotonic() + 20
    while ports & listening() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not ports & listening()


def listening() -> set[int]:
    """Return the TCP ports that something on this machine listens on."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    return {int(line.split()[1].partition(":")[2], 16) for line in lines if line.split()[3] == "0A"}
