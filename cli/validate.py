"""bitbucket-oidc validate: all findings in the inventory."""

import os
from pathlib import Path

import click

from access.compile import Compiled
from cli.inventory import (
    compiled,
    exit_code,
    findings_json,
    format_option,
    inventory_argument,
    is_quiet,
    quiet_option,
    strict_option,
    unless_quiet,
)
from config.findings import one_line
from config.inventory_files import folder_around
from review.findings import show_accepted, show_findings, summary


@click.command("validate")
@inventory_argument
@format_option("text", "json", "sarif")
@click.option("--show-accepted", is_flag=True, help="Show warnings accepted by `allow`, with their reasons.")
@strict_option
@quiet_option
def command(inventory: Path, output: str, *, show_accepted: bool, strict: bool) -> int:
    """Report every finding in the inventory, in file order.

    A finding is `file:line:column: level[rule-id] path: what is wrong; what to do`. On a terminal, the line of the file
    is shown below it. Text goes to standard error, JSON and SARIF to standard output.
    """
    for option, is_given in (("--show-accepted", show_accepted), ("--quiet", is_quiet())):
        if is_given and output != "text":
            raise click.UsageError(f"{option} needs --format text, not {output}")
    result = compiled(inventory)
    if output == "text":
        _show(result, with_accepted=show_accepted)
        _say_what_is_not_read(inventory)
    elif output == "json":
        click.echo(findings_json(result.findings))
    else:
        from review.sarif import sarif  # noqa: PLC0415 - other formats need not wait for it

        click.echo(sarif(result.findings, result.silenced))
    return exit_code(result.findings, strict=strict)


def _say_what_is_not_read(inventory: Path) -> None:
    around = folder_around(inventory) if inventory.is_file() else None
    if around is None:
        return
    folder = os.path.relpath(around[0])
    others = "another file" if around[1] == 1 else f"{around[1]} other files"
    note = (
        f"note: only {inventory} was read; {folder} has {others} of the inventory: `bitbucket-oidc validate {folder}`"
    )
    click.echo(one_line(note), err=True)


def _show(result: Compiled, *, with_accepted: bool) -> None:
    show_findings(unless_quiet(result.findings))
    if with_accepted:
        show_accepted(result.silenced)
    click.echo(summary(result.findings, result.silenced), err=True)
