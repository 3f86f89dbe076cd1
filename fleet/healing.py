"""Remove what a killed run left in the backend: the lock of a dead run, and empty files of attributes."""

from fleet.backend import Backend, is_dead
from fleet.status import AccountStatus
from oidc.errors import StateError


def break_dead_locks(backend: Backend, status: AccountStatus) -> tuple[str, ...]:
    """Remove the locks of an account's stack whose runs are known to be dead, and return a sentence for each.

    The locks are read again: the run of a lock may have ended since the account was asked. Then its state has changed,
    and neither what would be lost nor what is taken up is known any more.

    Raises:
        StateError: A run holds the stack, or it is not known whether its run is dead, or it has ended by itself.
        OutsideWorldError: A lock cannot be removed.
    """
    locks = backend.read(status.present_stack).locks
    if status.is_locked and not locks:
        raise StateError("the run that held it has ended since this account was asked", do="run the same command again")
    for lock in locks:
        if not is_dead(lock):
            do = f"wait for that run; only if you know that it is dead, add --break-lock {status.key}"
            raise StateError(f"it is locked by {lock}", do=do)
    for lock in locks:
        backend.break_lock(lock)
    return tuple(f"removed the lock of a dead run: {lock}" for lock in locks)


def mend_attributes(backend: Backend, status: AccountStatus) -> str:
    """Remove empty files of attributes beside a state, with which every command of Pulumi fails; say so.

    Raises:
        OutsideWorldError: A file cannot be removed.
    """
    if not status.has_empty_attributes:
        return ""
    backend.mend_attributes(status.present_stack)
    return "removed an empty file of attributes that a killed run left beside the state"
