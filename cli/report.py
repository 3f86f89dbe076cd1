"""bitbucket-oidc report: the whole plan as one self-contained HTML page."""

import os
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import click

from access.compile import Compiled
from access.selection import Narrowed, Selection
from cli.inventory import (
    FilledPath,
    compiled,
    exit_code,
    inventory_argument,
    named_guardrails,
    quiet_option,
    show_briefly,
    strict_option,
)
from cli.selection import filter_options, narrowed
from config.findings import one_line
from config.yaml.text import write_whole
from facts.git import GitRepository
from oidc.errors import BitbucketOidcError, UsageError
from review.report.page import ReportOrigin, is_report

_REPORT = "report.html"
_BEGINNING = 1_000
"""Bytes of a page that say which program made it."""

_EPOCH = "SOURCE_DATE_EPOCH"


@click.command("report")
@inventory_argument
@click.option(
    "--output",
    "-o",
    type=FilledPath("the path of the output"),
    metavar="FILE",
    help=f"File to write; - is standard output.  [default: {_REPORT}]",
)
@click.option(
    "--date",
    "made_on",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="YYYY-MM-DD",
    help=f"The day of the report, UTC; the default is the day of {_EPOCH}, else today.",
)
@filter_options()
@strict_option
@quiet_option
def command(
    inventory: Path, output: Path | None, made_on: datetime | None, selection: Selection, *, strict: bool
) -> int:
    """Write the plan as one HTML page: a matrix of who may assume which role where, and every role in full.

    The page loads nothing, and reads well on a phone, on paper and without JavaScript. The same inventory in the same
    revision gives the same page on the same day. An inventory with findings of level error gives no page. With filters
    it is a page of some roles, and says so at its top.
    """
    day = made_on.date() if made_on else _today()
    result = compiled(inventory, day)
    show_briefly(result.findings)
    if result.plan is not None:
        part = narrowed(result.plan, selection)
        if part.in_words:
            click.echo(f"note: {part.in_words}", err=True)
        _write(output, _page(part, result, _origin(inventory, day)))
    return exit_code(result.findings, strict=strict)


def _page(part: Narrowed, result: Compiled, origin: ReportOrigin) -> str:
    from review.report.page import page  # noqa: PLC0415 - Jinja, which no other command needs

    return page(part.plan, replace(origin, filtered=part.in_words), result.findings, result.silenced)


def _today() -> date:
    """Return the day of SOURCE_DATE_EPOCH (https://reproducible-builds.org/specs/source-date-epoch/), or today's."""
    text = os.environ.get(_EPOCH, "")
    if not text:
        return datetime.now(UTC).date()
    try:
        return datetime.fromtimestamp(int(text), UTC).date()
    except (ValueError, OverflowError, OSError) as error:
        what = f"{_EPOCH} is `{one_line(text[:50])}`: expected seconds since 1970"
        raise UsageError(what, do="unset it, or set the day with --date") from error


def _origin(inventory: Path, day: date) -> ReportOrigin:
    """Return the source of the report; if git knows no revision, with the reason."""
    guardrails = named_guardrails()
    # The lock and the policy files of an inventory of one file are in the same folder.
    read = inventory if inventory.is_dir() else inventory.absolute().parent
    try:
        repository = GitRepository.around(inventory)
        revision = repository.commit("HEAD")
        is_changed = repository.has_changes([read, *([guardrails] if guardrails else [])])
    except BitbucketOidcError as error:
        return ReportOrigin(str(inventory), day, without=error.what)
    return ReportOrigin(str(inventory), day, revision, is_changed)


def _write(output: Path | None, page: str) -> None:
    """Write the page; a file that the user did not name only if it is new or an earlier report."""
    if str(output) == "-":
        click.echo(page)
        return
    file = output or Path(_REPORT)
    if output is None and file.exists() and not is_report(_beginning(file)):
        what = f"{_REPORT} is not a report of this command, so it is not overwritten"
        raise UsageError(what, do=f"move it away, or give --output {_REPORT}")
    write_whole(file, f"{page}\n".encode("ascii"))
    click.echo(f"wrote {one_line(str(file))}", err=True)


def _beginning(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(_BEGINNING)
    except OSError:
        return b""
