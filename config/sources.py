"""The files of an inventory as read, and the places of their values."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

from config.findings import Place
from config.yaml.document import Path, YamlDocument
from config.yaml.nodes import find_node


@dataclass(frozen=True, slots=True)
class Source:
    """One file: its position in the reading order, the path as the user would open it, and its document."""

    order: int
    path: FilePath
    document: YamlDocument

    def place(self, path: Path, *, of_key: bool = False) -> tuple[Place, int]:
        """Return the place of ``path`` in this file, and how many parts of the path the file has."""
        node, depth = find_node(self.document.root, path, of_key=of_key)
        mark = node.start_mark if node is not None else None
        line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
        return Place(self.order, line, column, str(self.path)), depth

    def has_problem_at(self, path: Path) -> bool:
        """Tell whether the text at ``path``, key or value, has a fault that is reported already."""
        if not self.document.problems:
            return False
        places = [self.place(path, of_key=of_key)[0] for of_key in (True, False)]
        told = {(fault.place.line, fault.place.column) for fault in self.document.problems if fault.place is not None}
        return any((place.line, place.column) in told for place in places)


@dataclass(frozen=True, slots=True)
class Sources:
    """All files of an inventory.

    Attributes:
        folder: The folder for all files that the inventory names.
        guardrails_file: The only file that may hold guardrails; it may be missing.
        files: In reading order.
        data: Merged, as written.
        holders: The files that have something at the path of a section or of an entry.
        policy_files: JSON files of permission policies, by the names of the policies.
        lock: The lock file, if it exists.
        source_path: Returns the path in the files for a path of the inventory: several entries may come from one.
    """

    folder: FilePath
    guardrails_file: FilePath
    files: Sequence[Source]
    data: Mapping[str, Any]
    holders: Mapping[Path, Sequence[Source]]
    policy_files: Mapping[str, Source] = field(default_factory=dict)
    lock: Source | None = None
    source_path: Callable[[Path], Path] = lambda path: path

    def place(self, path: Path, *, of_key: bool = False) -> Place:
        """Return the place of ``path``, in the first of the files that have most of it."""
        path = self.source_path(path)
        if policy := self.in_policy_file(path):
            return policy[0].place(policy[1], of_key=of_key)[0]
        candidates = self.holders.get(path[:2]) or self.holders.get(path[:1]) or self.files[:1]
        places = [source.place(path, of_key=of_key) for source in candidates]
        return max(places, key=lambda place: place[1])[0] if places else Place(0, 1, 1, str(self.folder))

    def file(self, path: FilePath) -> Source:
        """Return a file of the inventory, or the lock, by its path. The file must exist."""
        if self.lock is not None and path == self.lock.path:
            return self.lock
        return next(source for source in self.files if source.path == path)

    def source_of(self, path: Path) -> Source:
        """Return the file that holds ``path``. The path must exist."""
        place = self.place(path)
        return self.files[place.order]

    def in_policy_file(self, path: Path) -> tuple[Source, Path] | None:
        """Return the JSON file with the document of a permission policy, and the path inside that file."""
        name = str(path[1]) if path[:1] == ("permission_policies",) and path[2:3] == ("document",) else ""
        return (self.policy_files[name], path[3:]) if name in self.policy_files else None

    def holds_guardrails(self, path: FilePath) -> bool:
        """Tell whether ``path`` is the guardrails file: links to its folder count, a link to the file does not.

        A team's own link to the guardrails file counts as another file.
        """
        named = self.guardrails_file
        return path.name == named.name and os.path.realpath(path.parent) == os.path.realpath(named.parent)
