"""Find and read the files of an inventory, and merge them into one mapping."""

import os
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path as FilePath
from typing import Any

from config.findings import Fault, Place, did_you_mean
from config.inventory_files import GUARDRAILS_NAME, Locate, TooManyFiles, inventory_files
from config.models.inventory import Inventory
from config.models.rollout import is_guardrails_path
from config.models.scalars import describe
from config.sources import Source, Sources
from config.yaml.document import Path, YamlDocument, read_document
from config.yaml.text import exists, is_folder, read_text

_MAX_CHARACTERS = 64_000_000
"""Of all files together."""

_MERGED_SECTIONS = ("workspaces", "accounts", "permission_policies", "roles")


def read_sources(
    inventory: FilePath, guardrails: FilePath | None = None, locate: Locate | None = None
) -> tuple[Sources, tuple[Fault, ...]]:
    """Read and merge all files of an inventory, a folder or one file; never raise, whatever the content.

    Args:
        inventory: A folder or one file.
        guardrails: The guardrails file. It may be in another folder; it is then read first. Default:
            that of ``rollout.guardrails``; else ``guardrails.yaml`` in the folder of the inventory, if it exists.
        locate: Where that named file is, and may raise; by default from the inventory's folder.

    Returns:
        The files, and their faults.
    """
    folder = inventory if is_folder(inventory) else inventory.parent
    default, document_of = folder / GUARDRAILS_NAME, lru_cache(maxsize=None)(read_document)
    reading = _Reading(folder, guardrails or default, document_of)
    reading.read(inventory, named=guardrails is not None)
    path = _named_by_rollout(reading.data)
    if guardrails is None and path is not None:
        guardrails = locate(path) if locate else folder / path
        if os.path.lexists(default) and not reading.sources.holds_guardrails(guardrails):
            # NOTE: intentional: else the `rollout` of a delegated file could name guardrails that allow it.
            message = f"{default} exists and counts, so this file may not be named"
            hint = f"move the guardrails into one file; remove this key, or {default}"
            reading.faults.append(Fault("guardrails-elsewhere", _NAMED, message, hint))
        else:
            reading = _Reading(folder, guardrails, document_of)
            reading.read(inventory, named=True)
    return replace(reading.sources, files=tuple(reading.files)), tuple(reading.faults)


_NAMED: Path = ("rollout", "guardrails")


def _named_by_rollout(data: dict[str, Any]) -> str | None:
    """Return the valid path of the guardrails file under ``rollout``, else ``None``."""
    rollout = data.get("rollout")
    path = rollout.get("guardrails") if isinstance(rollout, dict) else None
    return path if is_guardrails_path(path) else None


class _Reading:
    """The files of an inventory read so far, and their faults."""

    def __init__(self, folder: FilePath, guardrails_file: FilePath, document_of: Callable[[str], YamlDocument]) -> None:
        self._document_of = document_of
        self.files: list[Source] = []
        self.data: dict[str, Any] = {}
        self.holders: dict[Path, list[Source]] = {}
        self.faults: list[Fault] = []
        self.sources = Sources(folder, guardrails_file, self.files, self.data, self.holders)

    def read(self, inventory: FilePath, *, named: bool) -> None:
        """Read all files; ``named`` says that the user named the guardrails file."""
        if not exists(inventory):
            hint = "correct the path; `bitbucket-oidc init` writes a first inventory"
            self._report_whole(inventory, "inventory-missing", "there is no such file or folder", hint)
            return
        try:
            paths = inventory_files(inventory, self._report_whole)
        except TooManyFiles as error:
            hint = "name the folder of the inventory alone"
            self._report_whole(inventory, "unreadable-file", str(error), hint)
            return
        if not paths:
            hint = "write a file such as inventory.yaml in it"
            self._report_whole(inventory, "inventory-missing", "this folder has no *.yaml or *.yml file", hint)
        self._read_guardrails(paths, named=named)
        self._read_all(paths)
        self._report_no_guardrails()
        if len(paths) > 1:
            self._say_what_waits()
        if paths and not self.data and not self.faults:
            hint = "declare workspaces, accounts and roles"
            self._report_whole(paths[0], "inventory-empty", "the inventory is empty", hint)

    def _read_all(self, paths: list[FilePath]) -> None:
        characters = 0
        for path in paths:
            if characters > _MAX_CHARACTERS:
                most = f"{_MAX_CHARACTERS // 1_000_000} million characters"
                hint = "name the folder of the inventory alone"
                self._report_whole(path, "unreadable-file", f"the files before it have more than {most} together", hint)
                break
            characters += self._read_into(path, self.sources.folder)

    def _read_guardrails(self, paths: list[FilePath], *, named: bool) -> None:
        """Read a guardrails file outside the inventory; report a named file that does not exist."""
        path = self.sources.guardrails_file
        if any(self.sources.holds_guardrails(other) for other in paths):
            return
        if os.path.lexists(path):
            # A named file may be a link to anywhere; the file in the inventory's folder must be inside that folder.
            self._read_into(path, FilePath(os.path.realpath(path)).parent if named else self.sources.folder)
        elif named:
            hint = "correct the stack config `guardrails`, the option --guardrails or `rollout`, or put the file back"
            message = "this file does not exist, and must hold guardrails"
            self._report(Place(len(self.files), 1, 1, str(path)), "guardrails-missing", (), message, hint)

    def _report_no_guardrails(self) -> None:
        """Report a guardrails file without guardrails: no guardrail would apply, without notice."""
        for source in self.files:
            data = source.document.data
            silent = not source.document.problems and not (isinstance(data, dict) and "guardrails" in data)
            if silent and self.sources.holds_guardrails(source.path):
                place = Place(source.order, 1, 1, str(source.path))
                hint = "write `guardrails: {rules: …, folders: …}` in it, or remove the file"
                message = "this file must hold guardrails, and has none"
                self._report(place, "guardrails-missing", (), message, hint)

    def _report(self, place: Place, rule: str, path: Path, message: str, hint: str, *, hides: bool = False) -> None:
        self.faults.append(Fault(rule, path, message, hint, place=place, hides=hides))

    def _report_whole(self, path: FilePath, rule: str, message: str, hint: str) -> None:
        """Report a file that cannot be read: its declarations are unknown."""
        self._report(Place(len(self.files), 1, 1, str(path)), rule, (), message, hint, hides=True)

    def _say_what_waits(self) -> None:
        """Add to the fault of an unreadable file that unknown names in other files are not reported."""
        waits = "until this file can be read, unknown names in other files are not reported"
        self.faults = [replace(fault, hint=f"{fault.hint}; {waits}") if fault.hides else fault for fault in self.faults]

    def _read_into(self, path: FilePath, folder: FilePath) -> int:
        """Read a file, merge its content, and return its number of characters."""
        text = read_text(path, folder)
        if isinstance(text, Fault):
            self.faults.append(replace(text.in_file(len(self.files), path), hides=True))
            return 0
        source = Source(len(self.files), path, self._document_of(text))
        self.files.append(source)
        data = source.document.data
        for fault in source.document.problems:
            self.faults.append(replace(fault.in_file(source.order, path), hides=fault.hides or data is None))
        if isinstance(data, dict):
            self._merge_file(source, data)
        elif data is not None:
            kind = "one text" if isinstance(data, str) else describe(data)  # of a file that may be anything
            message, hint = f"expected a mapping of sections, found {kind}", "write workspaces:, accounts:, roles:"
            self._report(source.place(())[0], "wrong-type", (), message, hint, hides=True)
        return len(text)

    def _merge_file(self, source: Source, data: dict[str, Any]) -> None:
        for section, value in data.items():
            if section == "guardrails" and not self.sources.holds_guardrails(source.path):
                self._report_guardrails_elsewhere(source)
                continue
            self._remember(source, (section,))
            if section not in Inventory.model_fields:
                self._report_no_section(source, section, value)
            elif section in _MERGED_SECTIONS and not isinstance(value, dict | None):
                message = f"expected a mapping, found {describe(value)}"
                place = source.place((section,))[0]
                self._report(place, "wrong-type", (section,), message, f"write {section}: {{NAME: …}}", hides=True)
            elif section == "version" and section in self.data and self.data[section] == value:
                continue
            else:
                self._merge(source, self.data, {section: value}, ())

    def _report_no_section(self, source: Source, section: str, value: object) -> None:
        if source.has_problem_at((section,)):
            return
        known = list(Inventory.model_fields)
        hint = did_you_mean(section, known, f"the sections are {', '.join(known)}", parts=True)
        place = source.place((section,), of_key=True)[0]
        message = f"`{section}` is not a section of an inventory"
        # Only mappings declare names; anything else declares nothing that other files could need.
        hides = isinstance(value, dict | None)
        self._report(place, "unknown-key", (section,), message, hint, hides=hides)

    def _report_guardrails_elsewhere(self, source: Source) -> None:
        place = source.place(("guardrails",), of_key=True)[0]
        message = f"guardrails belong to the platform team, and are read only from {self.sources.guardrails_file}"
        hint = "move them there, or name this file in the stack config `guardrails` and with the option --guardrails"
        self._report(place, "guardrails-elsewhere", ("guardrails",), message, hint)

    def _merge(self, source: Source, target: dict[str, Any], addition: dict[str, Any], at: Path) -> None:
        """Merge ``addition`` into ``target``: mappings of entries merge; anything else may be written only once."""
        for key, value in addition.items():
            path = (*at, key)
            if len(path) == 2:  # noqa: PLR2004 - section and name: what findings are looked up by
                self._remember(source, path)
            if value is None and _holds_entries(path) and not _may_be_empty(path):
                if source.has_problem_at(path):
                    continue
                # Cut off, or commented out below. Read as empty, it would delete resources without notice.
                place = source.place(path, of_key=True)[0]
                hint = "write {} if there are no entries, or remove the key"
                self._report(place, "empty-value", path, f"`{key}` has no value", hint, hides=True)
            elif (
                _holds_entries(path) and isinstance(value, dict | None) and isinstance(target.get(key, {}), dict | None)
            ):
                merged: dict[str, Any] = target.get(key) or {}
                target[key] = merged
                self._merge(source, merged, value or {}, path)
            elif key in target:
                first = self.sources.place(path, of_key=True)
                place = source.place(path, of_key=True)[0]
                message = f"`{key}` appears twice, first at {first.file}:{first.line}"
                self._report(place, "duplicate", path, message, "keep one of the two")
            else:
                target[key] = value

    def _remember(self, source: Source, path: Path) -> None:
        """Record that ``source`` has something at ``path``."""
        self.holders.setdefault(path, []).append(source)


def _may_be_empty(path: Path) -> bool:
    """Tell whether an empty value at ``path`` is valid, for example a repository whose UUID the lock has."""
    match path:
        case ("workspaces", _) | ("workspaces", _, "repositories", _):
            return True
    return False


def _holds_entries(path: Path) -> bool:
    """Tell whether mappings at ``path`` merge across files: sections, workspaces, repositories and their parts."""
    match path:
        case (section,):
            return section in _MERGED_SECTIONS
        case ("workspaces", _) | ("workspaces", _, "repositories"):
            return True
        case ("workspaces", _, "repositories", _) | ("workspaces", _, "repositories", _, "environments"):
            return True
    return False
