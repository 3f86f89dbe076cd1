"""`make live` alone runs these: the marker is off by default, and nothing here is done without an account's id."""

import os
import shutil
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import botocore.session
import pytest
import yaml
from botocore.exceptions import BotoCoreError, ClientError
from pulumi import automation as auto
from semver import VersionInfo

from fleet.pulumi_cli.installed_cli import installed_cli
from sandbox.session import PROJECT_FOLDER
from tests.live.throw_away_account import STACK, LiveSettings, ThrowAwayAccount, stop

OURS = {".git", ".sandbox"}


@pytest.fixture(scope="session")
def settings() -> LiveSettings:
    return LiveSettings.of_environment()


@pytest.fixture(scope="session")
def iam(settings: LiveSettings) -> Any:
    session = botocore.session.get_session()
    try:
        account = session.create_client("sts", region_name="us-east-1").get_caller_identity()["Account"]
    except (BotoCoreError, ClientError) as error:
        stop(f"the ambient AWS credentials do not work: {error}")
    if account != settings.account_id:
        stop(f"the ambient credentials are of account {account}, not {settings.account_id}")
    return session.create_client("iam", region_name="us-east-1")


@pytest.fixture(scope="session")
def live(settings: LiveSettings, iam: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ThrowAwayAccount]:
    """The account after the first ``up``; at the end everything that was made there goes."""
    cli = installed_cli()
    if cli is None or not cli.has_language_host:
        stop("install the Pulumi CLI with its Python language host")
    folder = tmp_path_factory.mktemp("live")
    inventory = folder / "inventory.yaml"
    account = ThrowAwayAccount(settings, iam, new_stack(folder, settings, inventory), inventory)
    there = account.whats_there()
    assert not there, f"{', '.join(there)} is there already: use an account that has none, or remove what a run left"
    try:
        account.up()
        yield account
    finally:
        account.stack.destroy()
    assert account.whats_there() == []


def new_stack(folder: Path, settings: LiveSettings, inventory: Path) -> auto.Stack:
    """Make a stack of this program in a folder, with its state there, too."""
    project, backend = folder / "project", folder / "state"
    project.mkdir()
    backend.mkdir()
    for path in PROJECT_FOLDER.iterdir():
        if path.name not in OURS and not path.name.startswith("Pulumi."):
            (project / path.name).symlink_to(path)
    shutil.copy(PROJECT_FOLDER / "Pulumi.yaml", project)
    config = {"bitbucket-aws-oidc:inventory": str(inventory), **settings.stack_config}
    (project / f"Pulumi.{STACK}.yaml").write_text(yaml.safe_dump({"config": config}))
    command = auto.PulumiCommand(skip_version_check=True)
    # One built from source does not know its version, and the API asks for one of what it may be asked to do.
    command.version = command.version or VersionInfo.parse(version("pulumi"))
    options = auto.LocalWorkspaceOptions(
        work_dir=str(project),
        pulumi_command=command,
        env_vars={
            **{name: value for name, value in os.environ.items() if name.startswith("PULUMI_")},
            "PULUMI_BACKEND_URL": f"file://{backend}",
            "PULUMI_CONFIG_PASSPHRASE": "",
        },
    )
    return auto.create_stack(STACK, work_dir=str(project), opts=options)


@pytest.fixture
def endpoint(settings: LiveSettings) -> list[str]:
    """Where `lock --aws` finds the account: AWS itself, or the emulated one of the test of these checks."""
    return ["--aws-endpoint", settings.endpoint] if settings.endpoint else []
