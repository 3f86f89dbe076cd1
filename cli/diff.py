"""bitbucket-oidc diff: how a change affects access."""

import json
from collections.abc import Sequence
from pathlib import Path

import click

from access.comparison.changes import comparison_json
from access.comparison.narrow import NarrowedComparison, narrow_comparison
from access.selection import Selection
from access.update_preview import is_mass_loss, too_many_roles
from cli.diff_sides import Side, compared, not_in_git, sides
from cli.inventory import format_option, guardrails_option, max_loss_option, named_guardrails
from cli.selection import filter_options
from config.findings import one_line
from oidc.errors import UsageError
from review.findings import show_findings

_COMMENT_CHARS, _LEAST_CHARS = 30_000, 1_000
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
    type=click.IntRange(_LEAST_CHARS),
    default=_COMMENT_CHARS,
    show_default=True,
    help="Greatest length of the Markdown.",
)
@max_loss_option
@filter_options()
@click.option("--exit-code", is_flag=True, help="End in exit code 1 if access changes.")
def command(
    before: str,
    after: str | None,
    inventory: Path | None,
    output: str,
    selection: Selection,
    *,
    max_chars: int,
    max_loss: float,
    exit_code: bool,
) -> int:
    """Compare the access of two sides: who gains it, who loses it, what breaks.

    BEFORE and AFTER are inventories, plans (.json, written by `plan --format json`) or git revisions. AFTER defaults to
    the inventory in the working tree. `A..B` compares two revisions, `A...B` shows what B changes since it branched
    from A. An existing path wins over a revision of that name; `git:NAME` is always a revision.

    Filters keep a role if either side matches; exit codes are always those of the whole comparison.
    """
    old, new = sides(before, after, inventory, named_guardrails())
    comparison = compared(old, new)
    if comparison is None or old.plan is None or new.plan is None:
        for side in (old, new):
            _show_errors(side)
        return 1
    part = narrow_comparison(comparison, old.plan, new.plan, selection)
    _show_notes(old, new, part.notes)
    _show(part, (old.name, new.name), output, max_chars)
    lost = len(comparison.roles_lost)
    if is_mass_loss(lost, comparison.roles_before, max_loss):
        click.echo(f"error: {too_many_roles(lost, comparison.roles_before, max_loss)}", err=True)
        return 1
    return 1 if exit_code and comparison.changes_access else 0


def _show_notes(old: Side, new: Side, notes: Sequence[str]) -> None:
    for side in (old, new):
        if side.is_absent:
            click.echo(f"note: {one_line(side.name)} has no inventory", err=True)
        for path in side.untracked:
            click.echo(f"note: {not_in_git(path)}", err=True)
    if any(side.stack_files is None for side in (old, new)):
        click.echo(f"note: {_OF_PLANS}", err=True)
    for note in notes:
        click.echo(f"note: {note}", err=True)


def _show(part: NarrowedComparison, names: tuple[str, str], output: str, max_chars: int) -> None:
    if output == "json":
        filtered = {"filtered": part.to_json()} if part.in_words else {}
        click.echo(json.dumps(filtered | comparison_json(part.comparison), indent=2))
        return
    from review.diff import markdown, show_comparison, text  # noqa: PLC0415 - rich takes a while to import

    if output == "markdown":
        head = f"{text(part.in_words)}\n\n" if part.in_words else ""
        if max_chars - len(head) < _LEAST_CHARS:
            raise UsageError("--max-chars leaves no room beside the filters", do=f"give {_LEAST_CHARS + len(head)}")
        click.echo(head + markdown(part.comparison, *names, max_chars=max_chars - len(head)), nl=False)
    else:
        if part.in_words:
            click.echo(f"{part.in_words}\n")
        show_comparison(part.comparison)


def _show_errors(side: Side) -> None:
    if side.errors:
        click.echo(f"error: {one_line(side.name)} cannot be compared: it has findings of level error:", err=True)
        show_findings(side.errors)
