"""Find and read the files of an inventory, and merge them into one mapping."""

import os
from dataclasses import replace
from pathlib import Path as FilePath
from typing import Any

from config.findings import Finding, Place, did_you_mean
from config.inventory_files import GUARDRAILS_NAME, TooManyFiles, inventory_files
from config.models.inventory import Inventory
from config.models.scalars import describe
from config.sources import Source, Sources
from config.yaml.document import Path, read_document, show_path
from config.yaml.text import Unreadable, is_folder, is_there, read_text

_MAX_CHARACTERS = 64_000_000
"""Of all files together."""

_MERGED_SECTIONS = ("workspaces", "accounts", "permission_policies", "roles")


def read_sources(inventory: FilePath, guardrails: FilePath | None = None) -> Sources:
    """Read and merge all files of an inventory, a folder or one file; never raises for what is there.

    Args:
        inventory: A folder or one file.
        guardrails: The file of the guardrails, which may lie elsewhere: it is read before the others then. Where left
            out, ``guardrails.yaml`` in the inventory's folder, beside the one file too, if it is there.
    """
    folder = inventory if is_folder(inventory) else inventory.parent
    sources = Sources(folder, guardrails or folder / GUARDRAILS_NAME)
    if not is_there(inventory):
        _report_whole(sources, inventory, "inventory-missing", "there is no such file or folder", "name the inventory")
        return sources
    try:
        paths = inventory_files(inventory, lambda *refused: _report_whole(sources, *refused))
    except TooManyFiles as error:
        _report_whole(sources, inventory, "unreadable-file", str(error), "name the folder of the inventory alone")
        return sources
    if not paths:
        hint = "write a file such as inventory.yaml in it"
        _report_whole(sources, inventory, "inventory-missing", "no *.yaml or *.yml file is in this folder", hint)
    _read_guardrails(sources, paths, named=guardrails is not None)
    characters = 0
    for path in paths:
        if characters > _MAX_CHARACTERS:
            message = f"the files before it have more than {_MAX_CHARACTERS // 1_000_000} million characters together"
            _report_whole(sources, path, "unreadable-file", message, "name the folder of the inventory alone")
            break
        characters += _read_into(sources, path, sources.folder)
    _report_no_guardrails(sources)
    if len(paths) > 1:
        _say_what_waits(sources)
    if paths and not sources.data and not sources.findings:
        hint = "declare workspaces, accounts and roles"
        _report_whole(sources, paths[0], "inventory-empty", "the inventory is empty", hint)
    return sources


def _read_guardrails(sources: Sources, paths: list[FilePath], *, named: bool) -> None:
    """Read the guardrails file where it is none of the inventory's own; report one that is named and not there."""
    path = sources.guardrails_file
    if any(sources.holds_guardrails(other) for other in paths):
        return
    if os.path.lexists(path):
        # Whoever names a file may name it through a link, anywhere; the one in the inventory's folder stays inside.
        _read_into(sources, path, FilePath(os.path.realpath(path)).parent if named else sources.folder)
    elif named:
        hint = "correct the stack config `guardrails` or the option --guardrails, or put the file back"
        message = "there is no such file, and it is to hold guardrails"
        place = Place(len(sources.files), 1, 1, str(path))
        sources.findings.append(Finding(place, "guardrails-missing", "", message, hint))


def _report_no_guardrails(sources: Sources) -> None:
    """Report a guardrails file that holds none: nothing would hold, quietly."""
    for source in sources.files:
        data = source.document.data
        silent = not source.document.problems and not (isinstance(data, dict) and "guardrails" in data)
        if silent and sources.holds_guardrails(source.path):
            place = Place(source.order, 1, 1, str(source.path))
            hint = "write `guardrails: {rules: …, folders: …}` in it, or remove the file"
            finding = Finding(place, "guardrails-missing", "", "this file is to hold guardrails, and has none", hint)
            sources.findings.append(finding)


def _report_whole(sources: Sources, path: FilePath, rule: str, message: str, hint: str) -> None:
    _report_unreadable(sources, path, Unreadable(rule, message, hint))


def _report_unreadable(sources: Sources, path: FilePath, found: Unreadable) -> None:
    place = Place(len(sources.files), found.line, found.column, str(path))
    sources.report_lost(Finding(place, found.rule, "", found.message, found.hint))


def _say_what_waits(sources: Sources) -> None:
    """Let the finding of a file that cannot be read say that findings of other files wait for it."""
    waits = "until then, names that may be declared here are not reported as unknown"
    sources.findings = [
        replace(finding, hint=f"{finding.hint}; {waits}") if finding in sources.lost else finding
        for finding in sources.findings
    ]


def _read_into(sources: Sources, path: FilePath, folder: FilePath) -> int:
    """Read a file, merge what it holds, and return how many characters it has."""
    text = read_text(path, folder)
    if isinstance(text, Unreadable):
        _report_unreadable(sources, path, text)
        return 0
    source = Source(len(sources.files), path, read_document(text))
    sources.files.append(source)
    data = source.document.data
    add = sources.report_lost if data is None else sources.findings.append
    for problem in source.document.problems:
        place = Place(source.order, problem.line, problem.column, str(path))
        report = sources.report_lost if problem.hides else add
        report(Finding(place, problem.rule, show_path(problem.path), problem.message, problem.hint))
    if isinstance(data, dict):
        _merge_file(sources, source, data)
    elif data is not None:
        found = "one text" if isinstance(data, str) else describe(data)  # of a file that may be anything
        message = f"expected a mapping of sections, found {found}"
        sources.report_lost(
            Finding(source.place(())[0], "wrong-type", "", message, "write workspaces:, accounts:, roles:")
        )
    return len(text)


def _merge_file(sources: Sources, source: Source, data: dict[str, Any]) -> None:
    for section, value in data.items():
        if section == "guardrails" and not sources.holds_guardrails(source.path):
            _report_guardrails_elsewhere(sources, source)
            continue
        sources.remember(source, (section,))
        if section not in Inventory.model_fields:
            known = list(Inventory.model_fields)
            hint = did_you_mean(section, known, f"the sections are {', '.join(known)}", parts=True)
            place = source.place((section,), of_key=True)[0]
            message = f"`{section}` is not a section of an inventory"
            if not source.has_problem_at((section,)):
                finding = Finding(place, "unknown-key", section, message, hint)
                # Names stand in mappings: what is none declares nothing that could be missing elsewhere.
                report = sources.report_lost if isinstance(value, dict | None) else sources.findings.append
                report(finding)
        elif section in _MERGED_SECTIONS and not isinstance(value, dict | None):
            place = source.place((section,))[0]
            message = f"expected a mapping, found {describe(value)}"
            sources.report_lost(Finding(place, "wrong-type", section, message, f"write {section}: {{NAME: …}}"))
        elif section == "version" and section in sources.data and sources.data[section] == value:
            continue
        else:
            _merge(sources, source, sources.data, {section: value}, ())


def _report_guardrails_elsewhere(sources: Sources, source: Source) -> None:
    place = source.place(("guardrails",), of_key=True)[0]
    message = f"guardrails are the platform team's, and are read from {sources.guardrails_file} alone"
    hint = "move them there, or name this file by the stack config `guardrails` and the option --guardrails"
    sources.findings.append(Finding(place, "guardrails-elsewhere", "guardrails", message, hint))


def _merge(sources: Sources, source: Source, target: dict[str, Any], addition: dict[str, Any], at: Path) -> None:
    """Merge ``addition`` into ``target``: mappings that hold entries merge, anything else stands once."""
    for key, value in addition.items():
        path = (*at, key)
        if len(path) == 2:  # noqa: PLR2004 - section and name: what findings are looked up by
            sources.remember(source, path)
        if value is None and _holds_entries(path) and not _may_be_empty(path):
            if source.has_problem_at(path):
                continue
            # Cut off, or commented out below: quietly taken for empty, it would delete what stood there.
            place = source.place(path, of_key=True)[0]
            message = f"`{key}` has no value"
            hint = "write {} where there is really none, or remove the key"
            sources.report_lost(Finding(place, "empty-value", show_path(path), message, hint))
        elif _holds_entries(path) and isinstance(value, dict | None) and isinstance(target.get(key, {}), dict | None):
            merged: dict[str, Any] = target.get(key) or {}
            target[key] = merged
            _merge(sources, source, merged, value or {}, path)
        elif key in target:
            first = sources.place(path, of_key=True)
            place = source.place(path, of_key=True)[0]
            message = f"`{key}` stands twice, first at {first.file}:{first.line}"
            sources.findings.append(Finding(place, "duplicate", show_path(path), message, "keep one of the two"))
        else:
            target[key] = value


def _may_be_empty(path: Path) -> bool:
    """Tell whether nothing at ``path`` means something: a repository whose UUID the lock has, say."""
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
