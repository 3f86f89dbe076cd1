"""The files of an inventory as read, where everything stands in them, and the findings about it."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

from config.allow import UNUSED, Allowances, Silenced
from config.catalogue import RULES
from config.findings import Finding, Place
from config.yaml.document import Path, YamlDocument, show_path
from config.yaml.nodes import find_node


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

    def has_problem_at(self, path: Path) -> bool:
        """Tell whether the text is at fault where ``path`` stands, the key or the value: then it is told already."""
        if not self.document.problems:
            return False
        places = [self.place(path, of_key=of_key)[0] for of_key in (True, False)]
        told = {(problem.line, problem.column) for problem in self.document.problems}
        return any((place.line, place.column) in told for place in places)


@dataclass(slots=True)
class Sources:
    """All files of an inventory.

    Attributes:
        folder: What they may name other files in.
        guardrails_file: The only one that may hold guardrails, whether it is there or not.
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
    guardrails_file: FilePath
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

    def report(
        self, rule: str, path: Path, message: str, hint: str, *, of_key: bool = False, source: Source | None = None
    ) -> None:
        """Add a finding at the place of ``path``; one rule is broken once at one place.

        What an anchor holds stands in many entries and in one place; what is too long for one account is so for others.
        A warning that an ``allow`` around it accepts is kept apart, with the reason given. What is missing is not
        reported while a part of the inventory cannot be read: it may stand there. Where several files have something at
        ``path``, ``source`` says which of them is meant.
        """
        if self.lost and RULES[rule].of_absence:
            return
        path = self.written(path)
        place = self.place(path, of_key=of_key) if source is None else source.place(path, of_key=of_key)[0]
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

    def is_at_fault(self, section: str, account: str) -> bool:
        """Tell whether a section that everything depends on, or an account, has an error: what it lacks is told."""
        above = (section, f"{section}.", f"accounts.{account}.")
        return any(found.path == above[0] or found.path.startswith(above[1:]) for found in self.findings)

    def report_lost(self, finding: Finding) -> None:
        """Add the finding of a file, or a section, that cannot be read: what else it declares is unknown."""
        self.findings.append(finding)
        self.lost.add(finding)

    def report_unused_allowances(self) -> None:
        """Report every ``allow`` that has silenced nothing; to be called when everything else is reported."""
        if not any("allow" in source.document.text for source in self.files):
            return
        for path in self.allowances.unused():
            message = f"{path[-1]} is not reported here"
            self.report(UNUSED, path, message, "remove it: it would hide the finding that comes one day", of_key=True)

    def _in_policy_file(self, path: Path) -> tuple[Source, Path] | None:
        """Return the JSON file that holds what is below a permission policy's document, and its path in there."""
        name = str(path[1]) if path[:1] == ("permission_policies",) and path[2:3] == ("document",) else None
        return (self.policy_files[name], path[3:]) if name in self.policy_files else None

    def holds_guardrails(self, path: FilePath) -> bool:
        """Tell whether ``path`` is the guardrails file: links to its folder count, a link to the file does not.

        A link of a team's own to the guardrails file is another file.
        """
        named = self.guardrails_file
        return path.name == named.name and os.path.realpath(path.parent) == os.path.realpath(named.parent)

    def remember(self, source: Source, path: Path) -> None:
        """Note that ``source`` has something to say at ``path``."""
        self._holders.setdefault(path, []).append(source)
