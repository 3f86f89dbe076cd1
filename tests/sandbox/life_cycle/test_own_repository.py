"""A stack of a clone goes on in a repository with data alone, by `bitbucket-oidc pulumi`: there is no change."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from sandbox.engine_choice import EngineName
from sandbox.pulumi_cli.environment import ambient_folders, find_cli
from sandbox.session import PROJECT_FOLDER
from tests.sandbox.life_cycle.one_stack import OneStack
from tests.sandbox.running_engine import NEEDS_CLI

pytestmark = [
    NEEDS_CLI,
    pytest.mark.parametrize("engine", [EngineName.BUILTIN], indirect=True),
]

COMMAND = str(Path(sys.executable).with_name("bitbucket-oidc"))


def pulumi(command: str, *arguments: str, folder: Path, environment: Mapping[str, str]) -> str:
    words = [command, *(["pulumi"] if command == COMMAND else []), *arguments, "--non-interactive"]
    finished = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


def test_a_stack_of_a_clone_has_no_change_in_a_repository_with_data_alone(
    stack: OneStack, project: Path, tmp_path: Path
) -> None:
    inventory, repository = stack.write(), tmp_path / "access"
    repository.mkdir()
    (tmp_path / "backend").mkdir()
    cli = find_cli()
    with stack.running.session(inventory) as session:
        config = {key: structured(value) for key, value in session.program.config.items()}
        config["bitbucket-aws-oidc:inventory"] = "data/inventory"
        for folder in (project, repository):
            shutil.copytree(inventory, folder / "data" / "inventory")
            (folder / "Pulumi.prod.yaml").write_text(yaml.safe_dump({"config": config}))
        environment = {
            **os.environ,
            "PATH": os.pathsep.join([*map(str, ambient_folders(cli, tmp_path, PROJECT_FOLDER)), os.environ["PATH"]]),
            "PULUMI_HOME": str(tmp_path / "home"),
            "XDG_CACHE_HOME": str(tmp_path / "cache"),
            "PULUMI_BACKEND_URL": f"file://{tmp_path / 'backend'}",
            "PULUMI_CONFIG_PASSPHRASE": "",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        }
        pulumi(str(cli.path), "stack", "init", "prod", folder=project, environment=environment)
        pulumi(
            str(cli.path), "up", "--yes", "--skip-preview", "--stack", "prod", folder=project, environment=environment
        )
        assert "shop-deploy" in stack.roles()

        options = ["--stack", "prod", "--expect-no-changes", "--json", "--show-sames"]
        previewed = pulumi(COMMAND, "preview", *options, folder=repository, environment=environment)
        assert set(json.loads(previewed)["changeSummary"]) == {"same"}
        pulumi(COMMAND, "config", "set", "accounts", "x", "--stack", "prod", folder=repository, environment=environment)
        assert "bitbucket-aws-oidc:accounts: x\n" in (repository / "Pulumi.prod.yaml").read_text()
        assert {path.name for path in repository.iterdir()} == {"data", "Pulumi.prod.yaml"}


def structured(text: str) -> object:
    return json.loads(text) if text.startswith(("[", "{")) else text
