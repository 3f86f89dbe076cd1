"""A sandbox that is up, as a client sees it: in this process, or in another one that serves it."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from oidc.errors import SandboxError
from sandbox.emulated_bitbucket.emulated_bitbucket import EmulatedBitbucket
from sandbox.session import SandboxInventory, Session
from sandbox.surroundings import folder_of, workspaces_of

BITBUCKET_FOLDER = "bitbucket"
"""Where in the sandbox's folder the emulated Bitbucket keeps its keys."""

_ANNOUNCEMENT = "serving.json"
_LOOK_SECONDS = 0.2
"""Two processes that look at once hold the file for a moment; only one that serves holds it longer."""


@dataclass(frozen=True, slots=True)
class Standing:
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
class Serving:
    """A process that serves a sandbox.

    Attributes:
        pid: Its number.
        endpoint: Of the emulated AWS accounts.
        issuer_address: Of the emulated Bitbucket: ``127.0.0.1:8443``.
    """

    pid: int
    endpoint: str
    issuer_address: str


def standing(session: Session) -> Standing:
    """Return what a client needs of a session in this process.

    Raises:
        SandboxError: Nothing is up in it.
    """
    if not session.is_up or session.forgot:
        what = "the emulated accounts lost their state in a crash" if session.is_up else "nothing is up in this sandbox"
        raise SandboxError(what, do="run `bitbucket-oidc sandbox up` with the same inventory first")
    return Standing(session.subject, session.bitbucket, session.endpoint)


def signing_bitbucket(subject: SandboxInventory) -> EmulatedBitbucket:
    """Return the emulated Bitbucket of a sandbox to sign tokens with; it does not serve.

    Raises:
        SandboxError: The sandbox has never been up, so there is no key.
    """
    folder = subject.folder.resolve() / BITBUCKET_FOLDER
    if not folder.exists():
        raise SandboxError(
            "nothing is up in this sandbox", do="run `bitbucket-oidc sandbox up` with the same inventory first"
        )
    return EmulatedBitbucket(folder, workspaces_of(subject.inventory))


@contextmanager
def announced(session: Session) -> Iterator[None]:
    """Let other processes know, while the block runs, that and where this one serves.

    The file is locked for that time, so what a killed process has left behind announces nothing.

    Raises:
        SandboxError: The file cannot be written.
    """
    path = session.subject.folder.resolve() / _ANNOUNCEMENT
    serving = Serving(os.getpid(), session.endpoint, session.bitbucket.address)
    try:
        held = FileLock(path, mode=0o600).acquire()  # a process that looks whether it is locked holds it for a moment
    except OSError as error:
        raise SandboxError(f"{path} cannot be written: {error.strerror}") from error
    with held:
        path.write_text(json.dumps(asdict(serving)))
        yield
        path.unlink(missing_ok=True)


def serving(inventory: Path) -> Serving | None:
    """Return the process that serves the sandbox of this inventory at the moment, if one does."""
    path = folder_of(inventory) / _ANNOUNCEMENT
    try:
        if path.exists():
            with FileLock(path, timeout=_LOOK_SECONDS):
                return None  # the process that wrote it has ended
    except Timeout:
        with suppress(OSError, ValueError, TypeError):  # it has locked the file and not written it yet
            return Serving(**json.loads(path.read_text()))
    except OSError:
        pass
    return None


def served_by(process: Serving, subject: SandboxInventory) -> Standing:
    """Return what a client needs of a sandbox that another process serves.

    Raises:
        SandboxError: Its keys cannot be read.
    """
    return Standing(subject, signing_bitbucket(subject), process.endpoint)


def refuse_beside_serving(inventory: Path) -> None:
    """Refuse to start what another process serves.

    Raises:
        SandboxError: One does.
    """
    found = serving(inventory)
    if found is not None:
        raise SandboxError(
            f"`bitbucket-oidc sandbox serve` runs on this inventory, in process {found.pid}",
            do="stop it with Ctrl-C first; `prove` and `token` work beside it",
        )
