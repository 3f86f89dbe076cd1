"""A comparison as Markdown, for the comment of a pull request.

Lists and bold text alone: Bitbucket's comments show HTML as text, so nothing can be folded
(https://confluence.atlassian.com/bitbucketserver/markdown-syntax-guide-776639995.html), and its tables differ between
versions. What changes nothing for access comes last, and goes first where room is short.
"""

import re

from access.comparison.changes import ORDER, Change, Comparison
from cli.diff_text import TITLES, summary
from config.findings import one_line

_TEXT_CHARS, _NAME_CHARS = 1000, 100
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_INVISIBLE = "\u200b"
"""A space without width: keeps a name from being a mention or a link."""


def markdown(comparison: Comparison, before: str, after: str, *, max_chars: int) -> str:
    """Return the comment, of at most ``max_chars`` characters; what did not fit is counted in its last line."""
    head = (
        f"**Access, from {text(before, _NAME_CHARS)} to {text(after, _NAME_CHARS)}**\n\n{text(summary(comparison))}\n"
    )
    lines: list[str] = []
    for effect in ORDER:
        found = comparison.of(effect)
        if found:
            title = f"\n**{TITLES[effect]}** ({len(found)})\n\n"
            lines += [f"{title if at == 0 else ''}{_line(change)}\n" for at, change in enumerate(found)]
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
    return f"\n**{number} more left out here for their length**: run the command yourself to see them.\n"


def _line(change: Change) -> str:
    place = text(change.account or change.file or "")
    where = f"{place} / {text(change.role)}" if change.role else place
    return f"* {where}: {text(change.message)}"


def text(written: str, most: int = _TEXT_CHARS) -> str:
    """Write a text so that Markdown shows it and does nothing else with it."""
    shown = one_line(written)
    shown = shown if len(shown) <= most else f"{shown[: most - 1]}…"
    shown = re.sub(r"[\\`*_\[\]|~#!]", r"\\\g<0>", shown)
    shown = re.sub(r"[&<>]", lambda found: _ENTITIES[found[0]], shown)
    # After these, code hosts see a mention, a link, or an address.
    return re.sub(r"(@|://|\bwww)", rf"\g<0>{_INVISIBLE}", shown)
