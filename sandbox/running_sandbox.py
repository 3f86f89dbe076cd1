"""A running sandbox as its clients use it, in this process or in another one that serves it; and its step tokens."""

import json
import os
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import urlsplit

from filelock import FileLock, Timeout

from access.explanation.claims import named_step as of_inventory
from config.models.inventory import Inventory
from oidc.errors import SandboxError
from sandbox.emulated_bitbucket import EmulatedBitbucket
from sandbox.emulated_bitbucket.workspaces import EmulatedWorkspace, PipelineStep, step_claims
from sandbox.emulator_inputs import BITBUCKET_FOLDER, folder_of, workspaces_of

if TYPE_CHECKING:
    from sandbox.session import SandboxInventory, Session

_ANNOUNCEMENT = "serving.json"
_LOOK_SECONDS = 0.2
"""A process that checks the lock holds it for a moment; only a serving process holds it longer."""


@dataclass(frozen=True, slots=True)
class RunningSandbox:
    """A running sandbox.

    Attributes:
        subject: Its inventory.
        bitbucket: Signs tokens; another process may serve its keys.
        endpoint: The endpoint of the emulated AWS accounts: ``http://127.0.0.1:4566``.
        has_weather: Whether these show changes late, throttle or end sessions, as real ones do.
    """

    subject: "SandboxInventory"
    bitbucket: EmulatedBitbucket
    endpoint: str
    has_weather: bool = False


@dataclass(frozen=True, slots=True)
class ServingProcess:
    """A process that serves a sandbox.

    Attributes:
        pid: Its process id.
        endpoint: The endpoint of the emulated AWS accounts.
        issuer_address: The address of the emulated Bitbucket: ``127.0.0.1:8443``.
        ca_file: The file of the authority that signed its certificate.
        has_weather: As in ``RunningSandbox``.
    """

    pid: int
    endpoint: str
    issuer_address: str
    ca_file: str
    has_weather: bool = False


def in_this_process(session: "Session") -> RunningSandbox:
    """Return the running sandbox of a session in this process.

    Raises:
        SandboxError: Nothing is up.
    """
    if not session.is_up or session.forgot:
        what = "the emulated accounts lost their state in a crash" if session.is_up else "nothing is up in this sandbox"
        raise SandboxError(what, do="run `bitbucket-oidc sandbox up` with the same inventory first")
    return RunningSandbox(session.subject, session.bitbucket, session.endpoint, session.weather is not None)


@contextmanager
def announced(session: "Session") -> Iterator[None]:
    """Announce to other processes, while the block runs, where this process serves.

    The process locks the file for that time, so the file of a killed process has no effect.

    Raises:
        SandboxError: The file cannot be written.
    """
    path = session.subject.folder.resolve() / _ANNOUNCEMENT
    bitbucket, has_weather = session.bitbucket, session.weather is not None
    process = ServingProcess(
        os.getpid(), session.endpoint, bitbucket.address, str(bitbucket.ca_file), has_weather=has_weather
    )
    try:
        held = FileLock(path, mode=0o600).acquire()  # waits for a process that checks the lock
    except OSError as error:
        raise SandboxError(f"{path} cannot be written: {error.strerror}") from error
    with held:
        path.write_text(json.dumps(asdict(process)))
        yield
        path.unlink(missing_ok=True)


def serving_process(inventory: Path) -> ServingProcess | None:
    """Return the process that serves the sandbox of this inventory; ``None`` if no process does."""
    path = folder_of(inventory) / _ANNOUNCEMENT
    try:
        if path.exists():
            with FileLock(path, timeout=_LOOK_SECONDS):
                return None  # the process that wrote it has ended
    except Timeout:
        with suppress(OSError, ValueError, TypeError):  # the process has not written the file yet
            return ServingProcess(**json.loads(path.read_text()))
    except OSError:
        pass
    return None


def served_by(process: ServingProcess, subject: "SandboxInventory") -> RunningSandbox:
    """Return the running sandbox that another process serves.

    Raises:
        SandboxError: Its keys cannot be read.
    """
    return RunningSandbox(subject, signing_bitbucket(subject), process.endpoint, process.has_weather)


def refuse_while_served(inventory: Path) -> None:
    """Refuse to start a sandbox that another process serves.

    Raises:
        SandboxError: Another process serves it.
    """
    process = serving_process(inventory)
    if process is not None:
        raise SandboxError(
            f"`bitbucket-oidc sandbox serve` runs on this inventory, in process {process.pid}",
            do="stop it with Ctrl-C first; `prove` and `token` work beside it",
        )


_CHECK_SECONDS = 2.0
"""The time between two checks of the emulator."""


def stay_until_gone(endpoint: str, *, sleep: Callable[[float], None] = time.sleep) -> NoReturn:
    """Wait until the emulated accounts stop answering; Ctrl-C and SIGTERM end the wait, both as KeyboardInterrupt.

    Args:
        endpoint: The endpoint of the emulated AWS accounts, ``http://127.0.0.1:4566``.
        sleep: Waits a number of seconds.

    Raises:
        SandboxError: The emulated accounts no longer answer.
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
        inventory: The inventory, with UUIDs.
        repository: The repository, ``acme/shop``.
        environment: The deployment environment that the step names, or ``None``.
        branch: The branch of the run.

    Raises:
        UsageError: The inventory has no such name, or no UUID for it.
    """
    step = of_inventory(inventory, repository, environment)
    workspace = EmulatedWorkspace(step.workspace, step.workspace_uuid)
    return PipelineStep(workspace, step.repository_uuid, step.environment_uuid, branch=branch)


def signing_bitbucket(subject: "SandboxInventory") -> EmulatedBitbucket:
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
        audiences: ``aud``, instead of the workspace's own audience: one as a text, several as a list. Bitbucket puts
            the workspace's own first, and STS refuses a list of several.
        now: The time of issue, aware; by default the present.
    """
    claims = step_claims(step, issued_at=now or datetime.now(UTC))
    if audiences:
        claims["aud"] = audiences[0] if len(audiences) == 1 else list(audiences)
    return bitbucket.sign(claims)
