"""Find and read the files of an inventory, and merge them into one mapping."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path as FilePath
from typing import Any

from config.allow import UNUSED, Allowances, Silenced
from config.findings import Finding, Place, did_you_mean
from config.inventory_files import TooManyFiles, inventory_files
from config.models.inventory import Inventory
from config.rules import RULES
from config.scalars import describe
from config.text_file import Unreadable, read_text
from config.yaml_document import Path, YamlDocument, read_document, show_path
from config.yaml_nodes import find_node

_MERGED_SECTIONS = ("workspaces", "accounts", "permission_policies", "roles")


@dataclass(frozen=True, slots=True)
class Source:
    """One file: its place in the order of reading, the path as the user would open it, and its document."""

    order: int
    path: FilePath
    document: YamlDocument

    def place(self, path: Path, *, of_key: bool = False) -> tuple[Place, int]:
        """Return where ``path`` stands in this file, and how many parts of the path the file has."""
        node, depth = find_node(self.document.root, path, of_key=of_key)
        mark = node.start_mark if node is not None else None
        line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
        return Place(self.order, line, column, str(self.path)), depth


@dataclass(slots=True)
class Sources:
    """All files of an inventory.

    Attributes:
        folder: What they may name other files in.
        files: In the order of reading.
        data: Merged, as written.
        findings: What is wrong.
        lost: Findings about files, or sections, of which nothing is in the data.
        policy_files: JSON files of permission policies, by the names of these.
        allowances: Every ``allow`` in the data, and what they silence.
        written: Returns the path that was written for a path of the inventory: an entry that becomes several stands
            in one place.
    """

    folder: FilePath
    files: list[Source] = field(default_factory=list)
    data: dict[str, Any] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    lost: set[Finding] = field(default_factory=set)
    policy_files: dict[str, Source] = field(default_factory=dict)
    written: Callable[[Path], Path] = lambda path: path
    allowances: Allowances = field(init=False)
    _holders: dict[Path, list[Source]] = field(default_factory=dict)
    _told: set[tuple[str, Place, bool]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.allowances = Allowances(self.data)

    def place(self, path: Path, *, of_key: bool = False) -> Place:
        """Return where ``path`` stands: in the file that has most of it, the first of them."""
        path = self.written(path)
        if found := self._in_policy_file(path):
            return found[0].place(found[1], of_key=of_key)[0]
        candidates = self._holders.get(path[:2]) or self._holders.get(path[:1]) or self.files[:1]
        places = [source.place(path, of_key=of_key) for source in candidates]
        return max(places, key=lambda found: found[1])[0] if places else Place(0, 1, 1, str(self.folder))

    def source_of(self, path: Path) -> Source:
        """Return the file that holds ``path``; it is there."""
        place = self.place(path)
        return self.files[place.order]

    def report(self, rule: str, path: Path, message: str, hint: str, *, of_key: bool = False) -> None:
        """Add a finding at the place of ``path``; one rule is broken once at one place.

        What an anchor holds stands in many entries and in one place; what is too long for one account is so for others.
        A warning that an ``allow`` around it accepts is kept apart, with the reason given. What is missing is not
        reported while a part of the inventory cannot be read: it may stand there.
        """
        if self.lost and RULES[rule].of_absence:
            return
        path = self.written(path)
        place = self.place(path, of_key=of_key)
        reason = self.allowances.reason(rule, path)
        # What one entry accepts of an anchor that they share, another has not accepted.
        told = (rule, place, reason is None)
        if told in self._told:
            return
        self._told.add(told)
        _, shown = self._in_policy_file(path) or (None, path)
        finding = Finding(place, rule, show_path(shown), message, hint)
        if reason is None:
            self.findings.append(finding)
        else:
            self.allowances.silenced.append(Silenced(finding, reason))

    def report_lost(self, finding: Finding) -> None:
        """Add the finding of a file, or a section, that cannot be read: what else it declares is unknown."""
        self.findings.append(finding)
        self.lost.add(finding)

    def report_unused_allowances(self) -> None:
        """Report every ``allow`` that has silenced nothing; to be called when everything else is reported."""
        for path in self.allowances.unused():
            message = f"{path[-1]} is not reported here"
            self.report(UNUSED, path, message, "remove it: it would hide the finding that comes one day", of_key=True)

    def _in_policy_file(self, path: Path) -> tuple[Source, Path] | None:
        """Return the JSON file that holds what is below a permission policy's document, and its path in there."""
        name = str(path[1]) if path[:1] == ("permission_policies",) and path[2:3] == ("document",) else None
        return (self.policy_files[name], path[3:]) if name in self.policy_files else None

    def remember(self, source: Source, path: Path) -> None:
        """Note that ``source`` has something to say at ``path``."""
        self._holders.setdefault(path, []).append(source)


def read_sources(inventory: FilePath) -> Sources:
    """Read and merge all files of an inventory, a folder or one file; never raises for what is there."""
    folder = inventory if inventory.is_dir() else inventory.parent
    sources = Sources(folder)
    if not inventory.exists():
        _report_whole(sources, inventory, "inventory-missing", "there is no such file or folder", "name the inventory")
        return sources
    try:
        paths = inventory_files(inventory, lambda path: _refuse_link(sources, path))
    except OSError as error:
        _report_whole(
            sources, inventory, "unreadable-file", f"cannot be read: {error.strerror}", "check its permissions"
        )
        return sources
    except TooManyFiles as error:
        _report_whole(sources, inventory, "unreadable-file", str(error), "name the folder of the inventory alone")
        return sources
    if not paths:
        hint = "write a file such as inventory.yaml in it"
        _report_whole(sources, inventory, "inventory-missing", "no *.yaml or *.yml file is in this folder", hint)
    for path in paths:
        _read_into(sources, path)
    if len(paths) > 1:
        _say_what_waits(sources)
    if paths and not sources.data and not sources.findings:
        hint = "declare workspaces, accounts and roles"
        _report_whole(sources, paths[0], "inventory-empty", "the inventory is empty", hint)
    return sources


def _report_whole(sources: Sources, path: FilePath, rule: str, message: str, hint: str) -> None:
    sources.report_lost(Finding(Place(len(sources.files), 1, 1, str(path)), rule, "", message, hint))


def _refuse_link(sources: Sources, path: FilePath) -> None:
    message = "a linked folder, and links are not followed"
    _report_whole(sources, path, "outside-inventory", message, "put the folder itself here")


def _say_what_waits(sources: Sources) -> None:
    """Let the finding of a file that cannot be read say that findings of other files wait for it."""
    waits = "until then, names that nobody declares are not reported"
    sources.findings = [
        replace(finding, hint=f"{finding.hint}; {waits}") if finding in sources.lost else finding
        for finding in sources.findings
    ]


def _read_into(sources: Sources, path: FilePath) -> None:
    text = read_text(path, sources.folder)
    if isinstance(text, Unreadable):
        _report_whole(sources, path, text.rule, text.message, text.hint)
        return
    source = Source(len(sources.files), path, read_document(text))
    sources.files.append(source)
    data = source.document.data
    add = sources.report_lost if data is None else sources.findings.append
    for problem in source.document.problems:
        place = Place(source.order, problem.line, problem.column, str(path))
        add(Finding(place, problem.rule, show_path(problem.path), problem.message, problem.hint))
    if isinstance(data, dict):
        _merge_file(sources, source, data)
    elif data is not None:
        message = f"expected a mapping of sections, found {describe(data)}"
        sources.report_lost(
            Finding(source.place(())[0], "wrong-type", "", message, "write workspaces:, accounts:, roles:")
        )


def _merge_file(sources: Sources, source: Source, data: dict[str, Any]) -> None:
    for section, value in data.items():
        sources.remember(source, (section,))
        if section not in Inventory.model_fields:
            known = list(Inventory.model_fields)
            hint = did_you_mean(section, known, f"the sections are {', '.join(known)}", parts=True)
            place = source.place((section,), of_key=True)[0]
            message = f"`{section}` is not a section of an inventory"
            sources.findings.append(Finding(place, "unknown-key", section, message, hint))
        elif section in _MERGED_SECTIONS and not isinstance(value, dict | None):
            place = source.place((section,))[0]
            message = f"expected a mapping, found {describe(value)}"
            sources.report_lost(Finding(place, "wrong-type", section, message, f"write {section}: {{NAME: …}}"))
        elif section == "version" and section in sources.data and sources.data[section] == value:
            continue
        else:
            _merge(sources, source, sources.data, {section: value}, ())


def _merge(sources: Sources, source: Source, target: dict[str, Any], addition: dict[str, Any], at: Path) -> None:
    """Merge ``addition`` into ``target``: mappings that hold entries merge, anything else stands once."""
    for key, value in addition.items():
        path = (*at, key)
        if len(path) == 2:  # noqa: PLR2004 - section and name: what findings are looked up by
            sources.remember(source, path)
        if value is None and _holds_entries(path) and not _may_be_empty(path):
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
