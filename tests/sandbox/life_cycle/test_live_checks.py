"""The checks of `make live` themselves, in an emulated account."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.engine_choice import EngineName
from sandbox.pulumi_cli.environment import ambient_folders, find_cli
from sandbox.session import PROJECT_FOLDER
from tests.sandbox.life_cycle.one_stack import OneStack
from tests.sandbox.running_engine import NEEDS_CLI


def live(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTEST_", "LIVE_"))}
    command = [sys.executable, "-m", "pytest", "-m", "live", "-q", "-p", "no:cacheprovider", "tests/live"]
    return subprocess.run(
        command, cwd=PROJECT_FOLDER, env=clean | environment, capture_output=True, text=True, check=False
    )


def test_without_an_account_nothing_is_done() -> None:
    finished = live({})
    assert finished.returncode != 0
    assert "make live ACCOUNT=111111111111 WORKSPACE=acme" in finished.stdout


@NEEDS_CLI
@pytest.mark.parametrize("engine", [EngineName.BUILTIN], indirect=True)
def test_every_check_passes_and_leaves_nothing_behind(stack: OneStack, tmp_path: Path) -> None:
    with stack.running.session(stack.write()) as session:
        plugins = ambient_folders(find_cli(), tmp_path, PROJECT_FOLDER)
        shown = {"awsEndpoint", "issuerConnect"}
        structured = {key: text for key, text in session.program.config.items() if key.rpartition(":")[2] in shown}
        config = {key: json.loads(text) if text.startswith("{") else text for key, text in structured.items()}
        finished = live(
            {
                "PATH": os.pathsep.join([*map(str, plugins), os.environ["PATH"]]),
                "PULUMI_HOME": str(tmp_path / "home"),
                "PULUMI_SKIP_UPDATE_CHECK": "true",
                "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
                "AWS_ACCESS_KEY_ID": stack.account_id,
                "AWS_SECRET_ACCESS_KEY": "x",
                "AWS_ENDPOINT_URL": session.endpoint,
                "LIVE_ACCOUNT": stack.account_id,
                "LIVE_WORKSPACE": "acme",
                "LIVE_STACK_CONFIG": json.dumps(config),
            }
        )
        assert finished.returncode == 0, finished.stdout
        assert "6 passed" in finished.stdout
    assert (stack.roles(), stack.oidc_provider()) == (set(), None)
