"""The Pulumi CLI as the sandbox's engine: the real one, on emulated accounts, offline, with a backend of files.

It has the operations of the built-in engine and gives the same steps and summaries, so readers of a run need not know
which engine ran.
"""

import os
from collections.abc import Callable, Mapping
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path

from oidc.errors import SandboxError
from sandbox.engine.monitor import LogMessage
from sandbox.engine.program import Program
from sandbox.engine.steps import Step, Summary
from sandbox.pulumi_cli.cli_process import CliProcess, failure
from sandbox.pulumi_cli.environment import InstalledCli, ambient_folders, cli_environment, use_official_plugin
from sandbox.pulumi_cli.events import EventReader
from sandbox.pulumi_cli.stack import Stack


class AwsPlugin(StrEnum):
    """Which AWS provider the CLI takes."""

    OURS = "ours"
    """The sandbox's own."""
    OFFICIAL = "official"
    """That of Pulumi, where it is installed."""


class PulumiCliEngine:
    """Runs a Pulumi program with the Pulumi CLI, against emulated AWS accounts.

    Args:
        cli: The one to run.
        program: The program and its names.
        folder: Where backend, stack file and plugin are kept; one for each sandbox, an absolute path.
        endpoints: Where the emulated AWS stands now, such as ``{"iam": "http://127.0.0.1:4566", "sts": …}``.
        aws_plugin: Which AWS provider it takes.
        on_step: Called when a step begins, is done or has failed.
        on_log: Called with what the program logs.

    Raises:
        SandboxError: The AWS plugin is not installed, the virtual environment that Pulumi.yaml names is missing, or the
            folder cannot be written.
    """

    def __init__(
        self,
        cli: InstalledCli,
        program: Program,
        folder: Path,
        *,
        endpoints: Mapping[str, str],
        aws_plugin: AwsPlugin = AwsPlugin.OURS,
        on_step: Callable[[Step], None],
        on_log: Callable[[LogMessage], None],
    ) -> None:
        self._program = program
        self._endpoints = endpoints
        self._on_step = on_step
        self._on_log = on_log
        try:
            folder.mkdir(parents=True, exist_ok=True)
            our_aws = aws_plugin is AwsPlugin.OURS
            plugins = ambient_folders(cli, folder, program.folder, our_aws=our_aws)
            if not our_aws:
                use_official_plugin(folder, version("pulumi-aws"), os.environ)
            environment = cli_environment(folder, plugins, os.environ)
        except OSError as error:
            raise SandboxError(f"the sandbox cannot keep the CLI's state in {folder}: {error.strerror}") from error
        self._cli = CliProcess(cli.path, environment, folder / "pulumi.log")
        self.stack = Stack(self._cli, folder, program)

    def up(self) -> Summary:
        """Make everything as the program says.

        Raises:
            SandboxError: A step failed; what was done until then is in the state.
        """
        return self._run("up", "--yes", "--skip-preview")

    def preview(self) -> Summary:
        """Say what ``up`` would do.

        Raises:
            SandboxError: ``up`` would fail too.
        """
        return self._run("preview")

    def refresh(self) -> Summary:
        """Bring the state in line with what AWS has.

        Raises:
            SandboxError: A resource cannot be read.
        """
        return self._run("refresh", "--yes", "--skip-preview")

    def destroy(self) -> Summary:
        """Delete everything that the state holds.

        Raises:
            SandboxError: A resource is protected or cannot be deleted; those before it are.
        """
        return self._run("destroy", "--yes", "--skip-preview")

    def _run(self, action: str, *options: str) -> Summary:
        self.stack.prepare(self._endpoints)
        reader = EventReader(action == "refresh", self._on_step, self._on_log)
        where = ["--stack", self._program.stack, "--config-file", str(self.stack.config_file)]
        finished = self._cli.follow([action, *options, *where], self._program.folder, reader.take)
        if finished.code != 0:
            raise failure(reader.errors, finished)
        return reader.summary()
