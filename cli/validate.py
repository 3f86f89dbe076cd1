"""bitbucket-oidc validate: every finding in the inventory."""

from pathlib import Path

import click

from access.compile import Compiled
from cli.inventory import compiled, exit_code, findings_json, format_option, inventory_argument, strict_option
from review.findings import show_accepted, show_findings, summary


@click.command("validate")
@inventory_argument
@format_option("text", "json", "sarif")
@click.option("--show-accepted", is_flag=True, help="Show warnings accepted by `allow`, with their reasons.")
@strict_option
def command(inventory: Path, output: str, *, show_accepted: bool, strict: bool) -> int:
    """Report everything that is wrong with the inventory, in file order.

    A finding is `file:line:column: level[rule-id] path: what is wrong; what to do`. On a terminal the line of the file
    stands below it. Text goes to standard error, JSON and SARIF to standard output.
    """
    if show_accepted and output != "text":
        raise click.UsageError(f"--show-accepted is for --format text, not {output}")
    found = compiled(inventory)
    if output == "text":
        _show(found, with_accepted=show_accepted)
    elif output == "json":
        click.echo(findings_json(found.findings))
    else:
        from review.sarif import sarif  # noqa: PLC0415 - reads files again for the ends of regions, by rich's table of widths

        click.echo(sarif(found.findings, found.silenced))
    return exit_code(found.findings, strict=strict)


def _show(found: Compiled, *, with_accepted: bool) -> None:
    show_findings(found.findings)
    if with_accepted:
        show_accepted(found.silenced)
    click.echo(summary(found.findings, found.silenced), err=True)
