"""The checks of `make live` themselves, in an emulated account."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from fleet.pulumi_cli.installed_cli import find_cli
from sandbox.emulated_bitbucket.behaviour import SANDBOX_TOKEN
from sandbox.emulated_bitbucket.workspaces import EmulatedEnvironment, EmulatedRepository, PipelineStep, random_uuid
from sandbox.engine_choice import EngineName
from sandbox.pulumi_cli.environment import ambient_folders
from sandbox.session import PROJECT_FOLDER
from tests.live.throw_away_account import LiveSettings
from tests.live.token_proof import answered, pipeline
from tests.pipelines_schema import PIPELINES_SCHEMA
from tests.sandbox.life_cycle.one_stack import OneStack
from tests.sandbox.running_engine import NEEDS_CLI


def live(environment: dict[str, str]) -> subprocess.Popen[str]:
    hidden = ("AWS_", "PYTEST_", "LIVE_", "BITBUCKET_")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
    command = [sys.executable, "-m", "pytest", "-m", "live", "-q", "-s", "-p", "no:cacheprovider", "tests/live"]
    return subprocess.Popen(
        command,
        cwd=PROJECT_FOLDER,
        env=clean | environment,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({}, "make live ACCOUNT=111111111111 WORKSPACE=acme"),
        (
            {"LIVE_ACCOUNT": "111111111111", "LIVE_WORKSPACE": "acme", "LIVE_REPOSITORY": "shop"},
            "set all of REPOSITORY, ENVIRONMENT, OTHER_ENVIRONMENT or none",
        ),
    ],
)
def test_nothing_is_done_while_a_variable_is_missing(variables: dict[str, str], says: str) -> None:
    with live(variables) as process:
        output, _ = process.communicate()
    assert process.returncode != 0
    assert output.count(says) == 1
    assert "Error" not in output


PRODUCTION = EmulatedEnvironment("production", random_uuid())
STAGING = EmulatedEnvironment("staging", random_uuid())
SHOP = EmulatedRepository("shop", random_uuid(), (PRODUCTION, STAGING))


@NEEDS_CLI
@pytest.mark.parametrize("engine", [EngineName.BUILTIN], indirect=True)
def test_every_check_passes_and_leaves_nothing_behind(stack: OneStack, tmp_path: Path) -> None:
    with stack.running.session(stack.write()) as session:
        bitbucket = session.bitbucket
        (acme,) = bitbucket.workspaces
        bitbucket.workspaces = (replace(acme, repositories=(SHOP,)),)
        plugins = ambient_folders(find_cli(), tmp_path, PROJECT_FOLDER)
        shown = {"awsEndpoint", "issuerConnect"}
        structured = {key: text for key, text in session.program.config.items() if key.rpartition(":")[2] in shown}
        config = {key: json.loads(text) if text.startswith("{") else text for key, text in structured.items()}
        environment = {
            "PATH": os.pathsep.join([*map(str, plugins), os.environ["PATH"]]),
            "PULUMI_HOME": str(tmp_path / "home"),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "AWS_ACCESS_KEY_ID": stack.account_id,
            "AWS_SECRET_ACCESS_KEY": "x",
            "AWS_ENDPOINT_URL": session.endpoint,
            "BITBUCKET_API_URL": bitbucket.api_url,
            "BITBUCKET_ACCESS_TOKEN": SANDBOX_TOKEN,
            "BITBUCKET_CA_FILE": str(bitbucket.ca_file),
            "LIVE_ACCOUNT": stack.account_id,
            "LIVE_WORKSPACE": "acme",
            "LIVE_REPOSITORY": "shop",
            "LIVE_ENVIRONMENT": "production",
            "LIVE_OTHER_ENVIRONMENT": "staging",
            "LIVE_STACK_CONFIG": json.dumps(config),
        }
        with live(environment) as process:
            output, steps = until_the_question(process)
            production, staging = (
                bitbucket.step_token(PipelineStep(acme, SHOP.uuid, environment.uuid))
                for environment in SHOP.environments
            )
            assert [step["deployment"] for step in steps] == ["production", "staging"]
            runs = [ran(step, token, tmp_path) for step in steps for token in (production, staging)]
            assert [run.returncode for run in runs] == [0, 1, 1, 0]
            assert runs[0].stdout.startswith(f"STS answers: <Arn>arn:aws:sts::{stack.account_id}:assumed-role/")
            assert runs[3].stdout == "STS answers: <Code>AccessDenied\n"
            rest, _ = process.communicate("passed\n")
        assert process.returncode == 0, output + rest
        assert "7 passed" in rest
    assert (stack.roles(), stack.oidc_provider()) == (set(), None)


def until_the_question(process: subprocess.Popen[str]) -> tuple[str, list[dict[str, Any]]]:
    """Return the output up to the question, and the steps of the printed pipeline."""
    assert process.stdout is not None
    output = ""
    for line in process.stdout:
        if line.startswith("Type `passed`"):
            break
        output += line
    printed = output[output.find("pipelines:\n") :]
    assert printed.startswith("pipelines:"), output
    (steps,) = yaml.safe_load(printed)["pipelines"]["custom"].values()
    return output, [step["step"] for step in steps]


def ran(step: dict[str, Any], token: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the script of a step as Pipelines does, with a token, and without its pauses."""
    (folder / "sleep").write_text("#!/bin/sh\n")
    (folder / "sleep").chmod(0o755)
    environment = {
        "PATH": f"{folder}:{os.environ['PATH']}",
        "BITBUCKET_STEP_OIDC_TOKEN": token,
        "NO_PROXY": "127.0.0.1",
    }
    (script,) = step["script"]
    return subprocess.run(["sh", "-e", "-c", script], env=environment, capture_output=True, text=True, check=False)


@given(st.text(min_size=1), st.text(min_size=1))
def test_the_pipeline_is_valid_whatever_the_environments_are_called(admitted: str, refused: str) -> None:
    names = LiveSettings("111111111111", "acme", {}, "shop", admitted, refused)
    document = yaml.safe_load(pipeline(names, "arn:aws:iam::111111111111:role/live"))
    jsonschema.Draft7Validator(PIPELINES_SCHEMA).validate(document)
    (steps,) = document["pipelines"]["custom"].values()
    assert [step["step"]["deployment"] for step in steps] == [admitted, refused]
    assert all("curl --silent --max-time 20 https://sts.us-east-1.amazonaws.com/" in str(step) for step in steps)


@pytest.mark.parametrize(("typed", "meant"), [("passed\n", "passed"), ("failed\n", "failed"), ("", ""), (None, "")])
def test_no_answer_in_time_is_no_pass(typed: str | None, meant: str) -> None:
    reader, writer = os.pipe()
    with os.fdopen(reader) as stream, os.fdopen(writer, "w") as person:
        if typed is not None:
            person.write(typed)
            person.close()
        assert answered(stream, 0.1) == meant
