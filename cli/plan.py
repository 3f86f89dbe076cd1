"""bitbucket-oidc plan: who may assume what, where."""

import json
from pathlib import Path

import click

from access.plan_json import plan_json
from cli.finding_lines import show_findings
from cli.inventory import compiled, exit_code, format_option, inventory_argument, strict_option


@click.command("plan")
@inventory_argument
@format_option("table", "json")
@strict_option
def command(inventory: Path, output: str, *, strict: bool) -> int:
    """Show the plan: for each account its OIDC providers and roles, and who may assume them.

    No network and no engine is needed: the plan follows from the inventory and its lock alone.
    """
    found = compiled(inventory)
    show_findings(found.findings)
    if found.plan is not None:
        if output == "json":
            click.echo(json.dumps(plan_json(found.plan), indent=2))
        else:
            from cli.plan_table import show_plan  # noqa: PLC0415 - rich takes longer to import than the rest together

            show_plan(found.plan, found.silenced)
    return exit_code(found.findings, strict=strict)
