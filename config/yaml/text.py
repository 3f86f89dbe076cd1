"""Read a file of the inventory as text: a regular one, inside the inventory folder, of bearable size, in UTF-8."""

import codecs
import os
import re
import stat
import tempfile
from contextlib import suppress
from pathlib import Path
from pathlib import Path as FilePath

from config.findings import Fault, in_text, one_line
from oidc.errors import OutsideWorldError

MAX_BYTES = 16_000_000
"""Of one file: ten times what 20,000 roles need."""

_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def is_folder(path: FilePath) -> bool:
    """Tell whether there is a folder; never raises, as `Path.is_dir` does for a name that is too long for any file."""
    return os.path.isdir(path)  # noqa: PTH112 - as above


def exists(path: FilePath) -> bool:
    """Tell whether there is anything, links followed; never raises."""
    return os.path.exists(path)  # noqa: PTH110 - as above


def read_text(path: FilePath, folder: FilePath) -> str | Fault:
    """Return the text of a file, without a byte order mark, or why it cannot be read; never raises, never waits.

    Args:
        path: The file.
        folder: Of the inventory; a file that is elsewhere, links resolved, is refused.
    """
    try:
        if not path.resolve().is_relative_to(folder.resolve()):
            return Fault("outside-inventory", (), "it is outside the inventory folder", "move or copy it inside")
        content = _content(path)
    except (OSError, RuntimeError, ValueError) as error:
        # RuntimeError: a link that leads to itself; ValueError: a name that no file can have.
        reason = getattr(error, "strerror", None) or "its path is not valid"
        return Fault("unreadable-file", (), f"cannot be read: {reason}", "check the path, the file and its permissions")
    return content if isinstance(content, Fault) else _decoded(content)


def _content(path: FilePath) -> bytes | Fault:
    """Return the bytes of a regular file of limited size.

    The checks use the opened file: between a check of the path and its opening, the file may grow, or be replaced, for
    example by a pipe without a writer.
    """
    opened = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
    with open(opened, "rb") as file:  # noqa: PTH123 - a descriptor, not a path
        if not stat.S_ISREG(os.fstat(opened).st_mode):
            return Fault("unreadable-file", (), "it is not a regular file", "put a file in its place")
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        return Fault("unreadable-file", (), f"it is larger than {MAX_BYTES // 1_000_000} MB", "split it")
    return content


def _decoded(content: bytes) -> str | Fault:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if content.startswith(_UTF_16):
            return Fault("unreadable-file", (), "it is UTF-16, not UTF-8", "save it as UTF-8")
        before = error.object[: error.start].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        last = before.rpartition(b"\n")[2].decode("utf-8", "replace")
        message = f"not UTF-8: the byte 0x{error.object[error.start]:02x}"
        hint = "save the file as UTF-8; it is probably in Latin-1 or Windows-1252"
        return in_text("unreadable-file", (before.count(b"\n") + 1, len(last) + 1), message, hint)


_FOR_EVERYBODY_TO_READ = 0o644


def write_whole(path: Path, content: bytes) -> bool:
    """Write a file if its content differs; return whether it was written.

    The content is written to a file beside it, which is then renamed in one step: a reader sees the old content or the
    new one (https://pubs.opengroup.org/onlinepubs/9799919799/functions/rename.html). Anything but a regular file, such
    as a pipe or ``/dev/null``, is written to directly.

    Args:
        path: If it is a link, its target is written.
        content: The new content.

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
        reason = getattr(error, "strerror", None) or "its path is not valid"
        what = f"{one_line(str(path))} cannot be written: {reason}"
        raise OutsideWorldError(what, do="check its folder and permissions") from error
    return True


def replace_whole(target: Path, content: bytes) -> None:
    """Replace the content of a file, or create it, in one step; the mode stays.

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


_PLAIN = re.compile(r"[A-Za-z(][^\n]*[^\s:]")
_NOT_PLAIN = re.compile(r": | #|:$")
_OTHER_TYPES = re.compile(r"(?i)y|n|yes|no|on|off|true|false|null")


def scalar(text: str) -> str:
    """Return a line of text as a YAML scalar: plain if YAML reads the same text back, else in single quotes.

    Source: YAML 1.1, 9.1.2 and 9.1.3 (https://yaml.org/spec/1.1/): a quote in single quotes is doubled, and nothing
    else is special in them. All of ASCII may be plain, except what would end the scalar or give it another type.
    """
    is_plain = _PLAIN.fullmatch(text) and text.isascii() and not _NOT_PLAIN.search(text)
    if is_plain and not _OTHER_TYPES.fullmatch(text):
        return text
    return "'" + text.replace("'", "''") + "'"
