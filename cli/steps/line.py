"""Values that are never shown: external ids, and whatever else lets somebody in."""

import json
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from config.findings import one_line

HIDDEN = "(hidden)"

_SECRET_NAMES = frozenset({"externalid", "accesskey", "secretkey", "token", "password"})


def is_secret(name: str) -> bool:
    """Tell whether a property, or a condition on a key such as ``StringEquals sts:ExternalId``, holds a secret."""
    return name.rpartition(" ")[2].rpartition(":")[2].lower().replace("_", "") in _SECRET_NAMES


def without_secrets(value: object) -> object:
    """Return a value with its secrets hidden, at any depth, also inside of a JSON text."""
    if isinstance(value, Mapping):
        return {key: HIDDEN if is_secret(str(key)) else without_secrets(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [without_secrets(inner) for inner in value]
    structured = opened(value)
    if structured is value:
        return value
    return json.dumps(without_secrets(structured), ensure_ascii=False)


def opened(value: object) -> object:
    """Return what a JSON text of a list or an object holds; any other value as it is."""
    if not isinstance(value, str) or not value.lstrip().startswith(("{", "[")):
        return value
    try:
        found: object = json.loads(value)
    except (ValueError, RecursionError):
        return value
    return found if isinstance(found, (dict, list)) else value


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
class StepLine:
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


def deeper(lines: Iterable[StepLine], by: int = 1) -> list[StepLine]:
    """Return lines further in."""
    return [StepLine(line.text, line.depth + by, line.mark, line.title) for line in lines]
