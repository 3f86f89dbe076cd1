"""A line of text before it is printed: how deep it stands, what it marks, what it says."""

import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from config.findings import one_line

LONGEST = 1000
"""Characters of one value that are shown; the longest description that IAM takes has as many."""

_STEP = 2


class Mark(StrEnum):
    """What stands in front of a line."""

    NONE = ""
    COMES = "+"
    GOES = "-"
    CHANGES = "~"
    REPLACED = "±"


@dataclass(frozen=True, slots=True)
class Line:
    """One line.

    Attributes:
        text: Without its indentation and mark.
        depth: How deep it stands, from 0.
        mark: What it marks; also decides its colour on a terminal.
        title: Whether it begins a new group.
    """

    text: str
    depth: int = 0
    mark: Mark = Mark.NONE
    title: bool = False

    def folded(self, width: int | None) -> str:
        """Return the line with indentation and mark, folded at ``width``; ``None``: as long as it is.

        Control characters are shown and never sent.
        """
        head = " " * (self.depth * _STEP) + (f"{self.mark} " if self.mark else "")
        text = one_line(self.text)
        if width is None or len(head) + len(text) <= width:
            return head + text
        inner = max(width, len(head) + 20)
        return "\n".join(
            textwrap.wrap(
                text, inner, initial_indent=head, subsequent_indent=" " * (len(head) + _STEP), break_on_hyphens=False
            )
        )


def cut(value: str) -> str:
    """Cut a value that is longer than any of AWS that a person would read, and say so."""
    return value if len(value) <= LONGEST else f"{value[:LONGEST]}… ({len(value) - LONGEST} characters more)"


def deeper(lines: Iterable[Line], by: int = 1) -> list[Line]:
    """Return lines further in."""
    return [Line(line.text, line.depth + by, line.mark, line.title) for line in lines]
