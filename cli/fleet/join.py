"""bitbucket-oidc fleet join: one report of the runs of several machines."""

from pathlib import Path

import click

from cli.fleet.options import report_option, write
from cli.fleet.summary import exit_code, show_summary
from cli.inventory import format_option
from fleet.joining import join, missing_shards, read_report
from fleet.report import report_text


@click.command("join")
@click.argument("reports", nargs=-1, required=True, metavar="REPORT...", type=click.Path(path_type=Path))
@report_option
@click.option(
    "--max-failures",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    metavar="N",
    help="End in exit code 0 if at most N accounts failed.",
)
@format_option("text", "json")
def command(reports: tuple[Path, ...], report: Path | None, max_failures: int, output: str) -> int:
    """Join the run reports of shards and waves, and print one summary.

    REPORT is a file that `fleet status`, `preview`, `up` or `destroy` wrote with --report. Reports with the same
    account, of another command, plan or version of the program are refused. The exit code is that of the
    command for all accounts together; it is 1 too if one of several shards has no report.
    """
    read = {str(path): read_report(path) for path in dict.fromkeys(reports)}
    joined = join(read)
    write(report, joined)
    missing = missing_shards(joined)
    if output == "json":
        click.echo(report_text(joined), nl=False)
    show_summary(joined)
    for shard in missing:
        click.echo(f"error: no report of {shard}", err=True)
    return exit_code(joined, max_failures) or int(bool(missing))
