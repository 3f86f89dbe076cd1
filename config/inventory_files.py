"""Which files an inventory has, within bounds: an inventory that is given wrongly may be a whole disk."""

import os
from collections.abc import Callable
from pathlib import Path as FilePath

LOCK_NAME = "inventory.lock.yaml"
GUARDRAILS_NAME = "guardrails.yaml"
"""Directly inside the inventory folder: where guardrails stand unless another file is named."""

_MAX_FILES = 10_000
"""YAML files of one inventory; the largest that we know of have some hundreds."""

_MAX_NAMES = 200_000
"""Names in all folders together, whatever they are: looking at so many takes about a second."""


class TooManyFiles(Exception):  # noqa: N818 - says what is there, and is caught beside the call
    """What was given as an inventory is something larger."""


def inventory_files(inventory: FilePath, refuse_link: Callable[[FilePath], None]) -> list[FilePath]:
    """Return the files in the order of their paths; hidden files and folders are left out, as is the lock.

    Args:
        inventory: A folder, or one file.
        refuse_link: Is told of folders that are links, which are not followed.

    Raises:
        OSError: A folder cannot be read.
        TooManyFiles: There are more than an inventory has.
    """
    if not inventory.is_dir():
        return [inventory]

    def refuse(error: OSError) -> None:
        raise error

    found: list[FilePath] = []
    names_seen = 0
    for top, folders, names in os.walk(inventory, onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in folders:
            if (FilePath(top) / name).is_symlink():
                refuse_link(FilePath(top) / name)
        found += [FilePath(top) / name for name in names if _is_inventory(name)]
        names_seen += len(folders) + len(names)
        if len(found) > _MAX_FILES or names_seen > _MAX_NAMES:
            message = f"more than an inventory has: at most {_MAX_FILES:,} YAML files, among {_MAX_NAMES:,} of any kind"
            raise TooManyFiles(message)
    return sorted(found, key=lambda path: path.parts)


def _is_inventory(name: str) -> bool:
    return name.lower().endswith((".yaml", ".yml")) and not name.startswith(".") and name != LOCK_NAME
