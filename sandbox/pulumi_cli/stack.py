"""The CLI's stack of a sandbox: created at the first use, with its file and its state."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from fleet.pulumi_cli import urns
from fleet.pulumi_cli.cli_process import CliProcess, failure
from oidc.errors import SandboxError
from sandbox.engine.loopback import with_endpoints
from sandbox.engine.program import Program

_NO_STACK = "no stack named"


@dataclass(frozen=True, slots=True)
class Stack:
    """One stack in a backend of files.

    Attributes:
        cli: Runs the commands.
        folder: The sandbox's folder for the CLI.
        program: The program, with the stack's names and config.
    """

    cli: CliProcess
    folder: Path
    program: Program

    @property
    def config_file(self) -> Path:
        """The stack's file; it replaces ``Pulumi.STACK.yaml`` in the program's folder."""
        return self._project / f"Pulumi.{self.program.stack}.yaml"

    @property
    def _project(self) -> Path:
        """A project folder without a program, since ``stack init`` writes the stack's file into its working folder."""
        return self.folder / "stack"

    def prepare(self, endpoints: Mapping[str, str]) -> None:
        """Create the stack if necessary, write its config, and put the present endpoints into its state.

        Raises:
            SandboxError: The CLI refuses, or another CLI works on this stack.
        """
        self._project.mkdir(parents=True, exist_ok=True)
        project_file = {"name": self.program.project, "runtime": "python"}
        (self._project / "Pulumi.yaml").write_text(yaml.safe_dump(project_file), encoding="utf-8")
        self._free()
        state = self._exported()
        if state is None:
            self._command("stack", "init", self.program.stack, "--no-select")
        elif moved(state, endpoints):
            self.replace_state(state)
        self._write_config()

    def replace_state(self, state: Mapping[str, Any]) -> None:
        """Replace the state by another one, in the form of ``pulumi stack export``.

        Raises:
            SandboxError: The CLI refuses it.
        """
        file = self.folder / "state-to-import.json"
        file.write_text(json.dumps(state), encoding="utf-8")
        self._command("stack", "import", "--file", str(file), "--stack", self.program.stack)
        file.unlink()

    def exported(self) -> dict[str, Any]:
        """Return the state in the form of ``pulumi stack export``.

        Raises:
            SandboxError: There is no such stack.
        """
        state = self._exported()
        if state is None:
            raise SandboxError(f"there is no stack {self.program.stack} in {self.folder}")
        return state

    def _exported(self) -> dict[str, Any] | None:
        file = self.folder / "exported-state.json"
        finished = self.cli.run(
            ["stack", "export", "--file", str(file), "--stack", self.program.stack], self._project
        )  # fmt: skip
        if finished.code != 0:
            if _NO_STACK in finished.stderr:
                return None
            raise failure([], finished)
        state: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        file.unlink()
        return state

    def _command(self, *arguments: str) -> None:
        finished = self.cli.run(list(arguments), self._project)
        if finished.code != 0:
            raise failure([], finished)

    def _write_config(self) -> None:
        """Write the config, and keep the entries of ``stack init`` for the passphrase."""
        try:
            kept = yaml.safe_load(self.config_file.read_text(encoding="utf-8")) or {}
        except FileNotFoundError:
            kept = {}
        config = {key: _structured(text) for key, text in self.program.config.items()}
        self.config_file.write_text(yaml.safe_dump({**kept, "config": config}), encoding="utf-8")

    def _free(self) -> None:
        """Remove the CLI's lock if its process has ended. The sandbox itself allows one run at a time."""
        locks = list((self.folder / ".pulumi" / "locks").rglob("*.json"))
        for lock in locks:
            owner = _owner(lock)
            if owner is not None and _alive(owner):
                what = f"the Pulumi CLI of an earlier run still works: process {owner}"
                raise SandboxError(what, do=f"wait for it to end; if that process is another program, remove {lock}")
        if locks:
            self._command("cancel", "--yes", "--stack", self.program.stack)


def moved(state: Mapping[str, Any], endpoints: Mapping[str, str]) -> bool:
    """Put the present endpoints into the AWS providers of a state; return whether any differed.

    In a refresh or destroy the CLI calls AWS with the endpoints in the state, not with those of the program.
    """
    changed = False
    for resource in (state.get("deployment") or {}).get("resources") or []:
        if not urns.is_provider(resource["type"]):
            continue
        for part in ("inputs", "outputs"):
            before = resource.get(part) or {}
            if "endpoints" in before and before != (after := with_endpoints(before, endpoints)):
                resource[part], changed = after, True
    return changed


def _structured(text: str) -> object:
    """Return a config value as YAML has it: the list or mapping of a JSON text, or the text itself."""
    return json.loads(text) if text.startswith(("[", "{")) else text


def _owner(lock: Path) -> int | None:
    try:
        return int(json.loads(lock.read_text(encoding="utf-8"))["pid"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
