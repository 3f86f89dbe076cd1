"""A stack of a clone goes on in a repository with data alone, by the installed wheel: there is no change."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import yaml

from fleet.pulumi_cli.installed_cli import find_cli
from sandbox.engine_choice import EngineName
from sandbox.pulumi_cli.environment import ambient_folders
from sandbox.session import PROJECT_FOLDER
from tests.installed_wheel import Installation
from tests.sandbox.life_cycle.one_stack import OneStack
from tests.sandbox.running_engine import NEEDS_CLI

pytestmark = [
    NEEDS_CLI,
    pytest.mark.parametrize("engine", [EngineName.BUILTIN], indirect=True),
]

STACK = ["--stack", "prod"]
UNCHANGED = [*STACK, "--expect-no-changes", "--json"]


def run(*command: str, folder: Path, environment: Mapping[str, str]) -> str:
    words = [*command, "--non-interactive"]
    finished = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


def test_a_stack_of_a_clone_has_no_change_in_a_repository_with_data_alone(
    stack: OneStack, project: Path, install: Callable[..., Installation], tmp_path: Path
) -> None:
    inventory, wheel = stack.write(), install()
    (tmp_path / "backend").mkdir()
    with stack.running.session(inventory) as session:
        config = {key: structured(value) for key, value in session.program.config.items()}
        config["bitbucket-aws-oidc:inventory"] = "data/inventory"
        for folder in (project, wheel.folder):
            shutil.copytree(inventory, folder / "data" / "inventory")
            (folder / "Pulumi.prod.yaml").write_text(yaml.safe_dump({"config": config}))
        pulumi, in_clone = str(find_cli().path), environment_of(PROJECT_FOLDER, tmp_path / "clone", tmp_path)
        run(pulumi, "stack", "init", "prod", folder=project, environment=in_clone)
        run(pulumi, "up", "--yes", "--skip-preview", *STACK, folder=project, environment=in_clone)
        assert "shop-deploy" in stack.roles()

        (tmp_path / "Pulumi.yaml").write_text(
            yaml.safe_dump({"runtime": {"name": "python", "options": {"virtualenv": str(wheel.environment)}}})
        )
        elsewhere = environment_of(tmp_path, tmp_path / "wheel", tmp_path)
        command = [wheel.command, "pulumi"]
        previewed = run(*command, "preview", *UNCHANGED, "--show-sames", folder=wheel.folder, environment=elsewhere)
        assert set(json.loads(previewed)["changeSummary"]) == {"same"}
        (written,) = tmp_path.glob("cache/bitbucket-aws-oidc/projects/*/Pulumi.yaml")
        assert f"main: {wheel.environment}" in written.read_text()
        run(*command, "up", "--yes", "--skip-preview", *UNCHANGED, folder=wheel.folder, environment=elsewhere)
        run(*command, "config", "set", "accounts", "x", *STACK, folder=wheel.folder, environment=elsewhere)
        assert "bitbucket-aws-oidc:accounts: x\n" in (wheel.folder / "Pulumi.prod.yaml").read_text()
        assert {path.name for path in wheel.folder.iterdir()} == {"data", "Pulumi.prod.yaml"}


def environment_of(project: Path, plugins: Path, shared: Path) -> dict[str, str]:
    """Return the variables of a Pulumi CLI whose programs run in the virtual environment of this project's file."""
    folders = map(str, ambient_folders(find_cli(), plugins, project))
    return {
        **os.environ,
        "PATH": os.pathsep.join([*folders, os.environ["PATH"]]),
        "PULUMI_HOME": str(shared / "home"),
        "XDG_CACHE_HOME": str(shared / "cache"),
        "PULUMI_BACKEND_URL": f"file://{shared / 'backend'}",
        "PULUMI_CONFIG_PASSPHRASE": "",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
    }


def structured(text: str) -> object:
    return json.loads(text) if text.startswith(("[", "{")) else text
