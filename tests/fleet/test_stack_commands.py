"""How the fleet calls the Pulumi CLI, told by a stand-in that writes down what it is given."""

import json
import sys
import threading
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml

from access.digests import AppliedSettings
from access.plan import AccessPlan
from fleet.machine import Machine
from fleet.pulumi_cli.stack_cli import RunLimits
from fleet.pulumi_cli.steps import Step
from fleet.stack_job import Operation, StackJob, StackResult
from fleet.stack_run import StackRunner
from oidc.errors import EngineError

STAND_IN = """#!{python}
import json, os, sys, time
from pathlib import Path
answers = Path({answers!r})
arguments = sys.argv[1:]
files = {{path.name: path.read_text() for path in Path().glob("Pulumi*.yaml")}}
mode = oct(Path().stat().st_mode & 0o777)
with (answers / "calls").open("a") as calls:
    calls.write(json.dumps([arguments, os.getcwd(), mode, files, dict(os.environ)]) + "\\n")
if arguments[:2] == ["stack", "init"]:
    Path(f"Pulumi.{{arguments[2]}}.yaml").write_text("encryptionsalt: new\\n")
if "--json" in arguments:
    number = len((answers / "calls").read_text().splitlines())
    said = answers / str(number)
    print("{{}}", flush=True)
    time.sleep(float((answers / "seconds").read_text()))
    if said.exists():
        text = said.read_text()
        print(json.dumps({{"diagnosticEvent": {{"severity": "error", "message": text}}}}), flush=True)
        sys.exit(255)
"""
EMPTY = AccessPlan(())
SALT = {"type": "passphrase", "state": {"salt": "v1:abc"}}
JOB = StackJob("prod", EMPTY, SALT)
THROTTLED = "creating IAM Role (r): operation error IAM: CreateRole, api error Throttling: Rate exceeded"
DENIED = "operation error STS: AssumeRole, https response error StatusCode: 403, api error AccessDenied: no"


class Bench:
    """A stand-in for the CLI, and a runner."""

    def __init__(self, folder: Path) -> None:
        self.answers = folder / "answers"
        self.answers.mkdir()
        (self.answers / "seconds").write_text("0")
        self.cli = folder / "pulumi"
        self.cli.write_text(STAND_IN.format(python=sys.executable, answers=str(self.answers)))
        self.cli.chmod(0o755)

    def runner(self, *, environment: dict[str, str] | None = None, **settings: Any) -> StackRunner:
        settings.setdefault("limits", RunLimits(seconds=30, attempts=3, pause=0.01))
        machine = Machine(self.cli, environment or {}, "file:///states", {"awsEndpoint": "http://127.0.0.1:7"})
        return StackRunner(machine, AppliedSettings(), {}, **settings)

    def fails(self, *calls: int, text: str) -> None:
        for number in calls:
            (self.answers / str(number)).write_text(text)

    def calls(self) -> list[tuple[list[str], str, str, dict[str, str], dict[str, str]]]:
        try:
            return [tuple(json.loads(line)) for line in (self.answers / "calls").read_text().splitlines()]
        except FileNotFoundError:
            return []

    def verbs(self) -> list[str]:
        return [" ".join(call[0][: 2 if call[0][0] in {"stack", "plugin"} else 1]) for call in self.calls()]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def ignore(_step: Step) -> None:
    """Nobody listens."""


def test_the_stack_file_has_the_salt_of_the_state_and_lies_in_a_private_folder_that_is_removed(bench: Bench) -> None:
    assert bench.runner().run(JOB, Operation.UP, ignore) == StackResult("prod", ok=True)
    ((arguments, folder, mode, files, _),) = bench.calls()
    assert arguments[:3] == ["up", "--yes", "--skip-preview"]
    assert arguments[arguments.index("--stack") + 1] == "prod"
    assert arguments[arguments.index("--client") + 1].startswith("127.0.0.1:")
    assert (mode, Path(folder).exists()) == ("0o700", False)
    assert yaml.safe_load(files["Pulumi.prod.yaml"]) == {
        "encryptionsalt": "v1:abc",
        "config": {"bitbucket-aws-oidc:awsEndpoint": "http://127.0.0.1:7"},
    }
    project = yaml.safe_load(files["Pulumi.yaml"])
    assert (project["name"], project["options"]) == ("bitbucket-aws-oidc", {"refresh": "always"})


@pytest.mark.parametrize(
    ("secrets", "settings"),
    [
        ({"type": "cloud", "state": {"url": "awskms://alias/p", "encryptedkey": "AQ=="}},
         {"secretsprovider": "awskms://alias/p", "encryptedkey": "AQ=="}),
        ({"type": "service", "state": {"url": "https://api.pulumi.com"}}, {}),
        (None, {"secretsprovider": "awskms://alias/new"}),
    ],
)  # fmt: skip
def test_how_secrets_are_encrypted_follows_the_state_and_else_the_inventory(
    bench: Bench, secrets: Any, settings: dict[str, str]
) -> None:
    runner = bench.runner(secrets_provider="awskms://alias/new")
    runner.run(StackJob("prod", EMPTY, secrets), Operation.UP, ignore)
    content = yaml.safe_load(bench.calls()[-1][3]["Pulumi.prod.yaml"])
    assert {name: value for name, value in content.items() if name != "config"} == settings


@pytest.mark.parametrize("provider", [None, "awskms://alias/p"])
def test_a_new_stack_is_made_once_with_the_provider_of_the_inventory_and_is_not_selected(
    bench: Bench, provider: str | None
) -> None:
    bench.runner(secrets_provider=provider).run(StackJob("prod", EMPTY, is_new=True), Operation.UP, ignore)
    assert bench.verbs() == ["stack init", "up"]
    made = bench.calls()[0][0]
    assert made[:4] == ["stack", "init", "prod", "--no-select"]
    assert made[4:6] == (["--secrets-provider", provider] if provider else made[4:6])
    assert ("--secrets-provider" in made) is (provider is not None)
    assert yaml.safe_load(bench.calls()[1][3]["Pulumi.prod.yaml"])["encryptionsalt"] == "new"


def test_the_users_environment_reaches_the_cli(bench: Bench) -> None:
    own = {"PULUMI_CONFIG_PASSPHRASE_FILE": "/p", "AWS_PROFILE": "x", "PULUMI_BACKEND_URL": "s3://other", "HOME": "/h"}
    bench.runner(environment=own).run(JOB, Operation.UP, ignore)
    environment = bench.calls()[0][4]
    assert {**own, "PULUMI_BACKEND_URL": "file:///states"}.items() <= environment.items()


def test_pending_operations_are_cleared_before_the_operation(bench: Bench) -> None:
    job = StackJob("prod", EMPTY, SALT, clear_pending=True)
    bench.runner().run(job, Operation.DESTROY, ignore)
    assert bench.verbs() == ["refresh", "destroy"]
    assert "--clear-pending-creates" in bench.calls()[0][0]


def test_a_throttled_run_is_started_again_within_its_bound(bench: Bench) -> None:
    bench.fails(1, 2, text=THROTTLED)
    result = bench.runner().run(JOB, Operation.UP, ignore)
    assert (result.ok, result.retries) == (True, 2)
    bench.fails(4, 5, 6, text=THROTTLED)
    result = bench.runner().run(JOB, Operation.UP, ignore)
    assert (result.ok, result.retries, result.reason) == (False, 2, THROTTLED)
    assert "less --parallel" in result.do


def test_a_denied_run_is_not_started_again(bench: Bench) -> None:
    bench.fails(1, text=DENIED)
    result = bench.runner().run(JOB, Operation.UP, ignore)
    assert (result.ok, result.retries, result.is_interrupted) == (False, 0, False)
    assert (result.reason, bench.verbs()) == (DENIED, ["up"])


def test_a_run_that_takes_too_long_is_interrupted(bench: Bench) -> None:
    (bench.answers / "seconds").write_text("60")
    begun = time.monotonic()
    result = bench.runner(limits=RunLimits(seconds=1)).run(JOB, Operation.UP, ignore)
    assert time.monotonic() - begun < 20
    assert (result.ok, result.is_interrupted) == (False, False)
    assert "longer than 1 seconds" in result.reason


def test_an_interrupt_ends_all_runs_and_no_further_one_starts(bench: Bench) -> None:
    (bench.answers / "seconds").write_text("60")
    runner = bench.runner()
    results: list[StackResult] = []
    threads = [
        threading.Thread(
            target=lambda key=key: results.append(runner.run(StackJob(key, EMPTY, SALT), Operation.UP, ignore))
        )
        for key in ("a", "b")
    ]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 20
    while len(bench.calls()) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    runner.interrupt()
    for thread in threads:
        thread.join(20)
    results.append(runner.run(JOB, Operation.UP, ignore))
    assert [(result.ok, result.is_interrupted) for result in results] == [(False, True)] * 3
    assert bench.verbs() == ["up", "up"]


def test_the_aws_plugin_is_installed_once_if_it_is_missing(bench: Bench, tmp_path: Path) -> None:
    environment = {"HOME": str(tmp_path), "PATH": ""}
    bench.runner(environment=environment).prepare()
    assert bench.calls()[0][0][:5] == ["plugin", "install", "resource", "aws", version("pulumi-aws")]
    bench.runner(environment={**environment, "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true"}).prepare()
    plugin = tmp_path / ".pulumi" / "plugins" / f"resource-aws-v{version('pulumi-aws')}" / "pulumi-resource-aws"
    plugin.parent.mkdir(parents=True)
    plugin.touch()
    bench.runner(environment=environment).prepare()
    bench.runner(environment={"PULUMI_HOME": str(tmp_path / ".pulumi"), "PATH": ""}).prepare()
    plugin.chmod(0o755)
    bench.runner(environment={"HOME": "/nowhere", "PATH": str(plugin.parent)}).prepare()
    assert len(bench.calls()) == 1


def test_without_a_cli_the_message_says_how_to_install_it(bench: Bench) -> None:
    runner = StackRunner(Machine(None, {}, "file:///states", {}), AppliedSettings(), {})
    result = runner.run(JOB, Operation.UP, ignore)
    assert (result.ok, "not on PATH" in result.reason, "install" in result.do) == (False, True, True)
    with pytest.raises(EngineError, match="not on PATH"):
        runner.prepare()
