"""What a backend tells of a stack: its state and its locks."""

from dataclasses import dataclass
from typing import Protocol

from fleet.backend.locks import StackLock
from fleet.state import StackState


@dataclass(frozen=True, slots=True)
class StackRecord:
    """What a backend has of a stack.

    Attributes:
        stack: ``prod``.
        state: Its state; ``None`` if the stack does not exist, or cannot be read.
        locks: Locks of runs that work on it, or that were killed.
        fault: Why it cannot be read, or empty.
        has_empty_attributes: Whether a killed run left an empty file of attributes beside a state in a folder. Pulumi
            then fails with ``EOF``, for other stacks of the folder too.
    """

    stack: str
    state: StackState | None
    locks: tuple[StackLock, ...] = ()
    fault: str = ""
    has_empty_attributes: bool = False


class Backend(Protocol):
    """Where the states of this project's stacks are. Any number of threads may use it."""

    def stacks(self) -> frozenset[str]:
        """Return the names of all stacks of this project, and look for locks of all of them.

        Raises:
            OutsideWorldError: The backend cannot be read.
        """

    def read(self, stack: str) -> StackRecord:
        """Read one stack; what prevents it is a fault of the record.

        Its first record after ``stacks()`` has the locks of that time; later ones have those of now.
        """

    def break_lock(self, lock: StackLock) -> None:
        """Remove a lock. Its run is known to be dead, or somebody asked for it.

        Raises:
            OutsideWorldError: It cannot be removed.
        """

    def mend_attributes(self, stack: str) -> None:
        """Remove empty files of attributes that belong to a stack; Pulumi needs none.

        Raises:
            OutsideWorldError: They cannot be removed.
        """
