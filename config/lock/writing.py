"""Write the lock whole or not at all."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from config.lock.models import Lock
from config.lock.text import lock_text
from config.whole_file import replace_whole
from oidc.errors import OutsideWorldError


def write_lock(path: Path, lock: Lock, *, read: str | None) -> bool:
    """Write the lock where its text differs from the file's, and tell whether it did.

    The text goes into a file beside it, which then takes its name in one step: whoever reads sees the old lock or the
    new one, and a run that ends in between leaves the old one (https://pubs.opengroup.org/onlinepubs/9799919799/functions/rename.html).
    Of two runs at once, the later one would take away what the earlier one found; so it is refused.

    Args:
        path: ``inventory/inventory.lock.yaml``; where it is a link, what it leads to is written.
        lock: What it is to hold.
        read: The text that it had when the run began, or ``None`` where it was not there.

    Raises:
        OutsideWorldError: The folder cannot be written, or somebody else has written the lock since.
    """
    content = lock_text(lock).encode()
    try:
        target = path.resolve()
        with _locked(target.parent):
            present = target.read_bytes() if target.exists() else None
            if present == content:
                return False
            if (present.decode("utf-8-sig", "replace") if present is not None else None) != read:
                raise OutsideWorldError(f"{path} was changed while this command ran", do="run it again")
            replace_whole(target, content)
    except (OSError, RuntimeError) as error:  # RuntimeError: a link that leads to itself
        reason = getattr(error, "strerror", None) or "its path leads nowhere"
        raise OutsideWorldError(f"{path} cannot be written: {reason}", do="check its folder and permissions") from error
    return True


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep other runs waiting, for the moment that the file is looked at and replaced."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
