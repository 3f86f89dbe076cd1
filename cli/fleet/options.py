"""Options of several commands of the fleet."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from cli.inventory import FilledPath
from fleet.report import RunReport, write_report

F = TypeVar("F", bound=Callable[..., Any])


def report_option(function: F) -> F:
    """Add --report, a file for the run report."""
    return click.option(
        "--report",
        type=FilledPath("the path of the report"),
        metavar="FILE",
        help="Write the run report as JSON, also if the run fails or is stopped.",
    )(function)


def write(path: Path | None, report: RunReport) -> None:
    """Write the report, if --report names a file."""
    if path is not None:
        write_report(path, report)
