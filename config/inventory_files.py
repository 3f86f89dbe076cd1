"""Find the files of an inventory, within limits: a wrong path may lead to a whole disk."""

import os
import re
from collections.abc import Callable, Container
from pathlib import Path as FilePath

from config.yaml.text import is_folder

LOCK_NAME = "inventory.lock.yaml"
GUARDRAILS_NAME = "guardrails.yaml"
"""The guardrails file directly inside the inventory folder, unless another file is named."""

_MAX_FILES = 10_000
"""YAML files of one inventory; the largest that we know of have some hundreds."""

_MAX_NAMES = 200_000
"""Names in all folders together, whatever they are: looking at so many takes about a second."""


class TooManyFiles(Exception):  # noqa: N818 - names what was seen, and is caught beside the call
    """The path has more files than an inventory."""


Refuse = Callable[[FilePath, str, str, str], None]
"""Is called for a folder that is not searched: its path, the rule, the problem, the correction."""

Locate = Callable[[str], FilePath]
"""Returns the guardrails file for the path that it has under ``rollout``."""


def inventory_files(inventory: FilePath, refuse: Refuse) -> list[FilePath]:
    """Return the files in the order of their paths; hidden files and folders are left out, as is the lock.

    Args:
        inventory: A folder, or one file.
        refuse: Called for folders that are links, which are not followed, and for those that cannot be read.

    Raises:
        TooManyFiles: There are more files than an inventory has.
    """
    if not is_folder(inventory):
        return [inventory]

    def unreadable(error: OSError) -> None:
        folder = FilePath(os.fsdecode(error.filename or inventory))
        refuse(folder, "unreadable-file", f"cannot be read: {error.strerror}", "check its permissions")

    files: list[FilePath] = []
    names_seen = 0
    for top, folders, names in os.walk(inventory, onerror=unreadable):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in folders:
            if (FilePath(top) / name).is_symlink():
                message = "this folder is a link, and links are not followed"
                refuse(FilePath(top) / name, "outside-inventory", message, "put the folder itself here")
        files += [FilePath(top) / name for name in names if _is_inventory(name)]
        names_seen += len(folders) + len(names)
        if len(files) > _MAX_FILES or names_seen > _MAX_NAMES:
            message = (
                f"too many files: an inventory has at most {_MAX_FILES:,} YAML files, among {_MAX_NAMES:,} of any kind"
            )
            raise TooManyFiles(message)
    return sorted(files, key=lambda path: path.parts)


def folder_around(file: FilePath) -> tuple[FilePath, int] | None:
    """Return the folder of an inventory that a file is only a part of, and how many other files it has directly.

    It is the folder with the guardrails or the lock, else the nearest one with files that have sections; inside the
    git repository, or beside the file.
    """
    folders = list((FilePath.cwd() / file).parents)
    top = next((number for number, folder in enumerate(folders) if (folder / ".git").exists()), 0)
    read = {file.name, GUARDRAILS_NAME}  # guardrails beside the file are read with it
    others = {folder: _others(folder, read if folder == folders[0] else set()) for folder in folders[: top + 1]}
    marked = [folder for folder in others if any((folder / name).exists() for name in (LOCK_NAME, GUARDRAILS_NAME))]
    nearest = next((folder for folder in [*marked, *others] if others[folder]), None)
    return None if nearest is None else (nearest, others[nearest])


def _others(folder: FilePath, read: Container[str]) -> int:
    return sum(path.name not in read and _has_section(path) for path in _in(folder))


_HEAD = 100_000
_SECTION = re.compile(rb"^(?:workspaces|accounts|permission_policies|roles|guardrails):", re.MULTILINE)


def _in(folder: FilePath) -> list[FilePath]:
    try:
        return [path for path in folder.iterdir() if _is_inventory(path.name)]
    except OSError:
        return []


def _has_section(path: FilePath) -> bool:
    try:
        with path.open("rb") as file:
            return _SECTION.search(file.read(_HEAD)) is not None
    except OSError:
        return False


def _is_inventory(name: str) -> bool:
    return name.lower().endswith((".yaml", ".yml")) and not name.startswith(".") and name != LOCK_NAME
