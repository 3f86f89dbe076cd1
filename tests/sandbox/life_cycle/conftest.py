"""A stack for each engine: the built-in one, and the Pulumi CLI where it is on ``PATH``."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sandbox.emulated_aws import EmulatedAws
from sandbox.emulated_aws.settings import IssuerEndpoint
from sandbox.emulated_bitbucket import EmulatedBitbucket
from sandbox.emulated_bitbucket.workspaces import EmulatedWorkspace
from sandbox.engine_choice import EngineName
from sandbox.session import PROJECT_FOLDER
from tests.sandbox.life_cycle.one_stack import WORKSPACES, OneStack
from tests.sandbox.running_engine import NEEDS_CLI, RunningEngine

Servers = tuple[EmulatedBitbucket, EmulatedAws]


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """One emulated Bitbucket and emulated AWS for all stacks, which have accounts of their own."""
    folder = tmp_path_factory.mktemp("life-cycle")
    workspaces = [EmulatedWorkspace(slug, str(found["uuid"])) for slug, found in WORKSPACES.items()]
    with EmulatedBitbucket(folder / "bitbucket", workspaces) as bitbucket:
        issuers = IssuerEndpoint(bitbucket.address, bitbucket.ca_file)
        with EmulatedAws(folder / "aws", issuers=issuers) as aws:
            yield bitbucket, aws


@pytest.fixture(params=[EngineName.BUILTIN, pytest.param(EngineName.PULUMI, marks=NEEDS_CLI)])
def engine(request: pytest.FixtureRequest) -> EngineName:
    return EngineName(request.param)


@pytest.fixture
def new_stack(engine: EngineName, servers: Servers, tmp_path: Path) -> Callable[..., OneStack]:
    """Return what makes stacks; each has its state in a separate folder."""

    def make(name: str, account_id: str | None = None) -> OneStack:
        running = RunningEngine(engine, tmp_path / name, *servers)
        return OneStack(running, account_id) if account_id else OneStack(running)

    return make


@pytest.fixture
def stack(new_stack: Callable[..., OneStack]) -> OneStack:
    return new_stack("stack")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project folder with this program in it, where the API and Pulumi may write its stack file."""
    folder = tmp_path / "project"
    folder.mkdir()
    for path in PROJECT_FOLDER.iterdir():
        if path.name not in {".git", ".sandbox"} and not path.name.startswith("Pulumi."):
            (folder / path.name).symlink_to(path)
    shutil.copy(PROJECT_FOLDER / "Pulumi.yaml", folder)
    return folder
