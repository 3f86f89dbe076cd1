"""The lock of a run on a stack, and whether that run is known to be dead.

Source: ``pkg/backend/diy/lock.go`` of https://github.com/pulumi/pulumi. A run that holds a stack has one JSON file:
``{"pid": …, "username": …, "hostname": …, "timestamp": …}``.
"""

import json
import os
import socket
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

_CLI = "pulumi"
_ENDED = ("Z", "X")
"""States of a process that has ended and that its parent has not yet asked for
(https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html)."""

_HOSTS_OF_MANY = ("", "localhost", "localhost.localdomain")


@dataclass(frozen=True, slots=True)
class StackLock:
    """The lock of a run; Pulumi refuses any other run of this stack while it exists.

    Attributes:
        stack: ``prod``.
        id: The name of its file without ``.json``, a UUID; empty for a lock of Pulumi Cloud.
        pid: Process ID of the Pulumi CLI on ``host``; 0 if the file does not tell.
        user: Who started it.
        host: The name of the machine.
        since: When it started, or ``None`` if the file does not tell.
    """

    stack: str
    id: str
    pid: int
    user: str
    host: str
    since: datetime | None

    def __str__(self) -> str:
        """Return ``ci@runner-7, process 4711, since 2026-11-29 01:52:29 UTC``."""
        since = f", since {self.since:%Y-%m-%d %H:%M:%S %Z}" if self.since else ""
        return f"{self.user or 'somebody'}@{self.host or 'an unknown machine'}, process {self.pid or 'unknown'}{since}"


def read_lock(stack: str, identity: str, text: bytes) -> StackLock:
    """Read the file of a lock. A file that a killed run left incomplete is a lock without details."""
    try:
        content = json.loads(text)
    except ValueError:
        content = None
    fields: dict[str, Any] = content if isinstance(content, dict) else {}
    pid = fields.get("pid")
    return StackLock(
        stack,
        identity,
        pid if isinstance(pid, int) and pid > 0 else 0,
        _text(fields.get("username")),
        _text(fields.get("hostname")),
        _time(fields.get("timestamp")),
    )


def is_dead(lock: StackLock, *, host: str | None = None, processes: Path = Path("/proc")) -> bool:
    """Tell whether the run of a lock is known to be dead.

    It is known on the lock's machine alone, and only if no process has its ID, the process with this ID has ended, or
    it is a program of another name than the Pulumi CLI. Its time of start is no evidence, since clocks are set.
    Containers of one host name that share a backend cannot be told apart; Docker and Bitbucket give each its name.

    Args:
        lock: The lock.
        host: The name of this machine.
        processes: Where the kernel tells of processes; a machine without it knows only whether one exists.
    """
    here = socket.gethostname() if host is None else host
    if not lock.pid or lock.host in _HOSTS_OF_MANY or lock.host != here:
        return False
    try:
        os.kill(lock.pid, 0)
    except (ProcessLookupError, OverflowError):
        return True
    except PermissionError:
        pass  # it exists, and belongs to somebody else
    return _is_another_program(processes / str(lock.pid) / "stat")


def _is_another_program(stat: Path) -> bool:
    """Read ``4711 (pulumi) S …``; a name is cut off after 15 bytes and may contain parentheses."""
    try:
        text = stat.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    start, end = text.find("("), text.rfind(")")
    if start < 0 or end < start:
        return False
    return not text[start + 1 : end].startswith(_CLI) or text[end + 1 :].strip().startswith(_ENDED)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _time(value: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(_text(value))
    except ValueError:
        return None
    return moment if moment.tzinfo else None
