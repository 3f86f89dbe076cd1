"""What a backend tells of a stack: its state and its locks.

Sources, in https://github.com/pulumi/pulumi: ``pkg/backend/diy/store.go``, and ``pkg/backend/diy/lock.go``: one JSON
file for each run that holds a stack, ``{"pid": …, "username": …, "hostname": …, "timestamp": …}``.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from fleet.state import StackState


@dataclass(frozen=True, slots=True)
class StackLock:
    """The lock of a run; Pulumi refuses any other run of this stack while it exists.

    Attributes:
        stack: ``prod``.
        id: The name of its file without ``.json``, a UUID.
        pid: Process ID of the Pulumi CLI, on ``host``; 0 if the file does not tell.
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
        since = f" since {self.since:%Y-%m-%d %H:%M:%S %Z}" if self.since else ""
        return f"{self.user or 'somebody'}@{self.host or 'an unknown machine'}, process {self.pid}{since}"


@dataclass(frozen=True, slots=True)
class StackRecord:
    """What a backend has of a stack.

    Attributes:
        stack: ``prod``.
        state: Its state; ``None`` if the stack does not exist, or cannot be read.
        locks: Locks of runs that work on it, or that were killed.
        fault: Why it cannot be read, or empty.
        has_empty_attributes: Whether a killed run left an empty file of attributes beside a state in a folder; Pulumi
            then fails with ``EOF``.
    """

    stack: str
    state: StackState | None
    locks: tuple[StackLock, ...] = ()
    fault: str = ""
    has_empty_attributes: bool = False


class Backend(Protocol):
    """Where the states of this project's stacks are."""

    def stacks(self) -> frozenset[str]:
        """Return the names of all stacks of this project.

        Raises:
            StateError: The backend cannot be read.
        """

    def read(self, stack: str) -> StackRecord:
        """Read one stack. Any number of threads may do so at the same time.

        Raises:
            StateError: The backend cannot be read; a state that cannot be read is a fault of its record.
        """

    def break_lock(self, lock: StackLock) -> None:
        """Remove a lock. Whoever calls this knows that its run is dead, or was told to do it.

        Raises:
            StateError: It cannot be removed.
        """

    def mend_attributes(self, stack: str) -> None:
        """Remove an empty file of attributes beside the state of a stack.

        Raises:
            StateError: It cannot be removed.
        """
