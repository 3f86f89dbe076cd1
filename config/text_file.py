"""Read a file of the inventory as text: a regular one, inside the inventory folder, of bearable size, in UTF-8."""

import stat
from dataclasses import dataclass
from pathlib import Path as FilePath

_MAX_BYTES = 20_000_000


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Why a file cannot be had: the rule, what is wrong, what to do."""

    rule: str
    message: str
    hint: str


def read_text(path: FilePath, folder: FilePath) -> str | Unreadable:
    """Return the text of a file, without a byte order mark, or why it cannot be had; never raises.

    Args:
        path: The file.
        folder: Of the inventory; a file that is elsewhere, links resolved, is refused.
    """
    try:
        if not path.resolve().is_relative_to(folder.resolve()):
            return Unreadable("outside-inventory", "it is outside of the inventory folder", "move or copy it inside")
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            return Unreadable("unreadable-file", "it is no regular file", "put a file in its place")
        if found.st_size > _MAX_BYTES:
            return Unreadable("unreadable-file", "it is larger than 20 MB", "split it")
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return Unreadable("unreadable-file", f"not UTF-8 at byte {error.start}", "save it as UTF-8")
    except (OSError, RuntimeError, ValueError) as error:
        # RuntimeError: a link that leads to itself; ValueError: a name that no file can have.
        reason = getattr(error, "strerror", None) or "its path leads nowhere"
        return Unreadable(
            "unreadable-file", f"cannot be read: {reason}", "check the path, the file and its permissions"
        )
