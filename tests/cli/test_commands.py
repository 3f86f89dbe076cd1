"""All commands: exit codes, standard output and standard error, JSON shapes, guardrails."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from cli.main import cli, run

ROLE = "roles: {r: {accounts: [dev], trust: [{repository: acme/shop, environments: [production]}]}}\n"
EXPIRED = ROLE.replace("accounts", "expires: 2020-01-01, accounts")
FAULTY = ROLE.replace("production", "prodution")

Inventory = Callable[..., Path]


@pytest.mark.parametrize(
    ("command", "roles", "options", "code"),
    [
        ("validate", ROLE, [], 0),
        ("validate", EXPIRED, [], 0),
        ("validate", EXPIRED, ["--strict"], 1),
        ("validate", FAULTY, [], 1),
        ("plan", ROLE, [], 0),
        ("plan", EXPIRED, [], 0),
        ("plan", EXPIRED, ["--strict"], 1),
        ("plan", FAULTY, [], 1),
        ("plan", ROLE, ["--format", "json"], 0),
    ],
)
def test_exit_codes(write_inventory: Inventory, command: str, roles: str, options: list[str], code: int) -> None:
    assert run([command, str(write_inventory(roles)), *options]) == code


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["validate", "--format", "xml"], ["plan", "a", "b"], ["validate", "--strikt"]]
)
def test_wrong_usage_is_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 2
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("make", "rule"),
    [
        (lambda path: None, "inventory-missing"),
        (lambda path: path.mkdir(), "inventory-missing"),
        (lambda path: path.write_text(""), "inventory-empty"),
        (lambda path: path.write_text("# nothing\n"), "inventory-empty"),
        (lambda path: path.write_bytes(b"\xff\xfe"), "unreadable-file"),
        (lambda path: path.write_text("workspaces: [\n"), "yaml-syntax"),
        (lambda path: path.write_text("just text\n"), "wrong-type"),
    ],
)
def test_an_invalid_inventory_is_one_line_and_exit_code_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], make: Callable[[Path], Any], rule: str
) -> None:
    path = tmp_path / "inventory"
    make(path)
    for command in ("validate", "plan", "sandbox"):
        arguments = [command, "up", str(path)] if command == "sandbox" else [command, str(path)]
        assert run(arguments) == 1
        captured = capsys.readouterr()
        lines = [line for line in captured.err.splitlines() if f"error[{rule}]" in line]
        assert len(lines) == 1
        assert lines[0].startswith(f"{path}:")
        assert captured.out == ""


def test_an_unreadable_file_is_one_line(
    write_inventory: Inventory, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_inventory(ROLE)

    def refuse(_path: Path, _flags: int) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("config.yaml.text.os.open", refuse)
    assert run(["validate", str(folder)]) == 1
    assert "cannot be read: Permission denied" in capsys.readouterr().err


def test_findings_as_json_have_all_keys_and_go_to_standard_output(
    write_inventory: Inventory, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_inventory(FAULTY)
    assert run(["validate", str(folder), "--format", "json"]) == 1
    captured = capsys.readouterr()
    (finding,) = json.loads(captured.out)
    assert finding == {
        "rule": "unknown-environment",
        "level": "error",
        "file": str(folder / "base.yaml"),
        "line": finding["line"],
        "column": finding["column"],
        "path": "roles.r.trust[0].environments[0]",
        "message": "acme/shop has no environment `prodution`",
        "hint": "did you mean `production`?",
    }
    assert captured.err == ""


def test_a_sound_inventory_gives_an_empty_list(write_inventory: Inventory, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["validate", str(write_inventory(ROLE)), "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_the_plan_as_json_has_the_public_shape(write_inventory: Inventory, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", str(write_inventory(ROLE)), "--format", "json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    account = plan["accounts"][1]
    assert [account["key"] for account in plan["accounts"]] == ["data", "dev", "prod"]
    assert account.keys() == {"key", "id", "partition", "region", "oidc_providers", "roles"}
    assert account["region"] is None
    assert account["oidc_providers"][0].keys() == {"workspace", "url", "arn", "audiences", "thumbprints", "mode"}
    role = account["roles"][0]
    assert role.keys() == {
        "key", "name", "arn", "path", "description", "owner", "grade", "trust_policy", "managed_policy_arns",
        "inline_policies", "permissions_boundary_arn", "max_session_duration", "expires", "tags", "trust",
    }  # fmt: skip
    assert role["trust"][0].keys() == {"workspace", "repository", "environment", "subject_pattern", "grade"}
    assert (role["max_session_duration"], role["description"], role["expires"]) == (3600, None, None)


def test_the_table_is_for_people_and_shows_the_grade(
    write_inventory: Inventory, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["plan", str(write_inventory(ROLE))]) == 0
    out = capsys.readouterr().out
    assert "acme/shop, deployment environment production" in out
    assert "environment-bound" in out
    assert "ari:cloud:bitbucket" in out
    assert "\x1b[" not in out


def test_help_imports_neither_pulumi_nor_the_sandbox() -> None:
    code = (
        "import sys, cli.main; cli.main.run(['--help']);"
        "print([m for m in ('pulumi', 'yaml', 'sandbox', 'rich') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "[]"


def test_validating_imports_neither_pulumi_nor_the_sandbox(write_inventory: Inventory) -> None:
    code = (
        f"import sys, cli.main; cli.main.run(['validate', {str(write_inventory(ROLE))!r}]);"
        "print([m for m in ('pulumi', 'requests', 'sandbox', 'boto3') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "[]"


def test_a_fleet_in_which_nothing_runs_imports_no_pulumi() -> None:
    modules = "cli.fleet.up, cli.fleet.reporting, cli.fleet.running, cli.fleet.changes, sandbox.fleet"
    code = f"import sys, {modules}; print([m for m in ('pulumi', 'pulumi_aws', 'grpc', 'boto3') if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"


def test_a_closed_pipe_is_no_failure(write_inventory: Inventory) -> None:
    command = f"{sys.executable} -m cli plan {write_inventory(ROLE)} --format json | head -n 1"
    result = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert result.stdout == "{\n"
    assert result.stderr == ""


def test_control_characters_in_names_are_escaped(
    write_inventory: Inventory, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_inventory(
        'roles: {"r\\e[31m": {accounts: [dev], trust: [{repository: "acme/\\e]0;x", steps: all}]}}\n'
    )
    assert run(["validate", str(folder)]) == 1
    assert "\x1b" not in capsys.readouterr().err


GUARDRAILS = "guardrails: {rules: {everywhere: {permissions_boundary: account:ci-boundary}}}\n"


def commands_of(group: click.Command, *names: str) -> Iterator[tuple[str, click.Command]]:
    """Yield every command with its name, those of groups included."""
    assert isinstance(group, click.Group)
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands_of(command, *names, name)
        else:
            yield " ".join((*names, name)), command


def test_every_command_that_reads_an_inventory_takes_guardrails() -> None:
    parameters = {name: {parameter.name for parameter in command.params} for name, command in commands_of(cli)}
    # A fleet has the guardrails of its inventory, where `rollout` names another file: those of `up` by hand.
    of_fleets = ("fleet ", "sandbox fleet ")
    reading = {name for name, taken in parameters.items() if "inventory" in taken and not name.startswith(of_fleets)}
    assert {"validate", "sandbox up"} <= reading
    taking = {name for name, taken in parameters.items() if "guardrails" in taken}
    assert reading == {name for name in taking if not name.startswith(of_fleets)}


@pytest.mark.parametrize("command", ["validate", "plan", "deploy-policy", "sandbox up", "sandbox prove"])
def test_guardrails_of_a_named_file_are_checked(
    write_inventory: Inventory, tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    (tmp_path / "rules.yaml").write_text(GUARDRAILS)
    options = ["--guardrails", str(tmp_path / "rules.yaml")]
    assert run([*command.split(), str(write_inventory(ROLE)), *options]) == 1
    assert "error[guardrail-boundary] roles.r: the role has no permissions boundary" in capsys.readouterr().err


def test_a_missing_guardrails_file_is_an_error(write_inventory: Inventory, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["validate", str(write_inventory(ROLE)), "--guardrails", "gone.yaml"]) == 1
    assert "gone.yaml:1:1: error[guardrails-missing]" in capsys.readouterr().err


def test_an_empty_path_of_guardrails_is_wrong_usage(write_inventory: Inventory) -> None:
    assert run(["validate", str(write_inventory(ROLE)), "--guardrails", ""]) == 2


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        (["plann"], "there is no command `plann`; did you mean `plan`?"),
        (["ci", "stack"], "there is no command `stack`; did you mean `stacks`?"),
        (["xyz"], "there is no command `xyz`; the commands are adopt, "),
    ],
)
def test_a_misspelt_command_gets_a_suggestion(
    typed: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(typed) == 2
    assert message in capsys.readouterr().err
