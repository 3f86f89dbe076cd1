"""The owner of each file: the delegated folder with the longest path that covers it, or else the platform team."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path as FilePath
from typing import Any

from config.findings import Fault
from config.models.guardrail_values import WHOLE_FOLDER
from config.models.guardrails import FolderRule, Guardrails
from config.rules.context import Context
from config.sources import Source, Sources
from config.yaml.document import Path

OWN_SECTIONS = {"roles": "roles", "permission_policies": "permission_policies", "workspaces": "repositories"}
"""Sections that a delegated folder may have, each with the key of its rule that lists the allowed entries."""


@dataclass(frozen=True, slots=True)
class Area:
    """A part of the inventory folder.

    Attributes:
        path: As the guardrails write it: ``teams/payments``.
        rule: The declarations allowed in it; ``None`` if it belongs to the platform team.
    """

    path: str
    rule: FolderRule | None

    @property
    def in_guardrails(self) -> Path:
        """The path of the folder in the guardrails."""
        return ("guardrails", "folders", self.path)


class Areas:
    """Finds a file's owner. Paths are compared part by part, with case: teams/pay does not cover teams/payments."""

    def __init__(self, guardrails: Guardrails, sources: Sources) -> None:
        self._sources = sources
        self._folders = guardrails.folders
        listed = {path: Area(path, rule) for path, rule in guardrails.folders.items()}
        listed |= {path: Area(path, None) for path in guardrails.platform}
        self._by_parts = {() if path == WHOLE_FOLDER else tuple(path.split("/")): area for path, area in listed.items()}

    def of_source(self, source: Source) -> Area | None:
        """Return the area of a file of the inventory, or ``None``; the guardrails file always belongs to the platform.

        A link from one area into another is in neither: the people who may write its text may not declare its entries.
        """
        if self._sources.holds_guardrails(source.path):
            return Area(str(source.path), None)
        area = self._of(source.path, self._sources.folder)
        if source.path.is_symlink() and self.of_real_path(source.path) != area:
            return None
        return area

    def of_real_path(self, path: FilePath) -> Area | None:
        """Return the area of a file with all links resolved, or ``None`` if no area covers it."""
        return self._of(FilePath(os.path.realpath(path)), FilePath(os.path.realpath(self._sources.folder)))

    def _of(self, path: FilePath, folder: FilePath) -> Area | None:
        if not path.is_relative_to(folder):
            return None
        parts = path.relative_to(folder).parts
        return next(
            (self._by_parts[parts[:end]] for end in range(len(parts), -1, -1) if parts[:end] in self._by_parts), None
        )

    def of_entries(self, section: str) -> Mapping[str, Area | None]:
        """Return the area of every role or permission policy, by its key as written."""
        areas: dict[str, Area | None] = {}
        for source in self._sources.files:
            data = source.document.data
            entries = data.get(section) if isinstance(data, dict) else None
            if isinstance(entries, dict):
                areas |= dict.fromkeys(entries, self.of_source(source))
        return areas

    def missed(self, context: Context) -> Mapping[tuple[str, str], list[str]]:
        """Return the patterns of folders that match none of several names there: by path and key, with these names.

        One finding about such a pattern replaces one for each name.
        """
        names: dict[tuple[str, str], list[str]] = {}
        for source in self._sources.files:
            area = self.of_source(source)
            for key, name in _declared_names(source.document.data) if area is not None else ():
                names.setdefault((area.path if area else "", key), []).append(name)
        role_areas = self.of_entries("roles")
        for role_key, role in context.inventory.roles.items():
            area = role_areas.get(str(context.sources.source_path(("roles", role_key))[1]))
            trusted = (entry.repository for entry in role.trust if entry.repository is not None)
            names.setdefault((area.path if area else "", "repositories"), []).extend(trusted)
        patterns = {
            (path, key): getattr(rule, key) for path, rule in self._folders.items() for key in OWN_SECTIONS.values()
        }
        return {
            at: names[at]
            for at, globs in patterns.items()
            if globs and len(names.get(at, ())) > 1 and not any(path_matches(name, globs) for name in names[at])
        }


def pattern_key(fault: Fault) -> str:
    """Return the key of a folder's rule whose patterns a name does not match; empty for another fault."""
    if fault.rule == "delegation-name":
        return str(fault.path[0])
    return "repositories" if fault.rule == "delegation-repository" else ""


def _declared_names(data: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - raw data
    """Yield the name of each entry of a file, with the key of a folder's rule that has patterns for it."""
    for section, entries in items_of(data):
        for name, entry in items_of(entries):
            if section in ("roles", "permission_policies"):
                yield section, name
            elif section == "workspaces":
                repositories = entry.get("repositories") if isinstance(entry, Mapping) else None
                yield from (("repositories", f"{name}/{repository}") for repository, _ in items_of(repositories))


def items_of(data: Any) -> list[tuple[str, Any]]:  # noqa: ANN401 - raw data
    """Return the entries of a mapping; none for anything else."""
    return list(data.items()) if isinstance(data, Mapping) else []


def path_matches(name: str, patterns: tuple[str, ...]) -> bool:
    """Tell whether one of the patterns, with ``*`` and ``?``, matches; case counts."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)
