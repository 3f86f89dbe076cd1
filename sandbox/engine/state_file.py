"""The state on disk: one file in Pulumi's deployment format, a journal beside it while a run lasts.

Writing the whole state after every one of thousands of steps would take time that grows with the square of their
number. So each step is one line in the journal. The state file is written at the end of the run, or after a crash at
the start of the next run.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO

import pulumi
from filelock import FileLock, Timeout

from oidc.errors import SandboxError
from sandbox.engine.records import PendingOperation, ResourceState

FORMAT_VERSION = 3
"""``DeploymentSchemaVersionCurrent`` in ``sdk/go/common/apitype/core.go`` of Pulumi."""

Writer = Callable[[IO[bytes], bytes], object]
"""Writes bytes into an open file; a parameter so that tests can have the disk full."""


def write_bytes(file: IO[bytes], content: bytes) -> None:
    """Write the bytes and flush them to the operating system."""
    file.write(content)
    file.flush()


@dataclass(frozen=True)
class StoredDeployment:
    """The content of a state file, and the digest of its bytes; an absent file is empty."""

    resources: list[ResourceState]
    pending: list[PendingOperation]
    digest: str


class StateFile:
    """The state file; it is read and replaced as a whole."""

    def __init__(self, path: Path, *, now: Callable[[], datetime], write: Writer = write_bytes) -> None:
        self.path = path
        self.backup = path.with_name(path.name + ".bak")
        self.journal = path.with_name(path.name + ".journal")
        self._now = now
        self._write = write

    def read(self) -> StoredDeployment:
        """Read the state.

        Raises:
            SandboxError: the file cannot be read, is broken, or is of another version.
        """
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            if self.backup.exists():
                raise SandboxError(f"the state file {self.path} is missing", do=self._restore()) from None
            return StoredDeployment([], [], digest(b""))
        except OSError as error:
            raise SandboxError(f"the state file {self.path} cannot be read: {error.strerror}") from error
        try:
            document = json.loads(content)
        except ValueError as error:
            raise SandboxError(f"the state file {self.path} is broken: {error}", do=self._restore()) from error
        return self._parsed(document, content)

    def _parsed(self, document: object, content: bytes) -> StoredDeployment:
        version = document.get("version") if isinstance(document, dict) else None
        if isinstance(version, int) and version != FORMAT_VERSION:
            raise SandboxError(
                f"the state file {self.path} has the version {version}; this program knows version {FORMAT_VERSION}",
                do=f"use the program that wrote it, or remove the folder {self.path.parent} to start anew",
            )
        deployment = document.get("deployment") if isinstance(document, dict) else None
        if version is None or not isinstance(deployment, dict):
            raise SandboxError(f"the state file {self.path} is broken: it is no deployment", do=self._restore())
        resources, pending = deployment.get("resources") or [], deployment.get("pending_operations") or []
        if not isinstance(resources, list) or not isinstance(pending, list):
            raise SandboxError(f"the state file {self.path} is broken: its resources are no list", do=self._restore())
        return StoredDeployment(
            [ResourceState.from_json(item) for item in resources],
            [PendingOperation.from_json(item) for item in pending],
            digest(content),
        )

    def replace(self, resources: list[ResourceState], pending: list[PendingOperation]) -> None:
        """Replace the state, then replace the backup with a copy of the new state.

        So the backup is never older than the last finished run; an older backup would not have the resources made
        since. At every moment, at least one of the two files is a complete state.

        Raises:
            SandboxError: it cannot be written; the present state stays as it is.
        """
        version = f"v{pulumi.__version__}" if hasattr(pulumi, "__version__") else "v3.0.0"
        manifest = {
            "time": self._now().isoformat().replace("+00:00", "Z"),
            # A checksum of the version alone: NewMagic in pkg/resource/deploy/manifest.go of Pulumi.
            "magic": hashlib.sha256(version.encode()).hexdigest(),
            "version": version,
        }
        deployment: dict[str, object] = {
            "manifest": manifest,
            "resources": [resource.to_json() for resource in resources],
        }
        if pending:
            deployment["pending_operations"] = [operation.to_json() for operation in pending]
        document = {"version": FORMAT_VERSION, "deployment": {**deployment, "metadata": {}}}
        content = (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()
        for path in (self.path, self.backup):
            temporary = path.with_name(path.name + ".new")
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                with temporary.open("wb") as file:
                    self._write(file, content)
                    os.fsync(file.fileno())
                temporary.replace(path)
            except OSError as error:
                temporary.unlink(missing_ok=True)
                raise self.not_written(error) from error

    def not_written(self, error: OSError) -> SandboxError:
        """Return the error for a state that cannot be written."""
        return SandboxError(
            f"the state {self.path} cannot be written: {error.strerror or error}",
            do="make room or fix the permissions and run again; the last whole state and the journal are kept",
        )

    def _restore(self) -> str:
        if self.backup.exists():
            return f"the last good state is {self.backup}: put it back with mv {self.backup} {self.path}"
        return f"there is no backup; remove the folder {self.path.parent}, with the emulated accounts, to start anew"


def digest(content: bytes) -> str:
    """Identify a state file by its bytes; the journal names the state that it continues."""
    return hashlib.sha256(content).hexdigest()


@contextmanager
def locked(path: Path, *, now: Callable[[], datetime]) -> Iterator[None]:
    """Hold the lock file while the block runs. It names its process for people: ``process 123, since 2026-11-28T…``.

    The operating system frees the lock when the process ends, so nobody waits for a dead one.

    Raises:
        SandboxError: Another process holds it, or it cannot be written.
    """

    def name_owner(descriptor: int) -> None:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()}, since {now().isoformat(timespec='seconds')}".encode(), 0)

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        held = FileLock(path, mode=0o600, timeout=0, on_acquired=name_owner).acquire()
    except Timeout as error:
        owner = path.read_text(errors="replace")[:100] or "a process that has not written its number yet"
        what = f"another run works on this state: {owner}"
        raise SandboxError(what, do=f"wait for it to end; the lock is {path}") from error
    except OSError as error:
        raise SandboxError(f"the lock {path} cannot be opened: {error.strerror}") from error
    with held:
        yield
