"""Emulated AWS accounts: IAM and STS on loopback, in a child process, decided by ministack behind a front of ours.

``EmulatedAws`` runs the child; ``sandbox.emulated_aws.prepare_accounts`` makes what real accounts already have.
Sessions are not part of the state: after a restart every temporary credential is unknown, as if it had expired.
"""

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from oidc.errors import SandboxError
from sandbox.emulated_aws.settings import EmulatorSettings, IssuerEndpoint, clean_environment
from sandbox.emulated_aws.weather import WeatherChoice

_MODULE = "sandbox.emulated_aws.server"
_ROOMS = Path(__file__).resolve().parents[2]
"""The folder of our packages, in a clone or installed: the child imports them from its working folder."""

_LOG_LINES = 15


class EmulatedAws:
    """Emulated AWS accounts on a port of 127.0.0.1, while a ``with`` block runs.

    The port is that of the folder's last run, if it is free, so that a stored endpoint, as in the state of the Pulumi
    CLI, stays valid. Emulators of different folders may run at once; a second one on the same folder waits a little
    and fails.

    Attributes:
        endpoint: ``http://127.0.0.1:PORT`` for IAM and STS of all accounts; a 12-digit access key id with the secret
            ``test`` is the root user of that account. Empty before the start.
        forgot: Whether the emulator lost its earlier state. ministack saves its state only on a clean shutdown.
        log: The log file of the run.
        pid: The process id of the child; ``None`` if it does not run.
        weather: As given.

    Args:
        folder: The folder of the state, created if necessary; another one for each emulator.
        issuers: The endpoint of the emulated Bitbucket; with ``None`` no web identity is valid.
        quotas: Quotas that differ from AWS's defaults, by account id.
        more_services: Further services of ministack: ``("cloudformation",)``.
        weather: What real AWS does to calls, and the emulator alone does not; ``None`` for nothing.
        without_front: Serve ministack without the front, for comparison.
        start_seconds: The longest time for the start.
    """

    def __init__(
        self,
        folder: Path,
        *,
        issuers: IssuerEndpoint | None,
        quotas: Mapping[str, Mapping[str, int]] | None = None,
        more_services: Sequence[str] = (),
        weather: WeatherChoice | None = None,
        without_front: bool = False,
        start_seconds: float = 60.0,
    ) -> None:
        self._folder = folder.resolve()
        self._settings = EmulatorSettings(issuers, quotas or {}, tuple(more_services), weather)
        self.weather = weather
        self._without_front = without_front
        self._start_seconds = start_seconds
        self._child: subprocess.Popen[bytes] | None = None
        self.endpoint = ""
        self.forgot = False
        self.log = self._folder / "emulated-aws.log"

    @property
    def pid(self) -> int | None:
        """The process id of the child; ``None`` if it does not run."""
        return self._child.pid if self._child else None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.stop()
        except SandboxError:
            if error is None:
                raise

    def start(self) -> None:
        """Start the child and wait until it serves.

        Raises:
            SandboxError: It runs already, or does not start in time; the message has the end of its log.
        """
        if self._child is not None:
            raise SandboxError("the emulated AWS accounts already run", do="stop them first")
        settings = self._write_settings()
        command = [sys.executable, "-m", _MODULE, "--folder", str(self._folder), "--settings", str(settings)]
        if self._without_front:
            command.append("--without-front")
        with self.log.open("wb") as log:
            self._child = subprocess.Popen(  # noqa: S603 - this interpreter, a module of ours, paths as arguments
                command,
                cwd=_ROOMS,
                env=clean_environment(self._folder, os.environ),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,  # Ctrl-C reaches the parent alone, which stops the child at its end
            )
        announced = self._announcement(self._child)
        if announced is None:
            self._abandon(self._child)
            what = f"the emulated AWS accounts did not start; the end of {self.log} is:\n{self._log_end()}\n"
            raise SandboxError(
                what, do=f"remove {self._folder} to start with empty accounts; `up` then creates everything again"
            )
        self.endpoint = f"http://127.0.0.1:{announced['port']}"
        self.forgot = bool(announced["forgot"])

    def stop(self, seconds: float = 20.0) -> None:
        """Stop the child, which saves its state, and wait for its end. Do nothing if no child runs.

        Raises:
            SandboxError: The child did not shut down cleanly, so the state of this run is lost.
        """
        child, self._child = self._child, None
        if child is None:
            return
        self.endpoint = ""
        _close(child.stdin)
        try:
            code = child.wait(seconds)
        except subprocess.TimeoutExpired:
            child.kill()
            code = child.wait()
        finally:
            _close(child.stdout)
        if code != 0:
            what = f"the emulated AWS accounts did not shut down cleanly (exit code {code}): their state is lost"
            raise SandboxError(what, do=f"see {self.log}; the next `up` creates everything again")

    def _write_settings(self) -> Path:
        issuers = self._settings.issuers
        if issuers is not None:
            issuers.host_and_port()
            if not issuers.ca_file.is_file():
                raise SandboxError(f"there is no CA file {issuers.ca_file}", do="start the emulated Bitbucket first")
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            settings = self._folder / "settings.json"
            settings.write_text(self._settings.to_json())
        except OSError as error:
            what = f"the folder {self._folder} of the emulated AWS accounts cannot be written: {error}"
            raise SandboxError(what, do="choose another folder") from error
        return settings

    def _announcement(self, child: subprocess.Popen[bytes]) -> dict[str, Any] | None:
        """Wait for ``{"port": …, "forgot": …}`` on the child's stdout; ``None`` if the child ends or prints nothing."""
        assert child.stdout is not None  # noqa: S101 - a pipe was asked for
        deadline, line = time.monotonic() + self._start_seconds, b""
        while not line.endswith(b"\n"):
            if not select.select([child.stdout], [], [], max(0.0, deadline - time.monotonic()))[0]:
                return None
            piece = os.read(child.stdout.fileno(), 4096)
            if not piece:
                return None
            line += piece
        announced: dict[str, Any] = json.loads(line)
        return announced

    def _abandon(self, child: subprocess.Popen[bytes]) -> None:
        child.kill()
        child.wait()
        _close(child.stdin)
        _close(child.stdout)
        self._child = None

    def _log_end(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()
        return "\n".join(lines[-_LOG_LINES:]) or "(nothing)"


def _close(pipe: IO[bytes] | None) -> None:
    if pipe is not None:
        with suppress(OSError):  # the child may be gone already
            pipe.close()
