"""Options of several commands of the fleet."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from access.selection import Selection
from cli.inventory import FilledPath, format_option
from cli.selection import filter_options
from config.findings import one_line
from fleet.report import RunReport, write_report
from fleet.waves import Shard, parse_shard
from oidc.errors import UsageError

F = TypeVar("F", bound=Callable[..., Any])


def fleet_argument(function: F) -> F:
    """Add the argument INVENTORY; its `rollout` names the guardrails, so that no option does."""
    return click.argument(
        "inventory", default="inventory", type=FilledPath("the path of the inventory"), metavar="[INVENTORY]"
    )(function)


def report_option(function: F) -> F:
    """Add --report, a file for the run report."""
    return click.option(
        "--report",
        type=FilledPath("the path of the report"),
        metavar="FILE",
        help="Write the run report as JSON, also if the run fails or is stopped.",
    )(function)


def refuse_unwritable(path: Path | None) -> None:
    """Refuse a file of --report whose folder does not exist: before a run, not at its end.

    Raises:
        UsageError: There is no such folder.
    """
    if path is not None and not path.absolute().parent.is_dir():
        what = f"--report: the folder {one_line(str(path.absolute().parent))} does not exist"
        raise UsageError(what, do="make it first")


def write(path: Path | None, report: RunReport) -> None:
    """Write the report, if --report names a file."""
    if path is not None:
        write_report(path, report)


@dataclass(frozen=True, slots=True)
class FleetOptions:
    """What all commands that ask accounts are given.

    Attributes:
        inventory: A folder or a file.
        selection: By --account and --owner. Whole accounts are chosen.
        waves: Names of waves; empty for all.
        shard: A part of the accounts; ``None`` for all.
        reading_role: The role that reads each account; ``None`` for the deploying role.
        broken_locks: Keys of accounts whose locks are removed first.
        report: The file of the run report, or ``None``.
        is_json: Whether the report is printed as JSON.
    """

    inventory: Path
    selection: Selection
    waves: tuple[str, ...]
    shard: Shard | None
    reading_role: str | None
    broken_locks: tuple[str, ...]
    report: Path | None
    is_json: bool


_BREAK_LOCK = click.option(
    "--break-lock",
    "broken_locks",
    metavar="KEY",
    multiple=True,
    help="First remove the locks of this account's stack: only if you know that its run is dead.",
)


def fleet_options(*filters: str, breaks_locks: bool = True) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Add what all commands that ask accounts take; the command gets ``given``, its ``FleetOptions``.

    Args:
        filters: The filters, by default --account and --owner.
        breaks_locks: Whether it takes --break-lock.
    """

    def decorate(function: Callable[..., int]) -> Callable[..., int]:
        return _with_options(function, filters or ("account", "owner"), breaks_locks=breaks_locks)

    return decorate


def _with_options(function: Callable[..., int], filters: Sequence[str], *, breaks_locks: bool) -> Callable[..., int]:
    @wraps(function)
    def command(  # noqa: PLR0917 - one parameter for each option
        inventory: Path,
        selection: Selection,
        waves: tuple[str, ...],
        shard: str | None,
        reading_role: str | None,
        report: Path | None,
        output: str,
        broken_locks: tuple[str, ...] = (),
        **options: Any,  # noqa: ANN401 - click's
    ) -> int:
        part = None if shard is None else parse_shard(shard)
        given = FleetOptions(
            inventory, selection, waves, part, reading_role, broken_locks, report, is_json=output == "json"
        )
        return function(given=given, **options)

    options = (
        fleet_argument,
        filter_options(*filters),
        click.option("--wave", "waves", metavar="NAME", multiple=True, help="Only accounts of this wave."),
        click.option(
            "--shard",
            metavar="K/N",
            help="Only part K of N of the accounts, always the same part. It does not wait for other parts: "
            "`fleet pipeline` puts the shards of a wave into one parallel group.",
        ),
        click.option("--reading-role", metavar="NAME", help="Read each account with this role."),
        *([_BREAK_LOCK] if breaks_locks else []),
        report_option,
        format_option("text", "json"),
    )
    decorated: Any = command
    for option in reversed(options):
        decorated = option(decorated)
    result: Callable[..., int] = decorated
    return result


def parallel_option(function: F) -> F:
    """Add --parallel."""
    return click.option(
        "--parallel",
        type=click.IntRange(1, 1000),
        metavar="N",
        help="Accounts that run at the same time.  [default: by the cores and the free memory of this machine]",
    )(function)


def max_failures_option(function: F) -> F:
    """Add --max-failures."""
    return click.option(
        "--max-failures",
        type=click.IntRange(0),
        metavar="N",
        help="Let waves go on after at most N failed accounts in all; after one more no account starts.  "
        "[default: the accounts of a wave all start, and no wave begins after a failure]",
    )(function)
