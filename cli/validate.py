"""bitbucket-oidc validate: every finding in the inventory."""

from pathlib import Path

import click

from cli.inventory import (
    compiled,
    exit_code,
    findings_json,
    format_option,
    inventory_argument,
    show_findings,
    strict_option,
)


@click.command("validate")
@inventory_argument
@format_option("text", "json")
@strict_option
def command(inventory: Path, output: str, *, strict: bool) -> int:
    """Report everything that is wrong with the inventory, in file order.

    A finding is `file:line:column: level[rule-id] path: what is wrong; what to do`.
    """
    findings = compiled(inventory).findings
    if output == "json":
        click.echo(findings_json(findings))
    else:
        show_findings(findings)
        if not findings:
            click.echo("no findings", err=True)
    return exit_code(findings, strict=strict)
