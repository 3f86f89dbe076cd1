"""A comparison for people: one table for each effect, and a summary."""

from rich.markup import escape
from rich.table import Table

from access.comparison.changes import ORDER, Comparison, Effect
from cli.terminal import console
from config.findings import one_line

TITLES = {
    Effect.WIDENING: "WIDER ACCESS",
    Effect.GAIN: "access gained",
    Effect.BREAKS: "breaks until something else follows",
    Effect.LOSS: "access lost",
    Effect.NONE: "no change of access",
}
"""What changes of each effect are headed by."""

_COLOURS = {Effect.WIDENING: "bold red", Effect.GAIN: "yellow", Effect.BREAKS: "bold magenta", Effect.LOSS: "cyan"}


def show_comparison(comparison: Comparison) -> None:
    """Print the changes on standard output."""
    out = console()
    for effect in ORDER:
        found = comparison.of(effect)
        if not found:
            continue
        style = _COLOURS.get(effect, "bold")
        table = Table(title=f"{TITLES[effect]} ({len(found)})", title_justify="left", title_style=style, expand=False)
        for column in ("account", "role", "what"):
            table.add_column(column, overflow="fold")
        for change in found:
            table.add_row(
                *(
                    escape(one_line(text))
                    for text in (change.account or change.file or "", change.role or "", change.message)
                )
            )
        out.print(table)
    out.print(summary(comparison), highlight=False, soft_wrap=True, markup=False)


def summary(comparison: Comparison) -> str:
    """Return ``1 wider, 2 gained, 1 lost; roles 10, until now 9``; counts are of changes."""
    words = dict(zip(ORDER, ("wider", "gained", "breaking", "lost", "without effect on access"), strict=True))
    counts = [f"{len(comparison.of(effect))} {words[effect]}" for effect in ORDER if comparison.of(effect)]
    roles = f"roles {comparison.roles_after}, until now {comparison.roles_before}"
    lost = f", {len(comparison.roles_lost)} of these deleted or replaced" if comparison.roles_lost else ""
    return f"{', '.join(counts) or 'no change'}; {roles}{lost}"
