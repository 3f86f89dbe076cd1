"""Read a file of the inventory as text: a regular one, inside the inventory folder, of bearable size, in UTF-8."""

import codecs
import os
import stat
from dataclasses import dataclass
from pathlib import Path as FilePath

MAX_BYTES = 16_000_000
"""Of one file: ten times what 20,000 roles need."""

_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Why a file cannot be had: the rule, what is wrong, what to do; line and column from 1, where there is one."""

    rule: str
    message: str
    hint: str
    line: int = 1
    column: int = 1


def is_folder(path: FilePath) -> bool:
    """Tell whether there is a folder; never raises, as `Path.is_dir` does for a name that is too long for any file."""
    return os.path.isdir(path)  # noqa: PTH112 - as above


def is_there(path: FilePath) -> bool:
    """Tell whether there is anything, links followed; never raises."""
    return os.path.exists(path)  # noqa: PTH110 - as above


def read_text(path: FilePath, folder: FilePath) -> str | Unreadable:
    """Return the text of a file, without a byte order mark, or why it cannot be had; never raises, never waits.

    Args:
        path: The file.
        folder: Of the inventory; a file that is elsewhere, links resolved, is refused.
    """
    try:
        if not path.resolve().is_relative_to(folder.resolve()):
            return Unreadable("outside-inventory", "it is outside of the inventory folder", "move or copy it inside")
        content = _content(path)
    except (OSError, RuntimeError, ValueError) as error:
        # RuntimeError: a link that leads to itself; ValueError: a name that no file can have.
        reason = getattr(error, "strerror", None) or "its path leads nowhere"
        return Unreadable(
            "unreadable-file", f"cannot be read: {reason}", "check the path, the file and its permissions"
        )
    return content if isinstance(content, Unreadable) else _decoded(content)


def _content(path: FilePath) -> bytes | Unreadable:
    """Return the bytes of a regular file of bearable size.

    What is opened is what is looked at: between a look at a path and its opening it may become something else, a pipe
    that nobody writes to, say, or may grow.
    """
    opened = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
    with open(opened, "rb") as file:  # noqa: PTH123 - a descriptor, not a path
        if not stat.S_ISREG(os.fstat(opened).st_mode):
            return Unreadable("unreadable-file", "it is no regular file", "put a file in its place")
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        return Unreadable("unreadable-file", f"it is larger than {MAX_BYTES // 1_000_000} MB", "split it")
    return content


def _decoded(content: bytes) -> str | Unreadable:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if content.startswith(_UTF_16):
            return Unreadable("unreadable-file", "it is UTF-16, not UTF-8", "save it as UTF-8")
        before = error.object[: error.start].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        last = before.rpartition(b"\n")[2].decode("utf-8", "replace")
        message = f"not UTF-8: the byte 0x{error.object[error.start]:02x}"
        hint = "save the file as UTF-8; it is probably in Latin-1 or Windows-1252"
        return Unreadable("unreadable-file", message, hint, before.count(b"\n") + 1, len(last) + 1)
