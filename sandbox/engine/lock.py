"""One run at a time on one state."""

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from oidc.errors import SandboxError


@contextmanager
def locked(path: Path, *, now: Callable[[], datetime]) -> Iterator[None]:
    """Hold the lock file while the block runs.

    The operating system ties the lock to the process (``flock``), so that of a dead process is free at once, and no
    number of a process that came later is taken for its owner. The file names the owner for people.

    Args:
        path: The lock file.
        now: The time, for the message to somebody who has to wait.

    Raises:
        SandboxError: another process holds it, or it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise SandboxError(f"the lock {path} cannot be opened: {error.strerror}") from error
    try:
        _take(descriptor, path, now)
        yield
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def _take(descriptor: int, path: Path, now: Callable[[], datetime]) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise SandboxError(
            f"another run is at work on this state: {_owner(descriptor)}",
            do=f"wait for it to end; the lock is {path}",
        ) from error
    os.ftruncate(descriptor, 0)
    owner = {"pid": os.getpid(), "started": now().isoformat(timespec="seconds")}
    os.pwrite(descriptor, json.dumps(owner).encode(), 0)


def _owner(descriptor: int) -> str:
    try:
        owner = json.loads(os.pread(descriptor, 1000, 0))
        return f"process {owner['pid']}, since {owner['started']}"
    except (ValueError, KeyError, TypeError):
        return "a process that has not written its number yet"
