"""A sandbox that runs, for its clients: in this process, or in another one that serves it; and step tokens of it."""

import json
import os
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

from filelock import FileLock, Timeout

from access.explanation.claims import named_step as of_inventory
from config.models.inventory import Inventory
from oidc.errors import SandboxError
from sandbox.emulated_bitbucket import EmulatedBitbucket
from sandbox.emulated_bitbucket.workspaces import EmulatedWorkspace, PipelineStep, step_claims
from sandbox.emulator_inputs import folder_of, workspaces_of
from sandbox.session import BITBUCKET_FOLDER, SandboxInventory, Session

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


def named_step(inventory: Inventory, repository: str, environment: str | None, *, branch: str = "main") -> PipelineStep:
    """Return one run of a step.

    Args:
        inventory: With the UUIDs of what it names.
        repository: ``acme/shop``.
        environment: The deployment environment that the step names, or ``None``.
        branch: The branch it runs on.

    Raises:
        UsageError: The inventory has no such name, or no UUID for it.
    """
    found = of_inventory(inventory, repository, environment)
    workspace = EmulatedWorkspace(found.workspace, found.workspace_uuid)
    return PipelineStep(workspace, found.repository_uuid, found.environment_uuid, branch=branch)


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


def signed(
    bitbucket: EmulatedBitbucket, step: PipelineStep, audiences: Sequence[str], *, now: datetime | None = None
) -> str:
    """Return the signed token of a step, valid for an hour.

    Args:
        bitbucket: Signs it.
        step: The step.
        audiences: ``aud`` in place of the workspace's own: one as a text, several as a list. Bitbucket puts the
            workspace's own first, and STS refuses a list of several.
        now: When it is issued, aware; by default now.
    """
    claims = step_claims(step, issued_at=now or datetime.now(UTC))
    if audiences:
        claims["aud"] = audiences[0] if len(audiences) == 1 else list(audiences)
    return bitbucket.sign(claims)
