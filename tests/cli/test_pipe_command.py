"""`bitbucket-oidc pipe`: a container that gets variables and a token from Bitbucket runs one command of ours."""

import json
import os
import shutil
import stat
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from cli.main import cli, run
from cli.pipe import COMMANDS, Takes
from config.program import program_folder

COMMAND = str(Path(sys.executable).with_name("bitbucket-oidc"))
ROLE = "arn:aws:iam::999999999999:role/bitbucket/access-preview"
TOKEN = "header.claims.signature"
PULUMI = """#!{python}
import json, os, sys
from pathlib import Path
file = Path(sys.argv[sys.argv.index("--config-file") + 1])
names = ("AWS_CONFIG_FILE", "AWS_WEB_IDENTITY_TOKEN_FILE")
print(json.dumps({{
    "arguments": sys.argv[1:], "environment": dict(os.environ), "stack_file": file.read_text(),
    "files": {{name: Path(os.environ[name]).read_text() for name in names if name in os.environ}},
    "modes": [Path(os.environ[name]).stat().st_mode for name in names if name in os.environ],
}}))
sys.exit(7)
"""


class Step:
    """A step that starts the image as a pipe, in a clone, with a stand-in for the Pulumi CLI on `PATH`."""

    def __init__(self, folder: Path) -> None:
        self.clone, programs = folder / "clone", folder / "bin"
        programs.mkdir()
        shutil.copytree(program_folder() / "examples" / "inventory-repository", self.clone)
        (programs / "pulumi").write_text(PULUMI.format(python=sys.executable))
        (programs / "pulumi").chmod(0o755)
        self.environment = {
            "PATH": f"{programs}:{os.environ['PATH']}", "HOME": str(folder), "XDG_CACHE_HOME": str(folder / "cache"),
            "TMPDIR": str(folder), "BITBUCKET_REPO_SLUG": "access", "BITBUCKET_BUILD_NUMBER": "12",
        }  # fmt: skip

    def pipe(self, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = self.environment | variables
        return subprocess.run(
            [COMMAND, "pipe"], cwd=self.clone, env=environment, capture_output=True, text=True, check=False
        )

    def pulumi(self, **variables: str) -> dict[str, Any]:
        finished = self.pipe(**variables)
        assert finished.returncode == 7, finished.stderr
        called: dict[str, Any] = json.loads(finished.stdout)
        return called


@pytest.fixture
def step(tmp_path: Path) -> Step:
    return Step(tmp_path)


@pytest.fixture
def error(
    step: Step, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[dict[str, str]], str]:
    """Return what runs the pipe with wrong variables, in this process, and returns its error."""

    def error(variables: dict[str, str]) -> str:
        monkeypatch.chdir(step.clone)
        for name, value in {"PULUMI_CONFIG_PASSPHRASE": "", **variables}.items():
            monkeypatch.setenv(name, value)
        assert run(["pipe"]) == 2
        printed = capsys.readouterr()
        assert printed.out == ""
        (line,) = printed.err.splitlines()
        return line

    return error


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_of_the_pipe_is_one_of_ours_that_takes_the_inventory_so(name: str) -> None:
    command: click.Command | None = cli
    for word in name.split():
        assert isinstance(command, click.Group)
        command = command.get_command(click.Context(command), word) if word != "pulumi" else pulumi_stand_in()
    assert command is not None
    names = {parameter.name: parameter for parameter in command.params}
    expected = {Takes.ARGUMENT: click.Argument, Takes.OPTION: click.Option}.get(COMMANDS[name])
    assert isinstance(names.get("inventory"), expected) if expected else "inventory" not in names


def pulumi_stand_in() -> click.Group:
    return click.Group(commands={word: click.Command(word) for word in ("preview", "refresh", "up")})


def test_a_command_gets_its_options_and_the_inventory(step: Step) -> None:
    finished = step.pipe(COMMAND="plan --format digests", INVENTORY="inventory")
    assert finished.returncode == 0, finished.stderr
    stacks = {path.name.split(".")[1] for path in step.clone.glob("Pulumi.*.yaml")}
    assert {stack["stack"] for stack in json.loads(finished.stdout)["stacks"]} == stacks
    assert set(step.pipe(COMMAND="ci stacks", INVENTORY="inventory").stdout.split()) == stacks


def test_the_default_inventory_needs_no_variable_and_findings_are_the_exit_code(step: Step) -> None:
    assert step.pipe(COMMAND="validate").returncode == 0
    (step.clone / "inventory" / "faulty.yaml").write_text("roles: 1\n")
    finished = step.pipe(COMMAND="validate")
    assert finished.returncode == 1
    assert "inventory/faulty.yaml:1:" in finished.stderr


def test_a_list_gives_words_that_no_shell_splits(step: Step) -> None:
    finished = step.pipe(COMMAND_COUNT="3", COMMAND_0="report", COMMAND_1="--output", COMMAND_2="a report.html")
    assert finished.returncode == 0, finished.stderr
    assert (step.clone / "a report.html").is_file()


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, "COMMAND is not set; write one of ci comment, "),
        ({"COMMAND": 'plan "'}, "COMMAND is neither a text nor a list of words"),
        ({"COMMAND_COUNT": "2", "COMMAND_0": "plan"}, "COMMAND is neither a text nor a list of words"),
        ({"COMMAND": "validat"}, "does not run `validat`; did you mean `validate`?"),
        ({"COMMAND": "pulumi destroy --yes"}, "does not run `pulumi destroy`; the commands are ci comment, "),
        ({"COMMAND": "sandbox up"}, "does not run `sandbox`; the commands are "),
        ({"COMMAND": "'pla\nn'"}, "does not run `pla\\nn`"),
        ({"COMMAND": "plan", "INVENTORY": "nowhere"}, "INVENTORY: nowhere is no folder or file of the clone"),
        ({"COMMAND": "plan", "INVENTORY": "--help"}, "INVENTORY: --help is no folder or file of the clone"),
        ({"COMMAND": "ci guard x", "INVENTORY": "inventory"}, "INVENTORY is set, and ci guard reads no inventory"),
        ({"COMMAND": "plan", "STACK": "production"}, "STACK is set, and plan has no stack"),
        ({"COMMAND": "pulumi preview"}, "pulumi preview needs STACK"),
        ({"COMMAND": "pulumi preview", "STACK": "--help"}, "STACK: --help is not the name of a stack"),
        ({"COMMAND": "pulumi preview", "STACK": "other"}, "STACK: there is no Pulumi.other.yaml"),
        ({"COMMAND": "plan", "ACCOUNT_ROLE": "Deploy"}, "ACCOUNT_ROLE needs AWS_OIDC_ROLE_ARN"),
        ({"COMMAND": "plan", "AWS_OIDC_ROLE_ARN": "a\nb"}, "AWS_OIDC_ROLE_ARN: a\\nb is not the ARN of a role"),
        ({"COMMAND": "plan", "AWS_OIDC_ROLE_ARN": "arn:aws:iam::999999999999:policy/x"}, "is not the ARN of a role"),
        ({"COMMAND": "plan", "AWS_OIDC_ROLE_ARN": ROLE, "ACCOUNT_ROLE": ROLE}, "is not the name of a role"),
        ({"COMMAND": "plan", "AWS_OIDC_ROLE_ARN": ROLE}, "the step has no token: BITBUCKET_STEP_OIDC_TOKEN is not set"),
    ],
)  # fmt: skip
def test_a_wrong_variable_is_one_line(
    error: Callable[[dict[str, str]], str], variables: dict[str, str], expected: str
) -> None:
    line = error(variables)
    assert line.startswith("error: ")
    assert expected in line


def test_a_token_in_the_command_is_not_repeated(error: Callable[[dict[str, str]], str]) -> None:
    token = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJodHRwczovL2FwaS5iaXRidWNrZXQub3JnIn0.c2lnbmF0dXJlc2lnbmF0dXJl"
    line = error({"COMMAND": f"explain {token}"})
    assert "there is a token in COMMAND" in line
    assert "eyJ" not in line


def test_pulumi_runs_with_the_stack_and_known_keys_of_its_file_alone(step: Step) -> None:
    file = step.clone / "Pulumi.production.yaml"
    file.write_text(file.read_text() + "  other:key: theirs\n")
    called = step.pulumi(COMMAND="pulumi preview --json", STACK="production", INVENTORY="inventory")
    name, _, stack, _, path, *rest = called["arguments"]
    assert (name, stack, rest) == ("preview", "production", ["--non-interactive", "--json"])
    assert not Path(path).is_relative_to(step.clone)
    config = yaml.safe_load(called["stack_file"])["config"]
    assert config["bitbucket-aws-oidc:inventory"] == str(step.clone / "inventory")
    assert "theirs" not in called["stack_file"]
    assert called["environment"]["PULUMI_CONFIG_PASSPHRASE"] == ""


def test_a_stack_of_another_inventory_is_refused(step: Step) -> None:
    shutil.copytree(step.clone / "inventory", step.clone / "other")
    finished = step.pipe(COMMAND="pulumi preview", STACK="production", INVENTORY="other")
    assert (finished.returncode, finished.stdout) == (2, "")
    assert "inventory" in finished.stderr


def test_the_token_goes_to_a_file_that_only_its_user_can_read_and_the_role_to_the_variables_of_sdks(step: Step) -> None:
    called = step.pulumi(
        COMMAND="pulumi up --yes", STACK="production", AWS_OIDC_ROLE_ARN=ROLE, BITBUCKET_STEP_OIDC_TOKEN=TOKEN,
        AWS_ACCESS_KEY_ID="AKIA", AWS_SECRET_ACCESS_KEY="key", AWS_SESSION_TOKEN="token", AWS_PROFILE="somebody",
    )  # fmt: skip
    assert called["files"] == {"AWS_WEB_IDENTITY_TOKEN_FILE": TOKEN}
    assert list(map(stat.filemode, called["modes"])) == ["-rw-------"]
    aws = {name: value for name, value in called["environment"].items() if name.startswith("AWS_")}
    assert aws.pop("AWS_OIDC_ROLE_ARN") == ROLE
    assert not Path(aws.pop("AWS_WEB_IDENTITY_TOKEN_FILE")).is_relative_to(step.clone)
    assert aws == {"AWS_ROLE_ARN": ROLE, "AWS_ROLE_SESSION_NAME": "access-12"}


def test_with_a_role_in_each_account_the_profiles_of_the_inventory_lead_there(step: Step) -> None:
    called = step.pulumi(
        COMMAND="pulumi preview", STACK="production", AWS_OIDC_ROLE_ARN=ROLE, BITBUCKET_STEP_OIDC_TOKEN=TOKEN,
        ACCOUNT_ROLE="PulumiDeploy-reading",
    )  # fmt: skip
    profiles = called["files"]["AWS_CONFIG_FILE"]
    assert "[profile prod]\nrole_arn = arn:aws:iam::222222222222:role/PulumiDeploy-reading\n" in profiles
    assert f"role_arn = {ROLE}\nweb_identity_token_file = " in profiles
    assert called["environment"]["AWS_PROFILE"] == "pipeline"
    assert "AWS_ROLE_ARN" not in called["environment"]


def test_profiles_of_a_faulty_inventory_end_it_before_pulumi_starts(step: Step) -> None:
    (step.clone / "inventory" / "faulty.yaml").write_text("roles: 1\n")
    finished = step.pipe(
        COMMAND="pulumi preview", STACK="production", AWS_OIDC_ROLE_ARN=ROLE, BITBUCKET_STEP_OIDC_TOKEN=TOKEN,
        ACCOUNT_ROLE="PulumiDeploy",
    )  # fmt: skip
    assert (finished.returncode, finished.stdout) == (1, "")
    assert "inventory/faulty.yaml:1:" in finished.stderr


def test_the_metadata_names_the_variables_and_the_version() -> None:
    metadata = yaml.safe_load((program_folder() / "pipe.yml").read_text())
    assert {"name", "image", "description", "variables"} <= metadata.keys()
    version = tomllib.loads((program_folder() / "pyproject.toml").read_text())["project"]["version"]
    assert metadata["image"].rpartition(":")[2] == version
    source = (program_folder() / "cli" / "pipe.py").read_text()
    names = [variable["name"] for variable in metadata["variables"]]
    assert names == ["COMMAND", "INVENTORY", "STACK", "AWS_OIDC_ROLE_ARN", "ACCOUNT_ROLE"]
    assert all(f'"{name}"' in source for name in names)
    assert [variable["name"] for variable in metadata["variables"] if variable.get("required")] == ["COMMAND"]


def test_the_page_of_the_image_names_every_command_and_its_example_runs(step: Step) -> None:
    page = (program_folder() / "docs" / "guides" / "image.md").read_text()
    assert all(f"`{name}`" in page for name in COMMANDS)
    (block,) = [text for text in page.split("```")[1::2] if text.startswith("yaml")]
    (example,) = yaml.safe_load(block.removeprefix("yaml"))["pipelines"]["pull-requests"]["**"]
    (pipe,) = example["step"]["script"]
    assert example["step"]["oidc"]
    called = step.pulumi(BITBUCKET_STEP_OIDC_TOKEN=TOKEN, **pipe["variables"])
    assert called["environment"]["PULUMI_BACKEND_URL"] == "s3://acme-access-state?region=eu-west-1"


def test_help_says_what_the_variables_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["pipe", "--help"]) == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in ("COMMAND", "INVENTORY", "STACK", "AWS_OIDC_ROLE_ARN", "ACCOUNT_ROLE"))
