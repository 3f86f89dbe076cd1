"""bitbucket-oidc diff: how a change affects access."""

import json
from pathlib import Path

import click

from access.comparison.changes import comparison_json
from access.update_preview import is_mass_loss, too_many_roles
from cli.diff_sides import Side, compared, not_in_git, sides
from cli.inventory import format_option, guardrails_option, max_loss_option, named_guardrails
from config.findings import one_line
from review.findings import show_findings

_COMMENT_CHARS = 30_000
_OF_PLANS = "a plan in a file holds neither the way into accounts nor the stack files: these are not compared"


@click.command("diff")
@click.argument("before", metavar="BEFORE")
@click.argument("after", required=False, metavar="[AFTER]")
@click.option(
    "--inventory",
    type=click.Path(path_type=Path),
    help="The inventory to read in a revision, and AFTER if left out.  [default: inventory]",
)
@guardrails_option
@format_option("text", "markdown", "json")
@click.option(
    "--max-chars",
    type=click.IntRange(1000),
    default=_COMMENT_CHARS,
    show_default=True,
    help="Greatest length of the Markdown.",
)
@max_loss_option
@click.option("--exit-code", is_flag=True, help="End in exit code 1 if access changes.")
def command(
    before: str,
    after: str | None,
    inventory: Path | None,
    output: str,
    *,
    max_chars: int,
    max_loss: float,
    exit_code: bool,
) -> int:
    """Compare the access of two sides: who gains it, who loses it, what breaks.

    BEFORE and AFTER are inventories, plans (.json, written by `plan --format json`) or git revisions. AFTER defaults to
    the inventory in the working tree. `A..B` compares two revisions, `A...B` shows what B changes since it branched
    from A. An existing path wins over a revision of that name; `git:NAME` is always a revision.
    """
    old, new = sides(before, after, inventory, named_guardrails())
    comparison = compared(old, new)
    if comparison is None:
        for side in (old, new):
            _show_errors(side)
        return 1
    for side in (old, new):
        if side.is_absent:
            click.echo(f"note: {one_line(side.name)} has no inventory", err=True)
        for path in side.untracked:
            click.echo(f"note: {not_in_git(path)}", err=True)
    if any(side.stack_files is None for side in (old, new)):
        click.echo(f"note: {_OF_PLANS}", err=True)
    if output == "json":
        click.echo(json.dumps(comparison_json(comparison), indent=2))
    elif output == "markdown":
        from review.diff import markdown  # noqa: PLC0415 - rich, by the titles it shares with the tables

        click.echo(markdown(comparison, old.name, new.name, max_chars=max_chars), nl=False)
    else:
        from review.diff import show_comparison  # noqa: PLC0415 - rich takes longer to import than the rest together

        show_comparison(comparison)
    lost = len(comparison.roles_lost)
    if is_mass_loss(lost, comparison.roles_before, max_loss):
        click.echo(f"error: {too_many_roles(lost, comparison.roles_before, max_loss)}", err=True)
        return 1
    return 1 if exit_code and comparison.changes_access else 0


def _show_errors(side: Side) -> None:
    if side.errors:
        click.echo(f"error: {one_line(side.name)} cannot be compared: it has findings of level error:", err=True)
        show_findings(side.errors)
