"""Show a comparison as text, one table for each effect and a summary, or as Markdown."""

import re

from rich.markup import escape
from rich.table import Table

from access.comparison.changes import ORDER, Change, Comparison, Effect
from config.findings import one_line
from review.terminal import console

TITLES = {
    Effect.WIDENING: "WIDER ACCESS",
    Effect.GAIN: "access gained",
    Effect.BREAKS: "breaks until something else follows",
    Effect.LOSS: "access lost",
    Effect.NONE: "no change of access",
}
"""The heading above the changes of each effect."""

_COLOURS = {Effect.WIDENING: "bold red", Effect.GAIN: "yellow", Effect.BREAKS: "bold magenta", Effect.LOSS: "cyan"}


def show_comparison(comparison: Comparison) -> None:
    """Print the changes on standard output."""
    out = console()
    for effect in ORDER:
        changes = comparison.of(effect)
        if not changes:
            continue
        style = _COLOURS.get(effect, "bold")
        table = Table(title=f"{TITLES[effect]} ({len(changes)})", title_justify="left", title_style=style, expand=False)
        for column in ("account", "role", "what"):
            table.add_column(column, overflow="fold")
        for change in changes:
            table.add_row(
                *(
                    escape(one_line(text))
                    for text in (change.account or change.file or "", change.role or "", change.message)
                )
            )
        out.print(table)
    out.print(summary(comparison), highlight=False, soft_wrap=True, markup=False)


def summary(comparison: Comparison) -> str:
    """Return ``1 wider, 2 gained, 1 lost; 9 → 10 roles``; the first numbers count changes."""
    words = dict(zip(ORDER, ("wider", "gained", "breaking", "lost", "without effect on access"), strict=True))
    counts = [f"{len(comparison.of(effect))} {words[effect]}" for effect in ORDER if comparison.of(effect)]
    old, new = comparison.roles_before, comparison.roles_after
    roles = f"{'' if old == new else f'{old} → '}{new} role{'' if new == 1 else 's'}"
    lost = f"; {len(comparison.roles_lost)} deleted or replaced" if comparison.roles_lost else ""
    return f"{', '.join(counts) or 'no change'}; {roles}{lost}"


_TEXT_CHARS, _NAME_CHARS = 1000, 100
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_INVISIBLE = "\u200b"
"""A space without width, so that a name is never a mention or a link."""


def markdown(comparison: Comparison, before: str, after: str, *, max_chars: int) -> str:
    """Return the comment, of at most ``max_chars`` characters; its last line counts the changes left out."""
    head = (
        f"**Access, from {text(before, _NAME_CHARS)} to {text(after, _NAME_CHARS)}**\n\n{text(summary(comparison))}\n"
    )
    lines: list[str] = []
    for effect in ORDER:
        changes = comparison.of(effect)
        if changes:
            title = f"\n**{TITLES[effect]}** ({len(changes)})\n\n"
            lines += [f"{title if at == 0 else ''}{_line(change)}\n" for at, change in enumerate(changes)]
    return _fitting(head, lines, max_chars)


def _fitting(head: str, lines: list[str], max_chars: int) -> str:
    room = max_chars - len(head)
    if sum(map(len, lines)) <= room:
        return head + "".join(lines)
    room -= len(_left_out(len(lines)))
    kept: list[str] = []
    for line in lines:
        if len(line) > room:
            break
        room -= len(line)
        kept.append(line)
    return (head + "".join(kept) + _left_out(len(lines) - len(kept)))[:max_chars]


def _left_out(number: int) -> str:
    return f"\n**{number} more left out for length**: run the command to see them.\n"


def _line(change: Change) -> str:
    place = text(change.account or change.file or "")
    where = f"{place} / {text(change.role)}" if change.role else place
    return f"* {where}: {text(change.message)}"


def text(value: str, most: int = _TEXT_CHARS) -> str:
    """Escape a text so that Markdown shows it as it is; shorten it to ``most`` characters."""
    shown = one_line(value)
    shown = shown if len(shown) <= most else f"{shown[: most - 1]}…"
    shown = re.sub(r"[\\`*_\[\]|~#!]", r"\\\g<0>", shown)
    shown = re.sub(r"[&<>]", lambda match: _ENTITIES[match[0]], shown)
    # Code hosts make mentions, links and addresses of what follows these.
    return re.sub(r"(@|://|\bwww)", rf"\g<0>{_INVISIBLE}", shown)
