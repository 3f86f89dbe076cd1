"""One engine with separate emulated accounts that run on, while the inventory changes from step to step."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from fleet.pulumi_cli.installed_cli import installed_cli
from fleet.pulumi_cli.steps import LogMessage, Step, Summary
from sandbox.emulated_aws import EmulatedAws
from sandbox.emulated_aws.settings import IssuerEndpoint
from sandbox.emulated_bitbucket import EmulatedBitbucket
from sandbox.emulator_inputs import workspaces_of
from sandbox.engine_choice import EngineName
from sandbox.run import Action, EngineSettings, Listener, act
from sandbox.session import SandboxInventory, Session, read_subject, session_with

NEEDS_CLI = pytest.mark.skipif(installed_cli() is None, reason="no pulumi on PATH; make pulumi builds one with Go")


def ignore(_event: Step | LogMessage) -> None:
    """Nobody listens."""


@dataclass(frozen=True)
class RunningEngine:
    """An engine, its emulated accounts, and the folder of both."""

    engine: EngineName
    folder: Path
    bitbucket: EmulatedBitbucket
    aws: EmulatedAws

    @contextmanager
    def session(self, inventory: Path) -> Iterator[Session]:
        with session_with(self.subject(inventory), self.bitbucket, self.aws) as session:
            yield session

    def subject(self, inventory: Path) -> SandboxInventory:
        return replace(read_subject(inventory), folder=self.folder)

    def act(self, action: Action, inventory: Path) -> Summary:
        with self.session(inventory) as session:
            return act(session, action, Listener(ignore, ignore), EngineSettings(self.engine))


@contextmanager
def running_engines(inventory: Path, folder: Path, *engines: EngineName) -> Iterator[list[RunningEngine]]:
    """Start emulated accounts for each engine, and one emulated Bitbucket with the workspaces of this inventory."""
    workspaces = workspaces_of(read_subject(inventory).inventory)
    with ExitStack() as stack:
        bitbucket = stack.enter_context(EmulatedBitbucket(folder / "bitbucket", workspaces))
        issuers = IssuerEndpoint(bitbucket.address, bitbucket.ca_file)
        engines_folders = [(engine, folder / engine) for engine in engines]
        yield [
            RunningEngine(engine, own, bitbucket, stack.enter_context(EmulatedAws(own / "aws", issuers=issuers)))
            for engine, own in engines_folders
        ]
