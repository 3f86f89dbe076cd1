"""fleet pipeline: the printed file is valid, its steps run what they should, and its commands exist."""

import json
import shlex
from itertools import takewhile
from pathlib import Path
from typing import Any

import click
import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from cli.main import cli, run
from config.pipelines.reading import read_pipelines
from onboarding.fleet_pipelines import shards_of_waves
from tests.cli.fleet.conftest import FakeFleet
from tests.pipelines_schema import PIPELINES_SCHEMA

ROLE = "arn:aws:iam::999999999999:role/bitbucket/access-deploy"
STATES = "s3://acme-access-state?region=eu-west-1"
OPTIONS = ("--pipeline-role", ROLE, "--state-url", STATES)


def printed(fleet: FakeFleet, capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, Any]:
    assert fleet.command("pipeline", *OPTIONS, *options) == 0
    text = capsys.readouterr().out
    (fleet.folder / "bitbucket-pipelines.yml").write_text(text)
    data: dict[str, Any] = yaml.safe_load(text)
    return data


def items(data: dict[str, Any], branch: str = "main") -> list[Any]:
    found: list[Any] = data["pipelines"]["branches"][branch]
    return found


def shards(item: dict[str, Any]) -> list[dict[str, Any]]:
    return [step["step"] for step in item["parallel"]["steps"]]


def commands(data: dict[str, Any]) -> list[list[str]]:
    """Return the words of each bitbucket-oidc command of the file, up to what the shell takes."""
    steps = [step for item in items(data) for step in (shards(item) if "parallel" in item else [item["step"]])]
    lines = [line for step in steps for line in step["script"] if line.startswith("bitbucket-oidc ")]
    return [list(takewhile(lambda word: word != "||", shlex.split(line, comments=True)[1:])) for line in lines]


def test_each_wave_is_one_parallel_group_and_the_reports_are_joined(
    fleet: FakeFleet, capsys: pytest.CaptureFixture[str]
) -> None:
    data = printed(fleet, capsys, "--shards", "2")
    jsonschema.validate(data, PIPELINES_SCHEMA)
    canary, whole, others, last = items(data)
    assert [step["deployment"] for step in shards(canary)] == ["fleet-canary-1"]
    assert [step["deployment"] for step in shards(others)] == ["fleet-others-1", "fleet-others-2"]
    assert all(step["oidc"] is True for step in (*shards(canary), *shards(others)))
    assert [words[1:2] for words in commands(data)] == [["up"], ["join"], ["up"], ["up"], ["join"]]
    assert commands(data)[1][2] == "fleet-reports/canary-*.json"
    assert last["step"]["script"] == ["bitbucket-oidc fleet join fleet-reports/*.json --report fleet-report.json"]
    artifacts = {path for step in (*shards(canary), *shards(others)) for path in step["artifacts"]}
    assert artifacts == {"fleet-reports/*.json"}
    written = [words[words.index("--report") + 1] for words in commands(data) if words[1] == "up"]
    assert len(set(written)) == len(written) == 3
    assert "oidc" not in whole["step"]


@pytest.mark.parametrize("options", [(), ("--image", f"registry.example.com/access@sha256:{'0a' * 32}")])
def test_the_head_says_that_the_default_image_must_be_replaced(
    fleet: FakeFleet, capsys: pytest.CaptureFixture[str], options: tuple[str, ...]
) -> None:
    printed(fleet, capsys, "--shards", "2", *options)
    text = (fleet.folder / "bitbucket-pipelines.yml").read_text()
    assert ("# This image does not exist" in text) is (not options)


def test_the_commands_of_all_steps_exist(fleet: FakeFleet, capsys: pytest.CaptureFixture[str]) -> None:
    for words in commands(printed(fleet, capsys, "--shards", "3", "--max-failures", "2")):
        parsed, arguments = click.Context(cli), words
        group: click.Command = cli
        while isinstance(group, click.Group):
            name, command, arguments = group.resolve_command(parsed, arguments)
            assert command is not None
            parsed, group = click.Context(command, parsed, name), command
        group.parse_args(parsed, arguments)  # raises for an option or a value that it does not take
        assert parsed.args == []


def test_the_shards_of_all_steps_together_run_every_account_once(
    fleet: FakeFleet, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = printed(fleet, capsys, "--shards", "3")
    monkeypatch.chdir(fleet.folder)
    Path("fleet-reports").mkdir()
    for words in commands(data):
        _, name, *rest = words
        if name == "up":
            assert fleet.command("up", *rest[1:]) == 0
    assert sorted(key for _, key in fleet.ran) == ["a1", "a2", "a3", "a4"]
    reports = sorted(map(str, Path("fleet-reports").iterdir()))
    assert run(["fleet", "join", *reports, "--report", "joined.json"]) == 0
    assert json.loads(Path("joined.json").read_text())["totals"] == {"succeeded": 4}


def test_steps_of_accounts_with_profiles_write_a_configuration_file(
    fleet: FakeFleet, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "AWS_ROLE_ARN" in printed(fleet, capsys, "--shards", "1")["definitions"]["lines"][0]
    file = fleet.folder / "inventory" / "fleet.yaml"
    text = "".join(line for line in file.read_text().splitlines(keepends=True) if "deploy_role" not in line)
    for number in (1, 2, 3, 4):
        text = text.replace(f'id: "{str(number) * 12}"', f'id: "{str(number) * 12}", profile: a{number}')
    file.write_text(text)
    data = printed(fleet, capsys, "--shards", "1", "--deploying-role", "Deployer")
    lines = data["definitions"]["lines"]
    assert any(line.startswith("bitbucket-oidc ci profiles ") and "--role Deployer" in line for line in lines)
    assert "AWS_ROLE_ARN" not in lines[0]
    file.write_text(text.replace(", profile: a1", ""))
    assert fleet.command("pipeline", *OPTIONS, "--shards", "1") == 2
    assert "account a1 has no `profile`" in capsys.readouterr().err


def test_the_check_of_pipelines_reads_each_step_with_its_environment(
    fleet: FakeFleet, capsys: pytest.CaptureFixture[str]
) -> None:
    printed(fleet, capsys, "--shards", "2")
    file = read_pipelines((fleet.folder / "bitbucket-pipelines.yml").read_text())
    assert [step.deployment for step in file.steps if step.deployment] == [
        "fleet-canary-1", "fleet-others-1", "fleet-others-2",
    ]  # fmt: skip


def test_more_steps_than_a_pipeline_has_are_refused(fleet: FakeFleet, capsys: pytest.CaptureFixture[str]) -> None:
    assert fleet.command("pipeline", *OPTIONS, "--shards", "99") == 0
    file = fleet.folder / "inventory" / "more.yaml"
    file.write_text("accounts:\n" + "".join(f'  b{n}: {{id: "{n:012}"}}\n' for n in range(1, 200)))
    assert fleet.command("pipeline", *OPTIONS, "--shards", "97") == 0
    capsys.readouterr()
    assert fleet.command("pipeline", *OPTIONS, "--shards", "98") == 2
    assert "these are 101 steps, and a pipeline has at most 100" in capsys.readouterr().err


@pytest.mark.parametrize(
    "options",
    [
        ("--pipeline-role", "access", "--state-url", STATES),
        ("--pipeline-role", ROLE, "--state-url", 's3://x"; rm -rf /'),
        ("--pipeline-role", ROLE),
        (*OPTIONS, "--image", "x # y"),
        (*OPTIONS, "--environment", "a b"),
        (*OPTIONS, "--branch", "main\ndefinitions: {}"),
        (*OPTIONS, "--branch", ""),
    ],
)
def test_what_cannot_stand_in_the_file_is_refused(fleet: FakeFleet, options: tuple[str, ...]) -> None:
    assert fleet.command("pipeline", "--shards", "1", *options) == 2


@given(st.lists(st.integers(0, 300), min_size=1, max_size=5), st.integers(1, 50))
def test_each_wave_has_shards_in_proportion(sizes: list[int], shards: int) -> None:
    waves = shards_of_waves([(f"w{number}", size) for number, size in enumerate(sizes)], shards)
    numbers = [number for _, number in waves]
    assert all(1 <= number <= max(1, size) for number, size in zip(numbers, sizes, strict=True))
    assert max(numbers) <= shards
    if max(sizes) >= shards:
        assert max(numbers) == shards
