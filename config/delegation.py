"""Whose each file is: a delegated folder's, by the longest path that covers it, or the platform team's."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path as FilePath

from config.guardrail_values import WHOLE_FOLDER
from config.models.guardrails import FolderRule, Guardrails
from config.sources import Source, Sources


@dataclass(frozen=True, slots=True)
class Area:
    """A part of the inventory folder.

    Attributes:
        path: As the guardrails write it: ``teams/payments``.
        rule: What may be declared in it, or ``None`` where it is the platform's.
    """

    path: str
    rule: FolderRule | None


class Areas:
    """Answers whose a file is. Paths are compared part by part, with case: teams/pay is no part of teams/payments."""

    def __init__(self, guardrails: Guardrails, sources: Sources) -> None:
        self._sources = sources
        listed = {path: Area(path, rule) for path, rule in guardrails.folders.items()}
        listed |= {path: Area(path, None) for path in guardrails.platform}
        self._by_parts = {() if path == WHOLE_FOLDER else tuple(path.split("/")): area for path, area in listed.items()}

    def of_source(self, source: Source) -> Area | None:
        """Return the area of a file of the inventory, or ``None``; the guardrails file is always the platform's.

        A link that leads from one area into another is in neither: who may write its text is not who may declare.
        """
        if self._sources.holds_guardrails(source.path):
            return Area(str(source.path), None)
        area = self._of(source.path, self._sources.folder)
        if source.path.is_symlink() and self.of_real_path(source.path) != area:
            return None
        return area

    def of_real_path(self, path: FilePath) -> Area | None:
        """Return the area of a file with all links resolved, or ``None`` where none covers it."""
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
