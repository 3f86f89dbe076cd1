"""Runs one command of the CLI and reads the events that it prints, one JSON object on each line."""

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oidc.errors import SandboxError

_GRACE_SECONDS = 30.0
_COMMON = ("--non-interactive", "--color", "never")


@dataclass(frozen=True, slots=True)
class Finished:
    """How a command ended: its exit code and what it said on standard error, without colour."""

    code: int
    said: str


@dataclass(frozen=True, slots=True)
class CliProcess:
    """How commands are run.

    Attributes:
        executable: Of the CLI.
        environment: All of its environment variables.
        log: File that takes what the last command said on standard error.
    """

    executable: Path
    environment: Mapping[str, str]
    log: Path

    def run(self, arguments: list[str], folder: Path) -> Finished:
        """Run a command that prints nothing of interest, in a folder, to its end."""
        with self._started(arguments, folder) as child:
            child.communicate()
        return self._finished(child)

    def follow(self, arguments: list[str], folder: Path, take: Callable[[Mapping[str, Any]], None]) -> Finished:
        """Run a command with ``--json`` to its end and hand over its events as they come.

        An exception of whoever takes them, and an interrupt, stop the command: it gets the time to save its state.
        """
        with self._started([*arguments, "--json"], folder) as child:
            assert child.stdout is not None  # noqa: S101 - a pipe was asked for
            for line in child.stdout:
                event = _parsed(line)
                if event is not None:
                    take(event)
        return self._finished(child)

    @contextmanager
    def _started(self, arguments: list[str], folder: Path) -> Iterator[subprocess.Popen[str]]:
        try:
            with self.log.open("w", encoding="utf-8") as log:
                child = subprocess.Popen(  # noqa: S603 - the CLI that the user has installed, arguments of our own
                    [str(self.executable), *arguments, *_COMMON],
                    cwd=folder,
                    env=dict(self.environment),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    text=True,
                    encoding="utf-8",
                    errors="replace",
                    start_new_session=True,  # Ctrl-C is for this process, which then interrupts the CLI once
                )
        except OSError as error:
            raise SandboxError(f"the Pulumi CLI {self.executable} cannot be started: {error.strerror}") from error
        with child:
            try:
                yield child
            except BaseException:
                _interrupt(child)
                raise

    def _finished(self, child: subprocess.Popen[str]) -> Finished:
        return Finished(child.wait(), self.log.read_text(encoding="utf-8", errors="replace"))


def _parsed(line: str) -> Mapping[str, Any] | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None  # a line for people between the events
    return event if isinstance(event, dict) else None


def _interrupt(child: subprocess.Popen[str]) -> None:
    """Ask the CLI to stop, which ends the steps under way and saves the state; a second interrupt ends it at once."""
    with suppress(subprocess.TimeoutExpired, KeyboardInterrupt, ProcessLookupError):
        child.send_signal(signal.SIGINT)
        child.communicate(timeout=_GRACE_SECONDS)  # it reads on, so that the CLI does not wait for a full pipe
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
