"""Write the lock whole or not at all."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from config.lock.models import Lock
from config.lock.text import lock_text
from oidc.errors import OutsideWorldError

_FOR_EVERYBODY_TO_READ = 0o644


def write_lock(path: Path, lock: Lock) -> bool:
    """Write the lock where its text differs from the file's, and tell whether it did.

    The text goes into a file beside it, which then takes its name in one step: whoever reads sees the old lock or the
    new one, and a run that ends in between leaves the old one (https://pubs.opengroup.org/onlinepubs/9799919799/functions/rename.html).
    Two runs at once use two files; the later one's lock stays.

    Args:
        path: ``inventory/inventory.lock.yaml``; where it is a link, what it leads to is written.
        lock: What it is to hold.

    Raises:
        OutsideWorldError: The folder cannot be written.
    """
    content = lock_text(lock).encode()
    try:
        target = path.resolve()
        if target.is_file() and target.read_bytes() == content:
            return False
        _replace(target, content)
    except (OSError, RuntimeError) as error:  # RuntimeError: a link that leads to itself
        reason = getattr(error, "strerror", None) or "its path leads nowhere"
        raise OutsideWorldError(f"{path} cannot be written: {reason}", do="check its folder and permissions") from error
    return True


def _replace(target: Path, content: bytes) -> None:
    mode = target.stat().st_mode & 0o777 if target.is_file() else _FOR_EVERYBODY_TO_READ
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".new", dir=target.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        Path(name).replace(target)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise
