"""Standard output for people: colour and boxes on a terminal, plain text of stable width elsewhere."""

import shutil
import sys

from rich.console import Console

_PLAIN_WIDTH = 160


def console(*, stderr: bool = False) -> Console:
    """Return a console; NO_COLOR is honoured by rich."""
    stream = sys.stderr if stderr else sys.stdout
    # A stream that was closed before the command began is None.
    width = None if stream is not None and stream.isatty() else max(_PLAIN_WIDTH, shutil.get_terminal_size().columns)
    return Console(stderr=stderr, width=width, emoji=False, markup=True)
