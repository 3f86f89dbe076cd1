"""Runs one command of the CLI, reads the events that it prints, and says why it failed."""

import json
import os
import re
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


_SAYS_NOTHING = re.compile(
    r"(?:update|preview|refresh|destroy|resource operation|previewing|updating) failed"
    r"|an unhandled error occurred: program exited with non-zero exit code: \d+"
)
"""What the CLI adds to every failure; worth reading only where it says nothing else."""

_ERROR_LINE = re.compile(r"^error: (.*)$", re.MULTILINE)
_SHOWN = 5


def failure(errors: list[str], finished: Finished) -> SandboxError:
    """Return the error of a run.

    Args:
        errors: What its events said.
        finished: How the command ended; what it wrote to standard error counts where no event says anything.
    """
    telling = [text for text in errors if not _SAYS_NOTHING.fullmatch(text)]
    said = telling or [line.strip() for line in _ERROR_LINE.findall(finished.said)] or errors
    if not said:
        return SandboxError(f"the Pulumi CLI failed with exit code {finished.code}")
    further = [f"and {len(said) - _SHOWN} more errors"] if len(said) > _SHOWN else []
    return SandboxError("\n".join([*said[:_SHOWN], *further]))
