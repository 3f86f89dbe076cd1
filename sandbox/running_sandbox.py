"""A sandbox that runs, for its clients: in this process, or in another one that serves it."""

import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

from filelock import FileLock, Timeout

from oidc.errors import SandboxError
from sandbox.emulated_bitbucket.emulated_bitbucket import EmulatedBitbucket
from sandbox.emulator_inputs import folder_of
from sandbox.session import SandboxInventory, Session
from sandbox.step_token import signing_bitbucket

_ANNOUNCEMENT = "serving.json"
_LOOK_SECONDS = 0.2
"""Two processes that look at once hold the file for a moment; only one that serves holds it longer."""


@dataclass(frozen=True, slots=True)
class RunningSandbox:
    """What a client of a sandbox needs.

    Attributes:
        subject: What it is about.
        bitbucket: Signs tokens; it may be another process that serves its keys.
        endpoint: Of the emulated AWS accounts: ``http://127.0.0.1:4566``.
    """

    subject: SandboxInventory
    bitbucket: EmulatedBitbucket
    endpoint: str


@dataclass(frozen=True, slots=True)
class ServingProcess:
    """A process that serves a sandbox.

    Attributes:
        pid: Its number.
        endpoint: Of the emulated AWS accounts.
        issuer_address: Of the emulated Bitbucket: ``127.0.0.1:8443``.
    """

    pid: int
    endpoint: str
    issuer_address: str


def in_this_process(session: Session) -> RunningSandbox:
    """Return what a client needs of a session in this process.

    Raises:
        SandboxError: Nothing is up in it.
    """
    if not session.is_up or session.forgot:
        what = "the emulated accounts lost their state in a crash" if session.is_up else "nothing is up in this sandbox"
        raise SandboxError(what, do="run `bitbucket-oidc sandbox up` with the same inventory first")
    return RunningSandbox(session.subject, session.bitbucket, session.endpoint)


@contextmanager
def announced(session: Session) -> Iterator[None]:
    """Let other processes know, while the block runs, that and where this one serves.

    The file is locked for that time, so what a killed process has left behind announces nothing.

    Raises:
        SandboxError: The file cannot be written.
    """
    path = session.subject.folder.resolve() / _ANNOUNCEMENT
    process = ServingProcess(os.getpid(), session.endpoint, session.bitbucket.address)
    try:
        held = FileLock(path, mode=0o600).acquire()  # a process that looks whether it is locked holds it for a moment
    except OSError as error:
        raise SandboxError(f"{path} cannot be written: {error.strerror}") from error
    with held:
        path.write_text(json.dumps(asdict(process)))
        yield
        path.unlink(missing_ok=True)


def serving_process(inventory: Path) -> ServingProcess | None:
    """Return the process that serves the sandbox of this inventory at the moment, if one does."""
    path = folder_of(inventory) / _ANNOUNCEMENT
    try:
        if path.exists():
            with FileLock(path, timeout=_LOOK_SECONDS):
                return None  # the process that wrote it has ended
    except Timeout:
        with suppress(OSError, ValueError, TypeError):  # it has locked the file and not written it yet
            return ServingProcess(**json.loads(path.read_text()))
    except OSError:
        pass
    return None


def served_by(process: ServingProcess, subject: SandboxInventory) -> RunningSandbox:
    """Return what a client needs of a sandbox that another process serves.

    Raises:
        SandboxError: Its keys cannot be read.
    """
    return RunningSandbox(subject, signing_bitbucket(subject), process.endpoint)


def refuse_while_served(inventory: Path) -> None:
    """Refuse to start what another process serves.

    Raises:
        SandboxError: One does.
    """
    process = serving_process(inventory)
    if process is not None:
        raise SandboxError(
            f"`bitbucket-oidc sandbox serve` runs on this inventory, in process {process.pid}",
            do="stop it with Ctrl-C first; `prove` and `token` work beside it",
        )


_CHECK_SECONDS = 2.0
"""Between two checks that the emulator still answers."""


def stay_until_gone(endpoint: str, *, sleep: Callable[[float], None] = time.sleep) -> NoReturn:
    """Wait until the emulated accounts are gone; Ctrl-C and SIGTERM end it before, both as KeyboardInterrupt.

    Args:
        endpoint: Of the emulated AWS accounts, ``http://127.0.0.1:4566``.
        sleep: Waits some seconds.

    Raises:
        SandboxError: The emulated accounts are gone.
    """
    while True:
        sleep(_CHECK_SECONDS)
        _check_answers(endpoint)


def _check_answers(endpoint: str) -> None:
    parts = urlsplit(endpoint)
    try:
        socket.create_connection((parts.hostname or "", parts.port or 0), timeout=_CHECK_SECONDS).close()
    except OSError as error:
        what = f"the emulated AWS accounts no longer answer on {endpoint}: {error}"
        raise SandboxError(what, do="run `bitbucket-oidc sandbox up` and serve again") from error
