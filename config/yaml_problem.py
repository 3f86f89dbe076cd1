"""A fault of a YAML text."""

from dataclasses import dataclass
from typing import TypeAlias

Path: TypeAlias = tuple[str | int, ...]
"""Keys and indexes from the top of a document: ``("roles", "deploy", "trust", 0)``."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A fault of the text: the rule, where (line and column from 1, path), what is wrong, what to do.

    Where it ``hides`` something, a name is not there that others may use.
    """

    rule: str
    line: int
    column: int
    path: Path
    message: str
    hint: str
    hides: bool = False
