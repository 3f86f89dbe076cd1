"""Show findings: as plain lines, and on a terminal each with its line of the file and the place marked."""

import os
import re
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import click
from rich.cells import cell_len

from config.allow import Silenced
from config.findings import Finding, Level, Place, one_line, shown
from config.yaml.text import read_text

_TAB = " " * 4
_CUT = "…"
_CLOSING = {'"': '"', "'": "'", "[": "]", "{": "}"}
_PLAIN_END = re.compile(r"\s+#|\s*:(?=\s|$)|\s*[,\]}]|\s*$")
"""The end of a value without quotes: a comment, the colon after a key, or a comma or bracket."""


@dataclass(frozen=True, slots=True)
class MarkedLine:
    """A line and its marked characters: from ``start`` up to but without ``end``, both counted from 0."""

    text: str
    start: int
    end: int


def marked_line(place: Place) -> MarkedLine | None:
    """Return the line at a place, or ``None`` if the file cannot be read or has changed and lacks the line."""
    lines = _lines(place.file)
    if not 1 <= place.line <= len(lines):
        return None
    text = lines[place.line - 1]
    start = min(place.column - 1, len(text))
    return MarkedLine(text, start, max(start + 1, _end(text, start)))


@lru_cache(maxsize=64)
def _lines(file: str) -> Sequence[str]:
    path = Path(file)
    # A link to another folder is not followed: its target is not part of the inventory and must not be shown.
    text = read_text(path, path.parent)
    return re.split("\r\n|\r|\n", text) if isinstance(text, str) else ()


def _end(text: str, start: int) -> int:
    """Return the end, on this line, of the value or key that begins at ``start``."""
    closing = _CLOSING.get(text[start : start + 1])
    if closing is not None:
        end = text.find(closing, start + 1)
        return end + 1 if end >= 0 else len(text)
    plain_end = _PLAIN_END.search(text, start)
    return plain_end.start() if plain_end else len(text)


def excerpt(place: Place, width: int) -> list[str]:
    """Return lines that show a place: a gutter with the line's number, the line, and carets below the marked part.

    Args:
        place: The place of a finding.
        width: Columns of the terminal; a longer line is cut on both sides of the place.
    """
    marked = marked_line(place)
    if marked is None:
        return []
    number = str(place.line)
    before, meant, after = _cut(marked, max(width - len(number) - len("  | "), 20))
    gutter = " " * len(number)
    carets = " " * cell_len(before) + "^" * max(1, cell_len(meant))
    return [f" {gutter} |", f" {number} | {before}{meant}{after}".rstrip(), f" {gutter} | {carets}"]


def _cut(marked: MarkedLine, width: int) -> tuple[str, str, str]:
    """Return the text before, at and after the place, in at most ``width`` columns together."""
    shown = [_shown(character) for character in marked.text]
    meant = _fitting(shown[marked.start : marked.end], width // 2)
    room = width - cell_len(meant)
    before = _fitting(shown[: marked.start], max(room // 2, room - _cells(shown[marked.end :])), from_end=True)
    return before, meant, _fitting(shown[marked.end :], room - cell_len(before))


def _fitting(shown: Sequence[str], width: int, *, from_end: bool = False) -> str:
    if _cells(shown) <= width:
        return "".join(shown)
    kept: list[str] = []
    left = width - len(_CUT)
    for piece in reversed(shown) if from_end else shown:
        left -= cell_len(piece)
        if left < 0:
            break
        kept.append(piece)
    return _CUT + "".join(reversed(kept)) if from_end else "".join(kept) + _CUT


def _cells(shown: Sequence[str]) -> int:
    return sum(map(cell_len, shown))


def _shown(character: str) -> str:
    """Return a character in a visible form: a control or invisible character as its number."""
    return _TAB if character == "\t" else one_line(character)


COLOURS = {Level.ERROR: "red", Level.WARNING: "yellow"}


def show_findings(findings: Sequence[Finding]) -> None:
    """Print findings on standard error: plain lines, or on a terminal coloured lines with excerpts of the files."""
    for finding in findings:
        _show(finding, finding.level.value, shown(finding.hint), COLOURS[finding.level])


def show_accepted(accepted: Sequence[Silenced]) -> None:
    """Print findings that the inventory accepts, with the reasons that it gives."""
    for silenced in accepted:
        _show(silenced.finding, "accepted", f"because: {shown(silenced.reason)}", "cyan")


def summary(findings: Sequence[Finding], accepted: Sequence[Silenced]) -> str:
    """Return ``2 errors, 1 warning in 3 files; 1 accepted``."""
    errors = sum(finding.level is Level.ERROR for finding in findings)
    counts = [counted(errors, "error"), counted(len(findings) - errors, "warning")]
    files = counted(len({finding.place.file for finding in findings}), "file")
    text = f"{', '.join(filter(None, counts))} in {files}" if findings else "no findings"
    return f"{text}; {len(accepted)} accepted" if accepted else text


def counted(number: int, what: str) -> str:
    """Return ``2 errors`` for 2 and ``error``, and the empty string for 0."""
    return f"{number} {what}{'' if number == 1 else 's'}" if number else ""


def colour_wanted() -> bool:
    """Tell whether NO_COLOR (https://no-color.org) is unset, so that the terminal decides about colour."""
    return not os.environ.get("NO_COLOR")


def _show(finding: Finding, word: str, ending: str, colour: str) -> None:
    line = finding.line(click.style(word, fg=colour, bold=True), ending)
    # A stream is None if it was closed before the command began.
    if sys.stderr is not None and sys.stderr.isatty():
        above, text, *carets = [*excerpt(finding.place, shutil.get_terminal_size().columns), "", ""]
        if text:
            marked = click.style(carets[0], fg=colour, bold=True)
            line = "\n".join([line, click.style(above, fg="blue"), text, marked, ""])
    click.echo(line, err=True, color=None if colour_wanted() else False)
