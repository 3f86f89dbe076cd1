"""Write a file whole or not at all."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from config.findings import one_line
from oidc.errors import OutsideWorldError

_FOR_EVERYBODY_TO_READ = 0o644


def write_whole(path: Path, content: bytes) -> bool:
    """Write a file where it holds something else, and tell whether it was written.

    The content goes into a file beside it, which then takes its name in one step: whoever reads sees the old content or
    the new one (https://pubs.opengroup.org/onlinepubs/9799919799/functions/rename.html). What is no file, as a pipe or
    ``/dev/null``, is written to as it is.

    Args:
        path: Where it is a link, what it leads to is written.
        content: What it is to hold.

    Raises:
        OutsideWorldError: It cannot be written.
    """
    try:
        if path.exists() and not path.is_file():
            path.write_bytes(content)  # by its own name: what /dev/stdout leads to may have none
            return True
        target = path.resolve()
        if target.is_file() and target.read_bytes() == content:
            return False
        replace_whole(target, content)
    except (OSError, RuntimeError, ValueError) as error:  # RuntimeError: a link to itself; ValueError: a NUL
        reason = getattr(error, "strerror", None) or "its path leads nowhere"
        what = f"{one_line(str(path))} cannot be written: {reason}"
        raise OutsideWorldError(what, do="check its folder and permissions") from error
    return True


def replace_whole(target: Path, content: bytes) -> None:
    """Give a file, or one that is not there yet, another content in one step; the mode stays.

    Raises:
        OSError: It cannot be written, and is as it was.
    """
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
