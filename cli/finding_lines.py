"""Findings for people: a line for each, on a terminal with the place in the file, and a summary."""

import os
import shutil
import sys
from collections.abc import Sequence

import click

from config.allow import Silenced
from config.findings import Finding, Level, shown

_COLOURS = {Level.ERROR: "red", Level.WARNING: "yellow"}


def show_findings(findings: Sequence[Finding]) -> None:
    """Print findings on standard error: plain lines, and on a terminal in colour, each with an excerpt of its file."""
    for finding in findings:
        _show(str(finding), finding, finding.level.value, _COLOURS[finding.level])


def show_accepted(accepted: Sequence[Silenced]) -> None:
    """Print findings that the inventory accepts, with the reason that it gives."""
    for silenced in accepted:
        _show(accepted_line(silenced), silenced.finding, "accepted", "cyan")


def accepted_line(silenced: Silenced) -> str:
    """Return ``file:line:column: accepted[rule-id] path: what is wrong; because: the reason``."""
    finding = silenced.finding
    line = str(finding).replace(f": {finding.level}[{finding.rule}] ", f": accepted[{finding.rule}] ", 1)
    return f"{line.removesuffix(f'; {shown(finding.hint)}')}; because: {shown(silenced.reason)}"


def summary(findings: Sequence[Finding], accepted: Sequence[Silenced]) -> str:
    """Return ``2 errors, 1 warning in 3 files; 1 accepted``."""
    errors = sum(finding.level is Level.ERROR for finding in findings)
    counts = [counted(errors, "error"), counted(len(findings) - errors, "warning")]
    files = counted(len({finding.place.file for finding in findings}), "file")
    found = f"{', '.join(filter(None, counts))} in {files}" if findings else "no findings"
    return f"{found}; {len(accepted)} accepted" if accepted else found


def counted(number: int, what: str) -> str:
    """Return ``2 errors`` for 2 and ``error``, and the empty string for none."""
    return f"{number} {what}{'' if number == 1 else 's'}" if number else ""


def colour_wanted() -> bool:
    """Tell whether NO_COLOR (https://no-color.org) leaves colour to the terminal."""
    return not os.environ.get("NO_COLOR")


def _show(line: str, finding: Finding, word: str, colour: str) -> None:
    shown = line.replace(f"{word}[", click.style(word, fg=colour, bold=True) + "[", 1)
    # A stream that was closed before the command began is None.
    if sys.stderr is not None and sys.stderr.isatty():
        from cli.excerpt import excerpt  # noqa: PLC0415 - rich's table of widths, which only a terminal needs

        above, text, *carets = [*excerpt(finding.place, shutil.get_terminal_size().columns), "", ""]
        if text:
            marked = click.style(carets[0], fg=colour, bold=True)
            shown = "\n".join([shown, click.style(above, fg="blue"), text, marked, ""])
    click.echo(shown, err=True, color=None if colour_wanted() else False)
