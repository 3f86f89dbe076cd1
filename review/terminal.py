"""A console for people: colour and boxes on a terminal, else plain text of a stable width."""

import os
import shutil
import sys
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import click
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

_PLAIN_WIDTH = 160
_BESIDE_A_CELL = 3
"""Characters of a table beside each cell: its padding and its border."""
_PIECE = 30
"""Characters of a line that are readable in a narrow column."""


def console(*, stderr: bool = False) -> Console:
    """Return a console; rich itself honours NO_COLOR."""
    stream = sys.stderr if stderr else sys.stdout
    # A stream is None if it was closed before the command began.
    width = None if stream is not None and stream.isatty() else max(_PLAIN_WIDTH, shutil.get_terminal_size().columns)
    return Console(stderr=stderr, width=width, emoji=False, markup=True)


@contextmanager
def paged() -> Iterator[Console]:
    """Give a console for standard output; what is longer than the terminal goes through the pager of PAGER, or less.

    Without a terminal, and without a pager, it is printed as it is.
    """
    out = console()
    with out.capture() as captured:
        yield out
    text = captured.get()
    is_terminal = sys.stdout is not None and sys.stdout.isatty()
    if not is_terminal or text.count("\n") < out.height:
        click.echo(text, nl=False, color=True)
        return
    try:
        click.echo_via_pager(text.rstrip("\n"), color=False if os.environ.get("NO_COLOR") else None)
    except ValueError:  # PAGER has an open quotation mark
        click.echo(text, nl=False, color=True)


def show_text(out: Console, text: str) -> None:
    """Print a text without markup, wrapped between words."""
    for line in text.split("\n"):
        indent = line[: len(line) - len(line.lstrip())]
        lines = _wrapped(line.strip(), out.width, indent)
        out.print(*lines, sep="\n", markup=False, highlight=False, soft_wrap=True)


def show_rows(out: Console, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows of cells as a table, or as a list if the table is too narrow for them; no word is ever broken."""
    widths = _widths([columns, *rows], out.width)
    if widths is None:
        out.print(Text(title, "bold"), soft_wrap=True)
        for row in rows:
            out.print("\n".join(_item(columns, row, out.width)), markup=False, highlight=False, soft_wrap=True)
        return
    table = Table(title=Text(title), title_justify="left", title_style="bold", expand=False)
    for column, width in zip(columns, widths, strict=True):
        table.add_column(Text(column), width=width, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))  # Texts, not strings: rich parses strings as markup, each twice
    out.print(table)


def _widths(rows: Sequence[Sequence[str]], width: int) -> list[int] | None:
    """Return the widths of the columns of a table, or ``None`` if there is too little room.

    Each column gets room for its longest word and a piece of its longest line, and a share of what is left.
    """
    columns = [[line for cell in cells for line in cell.split("\n")] for cells in zip(*rows, strict=True)]
    longest = [max(map(cell_len, lines)) for lines in columns]
    words = [max((cell_len(word) for line in lines for word in line.split()), default=1) for lines in columns]
    least = [max(word, min(line, _PIECE)) for word, line in zip(words, longest, strict=True)]
    lacks = [line - least_width for line, least_width in zip(longest, least, strict=True)]
    room = width - _BESIDE_A_CELL * len(columns) - 1 - sum(least)
    if room < 0:
        return None
    share = min(1.0, room / max(1, sum(lacks)))
    return [least_width + int(share * lack) for least_width, lack in zip(least, lacks, strict=True)]


def _item(columns: Sequence[str], row: Sequence[str], width: int) -> Iterator[str]:
    """Yield the lines of a row in a list: the first cell, then the other cells, each after its column."""
    for number, line in enumerate(row[0].split("\n")):
        yield from _wrapped(line, width, " " * (4 if number else 2))
    for column, cell in zip(columns[1:], row[1:], strict=True):
        label = f"    {column}: " if len(columns) > len(("first", "other")) else " " * 4
        if any(cell_len(word) > width - len(label) for word in cell.split()):
            yield label.rstrip()
            label = " " * 6
        for line in cell.split("\n") if cell else ():
            yield from _wrapped(line, width, label)
            label = " " * len(label)


def _wrapped(line: str, width: int, start: str) -> Iterator[str]:
    """Yield a line after its start, wrapped between words; what follows is two columns further in."""
    further = " " * (len(start) + 2)
    wrapper = textwrap.TextWrapper(
        max(1, width),
        initial_indent=start,
        subsequent_indent=further,
        break_long_words=False,
        break_on_hyphens=False,
    )
    yield from wrapper.wrap(line) or [""]
