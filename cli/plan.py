"""bitbucket-oidc plan: who may assume which role in which account."""

import json
from pathlib import Path

import click

from access.compile import compile_plan
from access.plan_json import plan_json
from access.selection import Selection
from cli.inventory import (
    exit_code,
    format_option,
    inventory_argument,
    loaded,
    named_guardrails,
    project_option,
    quiet_option,
    show_briefly,
    strict_option,
)
from cli.plan_digests import ShownDigests, words_on_refused
from cli.selection import filter_options, narrowed
from config.findings import one_line
from oidc.errors import UsageError


@click.command("plan")
@inventory_argument
@format_option("table", "json", "digests")
@project_option
@filter_options()
@click.option("--all", "every", is_flag=True, help="Show every role of a large plan, not its summary by account.")
@strict_option
@quiet_option
def command(inventory: Path, output: str, project: Path, selection: Selection, *, every: bool, strict: bool) -> int:
    """Show the plan: for each account its OIDC providers and roles, and who may assume them.

    It needs no network and no engine, only the inventory and its lock. The table ends with the digests of the plan, of
    each account, and of each stack of the project that uses this inventory; `--format digests` prints them as JSON. The
    stack config reviewedPlan and `ci guard --reviewed` take the digest of a stack.

    Filters narrow what is shown; digests and exit codes are always those of the whole plan.
    """
    if output == "digests" and not selection.is_everything:
        raise UsageError(f"--format digests is always of the whole plan, not of {selection}", do="remove the filters")
    read = loaded(inventory)
    result = compile_plan(read)
    show_briefly(result.findings)
    if result.plan is not None:
        part = narrowed(result.plan, selection)
        if output == "json":
            filtered = {} if selection.is_everything else {"filtered": part.to_json()}
            click.echo(json.dumps(filtered | plan_json(part.plan), indent=2))
            return exit_code(result.findings, strict=strict)
        digests = ShownDigests.of(result.plan, inventory, named_guardrails(), project, read.inventory.rollout)
        if digests.refused:
            click.echo(f"note: {one_line(words_on_refused(digests.refused))}", err=True)
        if output == "digests":
            click.echo(json.dumps(digests.to_json(), indent=2))
        else:
            from cli.plan_table import show_plan  # noqa: PLC0415 - rich takes longer to import than the rest together

            show_plan(part, digests, inventory, result.silenced, every=every)
    return exit_code(result.findings, strict=strict)
