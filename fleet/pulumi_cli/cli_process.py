"""Run one command of the CLI, read the events that it prints, and report its errors."""

import json
import os
import re
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
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


class RunningCommands:
    """The commands that run now, in any thread: each can be interrupted once, and then gets time to save its state."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._children: set[subprocess.Popen[str]] = set()
        self._interrupted = threading.Event()

    @property
    def is_interrupted(self) -> bool:
        """Whether ``interrupt`` was called; commands that start later are interrupted at once."""
        return self._interrupted.is_set()

    def processes(self) -> list[int]:
        """Return the process IDs of the commands that run now."""
        with self._lock:
            return [child.pid for child in self._children]

    def interrupt(self) -> None:
        """Interrupt all commands; kill those that still run after a grace period."""
        with self._lock:
            self._interrupted.set()
            children = list(self._children)
        for child in children:
            _interrupt_later(child, 0)

    def wait(self, seconds: float) -> bool:
        """Wait for some seconds; return whether ``interrupt`` was called before or meanwhile."""
        return self._interrupted.wait(seconds)

    @contextmanager
    def holding(self, child: subprocess.Popen[str]) -> Iterator[None]:
        """Count a command as running during the block."""
        with self._lock:
            self._children.add(child)
            interrupted = self._interrupted.is_set()
        if interrupted:
            _interrupt_later(child, 0)
        try:
            yield
        finally:
            with self._lock:
                self._children.discard(child)


@dataclass(frozen=True, slots=True)
class CliProcess:
    """Runs commands of the CLI.

    Attributes:
        executable: The path of the CLI.
        environment: All environment variables of a command.
        log: The file for the standard error of the last command.
        running: Is told of each command while it runs.
        seconds: After this time a command is interrupted, as by Ctrl-C; ``None`` for no limit.
    """

    executable: Path
    environment: Mapping[str, str]
    log: Path
    running: RunningCommands = field(default_factory=RunningCommands)
    seconds: float | None = None

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
        limit = _interrupt_later(child, self.seconds) if self.seconds is not None else None
        with child, self.running.holding(child):
            try:
                yield child
            except BaseException:
                _interrupt(child)
                raise
            finally:
                if limit is not None:
                    limit.cancel()

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


def _interrupt_later(child: subprocess.Popen[str], seconds: float) -> threading.Timer:
    """Interrupt the CLI in another thread, while the one that started it goes on reading its output."""

    def interrupt() -> None:
        child.send_signal(signal.SIGINT)  # does nothing if it has ended
        try:
            child.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)

    timer = threading.Timer(seconds, interrupt)
    timer.daemon = True
    timer.start()
    return timer


_GENERIC_ERROR = re.compile(
    r"(?:update|preview|refresh|destroy|resource operation|previewing|updating) failed"
    r"|an unhandled error occurred: program exited with non-zero exit code: \d+"
    r"|Resource monitor has terminated, shutting down|update canceled"
)
"""Errors that the CLI adds to every failure; used only if there is no other error."""

_ERROR_LINE = re.compile(r"^error: (.*(?:\n[ \t]+.*)*)$", re.MULTILINE)
"""An error of the CLI, with the indented lines below it: ``2 errors occurred:`` alone tells nothing."""

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
