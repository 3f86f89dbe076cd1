"""Run one command of the CLI, read the events that it prints, and report its errors."""

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

from oidc.errors import EngineError

_GRACE_SECONDS = 30.0
_COMMON = ("--non-interactive", "--color", "never")


@dataclass(frozen=True, slots=True)
class Finished:
    """A finished command: its exit code, its standard error without colour, and its output if ``run`` ran it."""

    code: int
    stderr: str
    stdout: str = ""


@dataclass(frozen=True, slots=True)
class CliProcess:
    """Runs commands of the CLI.

    Attributes:
        executable: The path of the CLI.
        environment: All environment variables of a command.
        log: The file for the standard error of the last command.
    """

    executable: Path
    environment: Mapping[str, str]
    log: Path

    def run(self, arguments: list[str], folder: Path) -> Finished:
        """Run a command in a folder to its end."""
        with self._started(arguments, folder) as child:
            output, _ = child.communicate()
        return self._finished(child, output)

    def follow(self, arguments: list[str], folder: Path, take: Callable[[Mapping[str, Any]], None]) -> Finished:
        """Run a command with ``--json`` to its end, and pass each event to ``take`` as it comes.

        An exception of ``take``, or an interrupt, stops the command, which gets time to save its state.
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
                    start_new_session=True,  # Ctrl-C reaches this process alone, which then interrupts the CLI once
                )
        except OSError as error:
            raise EngineError(f"the Pulumi CLI {self.executable} cannot be started: {error.strerror}") from error
        with child:
            try:
                yield child
            except BaseException:
                _interrupt(child)
                raise

    def _finished(self, child: subprocess.Popen[str], output: str = "") -> Finished:
        return Finished(child.wait(), self.log.read_text(encoding="utf-8", errors="replace"), output)


def _parsed(line: str) -> Mapping[str, Any] | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None  # a line for people between the events
    return event if isinstance(event, dict) else None


def _interrupt(child: subprocess.Popen[str]) -> None:
    """Interrupt the CLI, so that it finishes the running steps and saves the state; kill it after a grace period."""
    with suppress(subprocess.TimeoutExpired, KeyboardInterrupt, ProcessLookupError):
        child.send_signal(signal.SIGINT)
        child.communicate(timeout=_GRACE_SECONDS)  # reads the output, so that a full pipe does not block the CLI
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)


_GENERIC_ERROR = re.compile(
    r"(?:update|preview|refresh|destroy|resource operation|previewing|updating) failed"
    r"|an unhandled error occurred: program exited with non-zero exit code: \d+"
)
"""Errors that the CLI adds to every failure; used only if there is no other error."""

_ERROR_LINE = re.compile(r"^error: (.*)$", re.MULTILINE)
_SHOWN = 5


def failure(errors: list[str], finished: Finished) -> EngineError:
    """Return the error of a run.

    Args:
        errors: The errors in its events.
        finished: The command; its standard error is used if no event has an error.
    """
    specific = [text for text in errors if not _GENERIC_ERROR.fullmatch(text)]
    shown = specific or [line.strip() for line in _ERROR_LINE.findall(finished.stderr)] or errors
    if not shown:
        return EngineError(f"the Pulumi CLI failed with exit code {finished.code}")
    further = [f"and {len(shown) - _SHOWN} more errors"] if len(shown) > _SHOWN else []
    return EngineError("\n".join([*shown[:_SHOWN], *further]))
