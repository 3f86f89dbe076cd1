"""A backend that only the Pulumi CLI can read: Pulumi Cloud, Azure Blob Storage, Google Cloud Storage."""

from fleet.backend.locks import StackLock
from fleet.backend.records import StackRecord
from fleet.pulumi_cli.stack_states import StackStates
from fleet.state import read_state
from oidc.errors import OutsideWorldError


class ByCli:
    """The stacks of this project, each read by one process of the CLI.

    The CLI tells nothing of locks. Only of Pulumi Cloud it tells that a run works on a stack; that is a lock without
    details, and breaking it ends that run.
    """

    def __init__(self, states: StackStates) -> None:
        self._states = states
        self._locked: frozenset[str] = frozenset()

    def stacks(self) -> frozenset[str]:
        """Return the names of all stacks; see ``Backend``."""
        listed = self._states.listed()
        self._locked = frozenset(stack for stack, is_running in listed.items() if is_running)
        return frozenset(listed)

    def read(self, stack: str) -> StackRecord:
        """Read one stack; see ``Backend``. Its locks are those at the time of ``stacks()``."""
        locks = (StackLock(stack, "", 0, "", "", None),) if stack in self._locked else ()
        try:
            text = self._states.exported(stack)
            state = read_state(stack, text) if text is not None else None
        except OutsideWorldError as error:
            return StackRecord(stack, None, locks, str(error))
        return StackRecord(stack, state, locks)

    def break_lock(self, lock: StackLock) -> None:
        """End the run that holds a stack; see ``Backend``."""
        self._states.cancel(lock.stack)
        self._locked -= {lock.stack}

    def mend_attributes(self, stack: str) -> None:
        """Do nothing: only folders have files of attributes."""
