"""The Pulumi CLI as the sandbox's engine: the real one, on emulated accounts, offline, with a backend of files.

It has the operations of the built-in engine and gives the same steps and summaries, so readers of a run need not know
which engine ran.
"""

import os
from collections.abc import Callable, Mapping
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path

from config.program import installed_program, write_project
from fleet.pulumi_cli.cli_process import CliProcess, failure
from fleet.pulumi_cli.events import EventReader
from fleet.pulumi_cli.installed_cli import InstalledCli
from fleet.pulumi_cli.steps import LogMessage, Step, Summary
from oidc.errors import SandboxError
from sandbox.engine.program import Program
from sandbox.pulumi_cli.environment import ambient_folders, cli_environment, use_official_plugin
from sandbox.pulumi_cli.stack import Stack


class AwsPlugin(StrEnum):
    """The AWS provider that the CLI uses."""

    OURS = "ours"
    """The sandbox's small provider."""
    OFFICIAL = "official"
    """Pulumi's provider; it must be installed."""


class PulumiCliEngine:
    """Runs a Pulumi program with the Pulumi CLI, against emulated AWS accounts.

    Args:
        cli: The CLI.
        program: The program and its names.
        folder: The folder of backend, stack file and plugin; an absolute path, another one for each sandbox.
        endpoints: The present endpoints of the emulated AWS: ``{"iam": "http://127.0.0.1:4566", "sts": …}``.
        aws_plugin: The AWS provider.
        on_step: Called when a step begins, is done or has failed.
        on_log: Called with the messages that the program logs.

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
            self._project = program.folder
            if program.folder == installed_program():
                self._project = folder / "project"
                write_project(self._project)
            plugins = ambient_folders(cli, folder, self._project, our_aws=our_aws)
            if not our_aws:
                use_official_plugin(folder, version("pulumi-aws"), os.environ)
            environment = cli_environment(folder, plugins, endpoints, os.environ)
        except OSError as error:
            raise SandboxError(f"the sandbox cannot write the CLI's state to {folder}: {error.strerror}") from error
        self._cli = CliProcess(cli.path, environment, folder / "pulumi.log")
        self.stack = Stack(self._cli, folder, program)

    def up(self) -> Summary:
        """Create, update and delete resources as the program requires.

        Raises:
            SandboxError: A step failed; the state has all steps before it.
        """
        return self._run("up", "--yes", "--skip-preview")

    def preview(self) -> Summary:
        """Report the steps that ``up`` would do.

        Raises:
            SandboxError: ``up`` would fail too.
        """
        return self._run("preview")

    def refresh(self) -> Summary:
        """Update the state from AWS; do not change AWS.

        Raises:
            SandboxError: A resource cannot be read.
        """
        return self._run("refresh", "--yes", "--skip-preview")

    def destroy(self) -> Summary:
        """Delete all resources in the state.

        Raises:
            SandboxError: A resource is protected or cannot be deleted; those before it are deleted.
        """
        return self._run("destroy", "--yes", "--skip-preview")

    def _run(self, action: str, *options: str) -> Summary:
        self.stack.prepare(self._endpoints)
        reader = EventReader(action == "refresh", self._on_step, self._on_log)
        where = ["--stack", self._program.stack, "--config-file", str(self.stack.config_file)]
        finished = self._cli.follow([action, *options, *where], self._project, reader.take)
        if finished.code != 0:
            raise failure(reader.errors, finished)
        return reader.summary()
