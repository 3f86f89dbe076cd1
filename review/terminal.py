"""A console for people: colour and boxes on a terminal, else plain text of a stable width."""

import shutil
import sys

from rich.console import Console

_PLAIN_WIDTH = 160


def console(*, stderr: bool = False) -> Console:
    """Return a console; rich itself honours NO_COLOR."""
    stream = sys.stderr if stderr else sys.stdout
    # A stream is None if it was closed before the command began.
    width = None if stream is not None and stream.isatty() else max(_PLAIN_WIDTH, shutil.get_terminal_size().columns)
    return Console(stderr=stderr, width=width, emoji=False, markup=True)
