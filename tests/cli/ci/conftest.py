"""A step of a pull request's pipeline: a clone, its variables, and an emulated Bitbucket with that pull request."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import yaml

from cli.main import run
from config.project_file import PROJECT
from facts.http import Clock
from sandbox.emulated_bitbucket import EmulatedBitbucket
from sandbox.emulated_bitbucket.behaviour import SANDBOX_TOKEN
from sandbox.emulated_bitbucket.pull_requests import EmulatedComment
from sandbox.emulated_bitbucket.workspaces import EmulatedRepository, EmulatedWorkspace
from tests.git_repository import git

REPOSITORY = EmulatedRepository("access", "{5b7c9e10-2d4f-4a6b-8c8d-0e1f2a3b4c5d}", pull_requests=(7,))
COMMIT = "0123456789abcdef0123456789abcdef01234567"
ROLE = "roles: {r: {accounts: [dev], trust: [{repository: acme/shop, environments: [production]}]}}\n"


@dataclass
class Step:
    """One step.

    Attributes:
        folder: The clone; the tag `target` is the target branch, with the inventory of ROLE.
        bitbucket: The running emulated Bitbucket.
        monkeypatch: Sets the variables of the step.
    """

    folder: Path
    bitbucket: EmulatedBitbucket
    monkeypatch: pytest.MonkeyPatch

    def comments(self) -> list[EmulatedComment]:
        comments = self.bitbucket.pull_requests.comments.get((REPOSITORY.uuid, 7), [])
        return [comment for comment in comments if not comment.is_deleted]

    def somebody_writes(self, raw: str) -> EmulatedComment:
        return self.bitbucket.pull_requests.write(REPOSITORY.uuid, 7, raw, "{somebody}")

    def comment(self, *options: str) -> int:
        return run(["ci", "comment", "--base", "target", *options])

    def insights(self, *options: str) -> int:
        return run(["ci", "insights", "--no-proxy", *options])

    def set(self, **variables: str) -> None:
        for name, value in variables.items():
            self.monkeypatch.setenv(f"BITBUCKET_{name}", value)

    def rename(self) -> None:
        renamed = replace(REPOSITORY, slug="renamed", former_slugs=("access",))
        self.bitbucket.workspaces = (EmulatedWorkspace("acme", "{workspace}", (renamed,)),)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bitbucket")


@pytest.fixture
def step(
    write_inventory: Callable[..., Path], tmp_path: Path, certificates: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Step]:
    for name in [name for name in os.environ if name.startswith("BITBUCKET_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("cli.ci.bitbucket_access.CLOCK", Clock(sleep=lambda _seconds: None))
    monkeypatch.chdir(tmp_path)
    write_inventory(ROLE)
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "first")
    git(tmp_path, "tag", "target")
    with EmulatedBitbucket(certificates, [EmulatedWorkspace("acme", "{workspace}", (REPOSITORY,))]) as bitbucket:
        bitbucket.behaviour.access_tokens[SANDBOX_TOKEN] = frozenset({"account", "pullrequest", "repository"})
        step = Step(tmp_path, bitbucket, monkeypatch)
        step.set(
            WORKSPACE="acme", REPO_SLUG="access", REPO_UUID=REPOSITORY.uuid, COMMIT=COMMIT, BUILD_NUMBER="12",
            PR_ID="7", ACCESS_TOKEN=SANDBOX_TOKEN, API_URL=bitbucket.api_url, CA_FILE=str(bitbucket.ca_file),
        )  # fmt: skip
        yield step


def stack_file(folder: Path, name: str, *accounts: str, **settings: object) -> Path:
    path = folder / f"Pulumi.{name}.yaml"
    config = {"accounts": list(accounts), **settings}
    path.write_text(yaml.safe_dump({"config": {f"{PROJECT}:{key}": value for key, value in config.items()}}))
    return path
