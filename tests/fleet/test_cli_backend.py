"""States through the Pulumi CLI, for backends that only the CLI can read: what it answers, and what it refuses."""

import json
import sys
from pathlib import Path

import click
import pytest

from cli.fleet.machine import this_machine
from fleet.backend import backend_url, open_backend
from fleet.backend.by_cli import ByCli
from fleet.machine import Machine
from fleet.pulumi_cli.installed_cli import installed_cli
from fleet.pulumi_cli.stack_states import StackStates
from oidc.errors import OutsideWorldError, StateError, UsageError
from tests.sandbox.running_engine import NEEDS_CLI

ANSWERING = """#!{python}
import sys
from pathlib import Path
answers = Path({answers!r})
name = "-".join(argument for argument in sys.argv[1:3] if not argument.startswith("-"))
with (answers / "calls").open("a") as calls:
    calls.write(" ".join(sys.argv[1:]) + "\\n")
print((answers / name).read_text() if (answers / name).exists() else "")
if name == "stack-export":
    Path(sys.argv[sys.argv.index("--file") + 1]).write_text('{{"version": 3, "deployment": {{}}}}')
"""


class Cli:
    """A stand-in for the CLI: the output of each command is in a file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "pulumi"
        self.path.write_text(ANSWERING.format(python=sys.executable, answers=str(folder)))
        self.path.chmod(0o755)

    def states(self) -> StackStates:
        return StackStates(self.path, {})

    def calls(self) -> list[str]:
        return (self.folder / "calls").read_text().splitlines()


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return Cli(tmp_path)


def test_a_running_update_of_pulumi_cloud_is_a_lock_and_breaking_it_cancels_the_update(cli: Cli) -> None:
    stacks = [{"name": "a", "updateInProgress": True}, {"name": "b"}, {"name": "other/project/c"}]
    (cli.folder / "stack-ls").write_text(json.dumps(stacks))
    backend = ByCli(cli.states())
    assert backend.stacks() == {"a", "b"}
    locks = backend.read("a").locks
    assert (len(locks), backend.read("b").locks) == (1, ())
    backend.break_lock(locks[0])
    assert cli.calls()[-1] == "cancel --yes --stack a --non-interactive --color never"
    assert backend.read("a").locks == ()


@pytest.mark.parametrize("output", ["", '{"name": "a"}', "[7]", '[{"name": null}]', "null"])
def test_any_other_list_of_stacks_is_refused(cli: Cli, output: str) -> None:
    (cli.folder / "stack-ls").write_text(output)
    with pytest.raises(StateError):
        cli.states().listed()


@pytest.mark.parametrize(
    ("secrets_provider", "option"),
    [
        ({"type": "passphrase", "state": {"salt": "v1:"}}, " --secrets-provider passphrase"),
        ({"type": "cloud", "state": {"url": "awskms://alias/pulumi"}}, " --secrets-provider awskms://alias/pulumi"),
        ({"type": "service", "state": {}}, ""),
        (None, ""),
    ],
)
def test_a_new_stack_is_encrypted_as_the_state_is(cli: Cli, secrets_provider: dict[str, str], option: str) -> None:
    cli.states().make("a", secrets_provider)
    assert cli.calls() == [f"stack init a --no-select{option} --non-interactive --color never"]


def test_the_backend_is_that_of_the_environment_or_of_the_login(cli: Cli) -> None:
    (cli.folder / "whoami").write_text('{"user": "me", "url": "file://./states"}')
    assert backend_url({"PULUMI_BACKEND_URL": "s3://b"}, cli.path, cli.folder) == "s3://b"
    assert backend_url({}, cli.path, cli.folder) == f"file://{cli.folder}/states"
    with pytest.raises(UsageError, match="PULUMI_BACKEND_URL"):
        backend_url({}, None, cli.folder)
    (cli.folder / "whoami").write_text("")
    with pytest.raises(StateError):
        backend_url({}, cli.path, cli.folder)


def test_a_backend_that_needs_the_cli_says_so() -> None:
    with pytest.raises(UsageError, match="azblob://states needs it"):
        open_backend(Machine(None, {}, "azblob://states", {}))


def test_a_command_takes_the_machine_of_the_sandbox_if_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_BACKEND_URL", "s3://b")
    command = click.Command("status")
    with click.Context(command):
        assert this_machine().backend == "s3://b"
    sandbox = Machine(None, {}, "file:///sandbox", {})
    with click.Context(command, parent=click.Context(click.Group("sandbox"), obj=sandbox)):
        assert this_machine() is sandbox


@pytest.fixture
def states(tmp_path: Path) -> tuple[Machine, StackStates]:
    installed = installed_cli()
    assert installed is not None
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "PULUMI_HOME": str(tmp_path / "home"),
                   "PULUMI_CONFIG_PASSPHRASE": "p", "PULUMI_SKIP_UPDATE_CHECK": "true",
                   "PULUMI_BACKEND_URL": f"file://{tmp_path}"}  # fmt: skip
    return (
        Machine(installed.path, environment, f"file://{tmp_path}", {}),
        StackStates(installed.path, environment),
    )


@NEEDS_CLI
def test_the_real_cli_and_a_direct_reading_say_the_same(states: tuple[Machine, StackStates]) -> None:
    direct, by_cli = open_backend(states[0]), ByCli(states[1])
    assert by_cli.stacks() == frozenset()
    assert by_cli.read("a").state is None
    states[1].make("a", {"type": "passphrase"})
    assert by_cli.stacks() == direct.stacks() == {"a"}
    assert by_cli.read("a") == direct.read("a")


@NEEDS_CLI
def test_a_failure_of_the_real_cli_is_a_fault_in_its_words(states: tuple[Machine, StackStates]) -> None:
    states[1].make("a", None)
    Path(states[0].backend.removeprefix("file://"), ".pulumi/stacks/bitbucket-aws-oidc/a.json").write_text("{")
    assert "failed to load checkpoint" in ByCli(states[1]).read("a").fault
    with pytest.raises(OutsideWorldError, match="already exists"):
        states[1].make("a", None)
