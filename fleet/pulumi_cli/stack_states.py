"""The states of stacks through the Pulumi CLI, of any backend: list, export, init, import, cancel, rm.

Each command runs in a temporary project, since ``stack init`` writes a stack file beside ``Pulumi.yaml``.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from config.project_file import PROJECT, PROJECT_FILE_NAME
from fleet.pulumi_cli.cli_process import CliProcess, Finished, failure
from oidc.errors import StateError

_NO_STACK = "no stack named"
_STATE = "state.json"


@dataclass(frozen=True, slots=True)
class StackStates:
    """Runs commands on the states of this project's stacks; any number of threads may do so.

    All methods raise an ``OutsideWorldError`` if the CLI cannot be started, refuses or fails.

    Attributes:
        cli: The Pulumi CLI.
        environment: All its environment variables, also with the URL of the backend.
    """

    cli: Path
    environment: Mapping[str, str]

    def listed(self) -> dict[str, bool]:
        """Return the stacks, and whether a run works on each; only Pulumi Cloud tells that.

        Stacks of other organizations have a name with ``/``, and are left out.
        """
        finished = self._command("stack", "ls", "--json")
        try:
            stacks = json.loads(finished.stdout)
            return {stack["name"]: bool(stack.get("updateInProgress")) for stack in stacks if "/" not in stack["name"]}
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise StateError("the output of pulumi stack ls --json is not a list of stacks") from error

    def exported(self, stack: str) -> bytes | None:
        """Return the output of ``pulumi stack export``, with secrets as they are encrypted; ``None``: no such stack."""
        with TemporaryDirectory() as folder:
            state = Path(folder) / _STATE
            finished = self._run(Path(folder), "stack", "export", "--stack", stack, "--file", str(state))
            if finished.code == 0:
                return state.read_bytes()
        if _NO_STACK in finished.stderr:
            return None
        raise failure([], finished)

    def make(self, stack: str, secrets_provider: Mapping[str, Any] | None) -> None:
        """Make a stack without resources.

        Args:
            stack: ``prod``.
            secrets_provider: As in a state: ``{"type": "passphrase", …}``, ``{"type": "cloud", "state": {"url":
                "awskms://…"}}``; any other one is the backend's default.
        """
        match secrets_provider:
            case {"type": "passphrase"}:
                option = ["--secrets-provider", "passphrase"]
            case {"type": "cloud", "state": {"url": str(url)}}:
                option = ["--secrets-provider", url]
            case _:
                option = []
        self._command("stack", "init", stack, "--no-select", *option)

    def replace(self, stack: str, state: Mapping[str, Any]) -> None:
        """Replace the state of a stack by another one, in the form of ``pulumi stack export``.

        The CLI decrypts its secrets and encrypts them again with the state's own secrets provider; that of Pulumi Cloud
        is replaced by the stack's (``pkg/cmd/pulumi/stack/stack_import.go`` of https://github.com/pulumi/pulumi).
        """
        with TemporaryDirectory() as folder:
            file = Path(folder) / _STATE
            file.write_text(json.dumps(state), encoding="utf-8")
            finished = self._run(Path(folder), "stack", "import", "--stack", stack, "--file", str(file))
        if finished.code != 0:
            raise failure([], finished)

    def remove(self, stack: str) -> None:
        """Remove a stack without resources, with its history; the CLI refuses one that has some."""
        self._command("stack", "rm", "--yes", "--preserve-config", "--stack", stack)

    def cancel(self, stack: str) -> None:
        """End the run that works on a stack, or remove its locks."""
        self._command("cancel", "--yes", "--stack", stack)

    def backend_url(self) -> str:
        """Return the URL of the backend that ``pulumi login`` has chosen."""
        try:
            return str(json.loads(self._command("whoami", "--json").stdout)["url"])
        except (ValueError, TypeError, KeyError) as error:
            raise StateError("the output of pulumi whoami --json has no url") from error

    def _command(self, *arguments: str) -> Finished:
        with TemporaryDirectory() as folder:
            finished = self._run(Path(folder), *arguments)
        if finished.code != 0:
            raise failure([], finished)
        return finished

    def _run(self, folder: Path, *arguments: str) -> Finished:
        project = {"name": PROJECT, "runtime": "python"}
        (folder / PROJECT_FILE_NAME).write_text(yaml.safe_dump(project), encoding="utf-8")
        return CliProcess(self.cli, self.environment, folder / "pulumi.log").run(list(arguments), folder)
