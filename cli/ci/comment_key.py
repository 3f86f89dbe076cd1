"""The option --key, which tells apart what several inventories of one repository post."""

import re
from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

_KEY = re.compile(r"[A-Za-z0-9_.-]{1,50}", re.ASCII)


def key_option(what: str) -> Callable[[F], F]:
    """Add --key; ``what`` it does, for the help."""
    return click.option(
        "--key", default="access", show_default=True, metavar="NAME", callback=_checked, help=f"A name that {what}."
    )


def _checked(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    if _KEY.fullmatch(value) is None:
        raise click.BadParameter("use at most 50 letters, digits, _, . and -")
    return value
