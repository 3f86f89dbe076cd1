"""Show a comparison as text or as Markdown: the same change in many roles once, with a summary."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from rich.text import Text

from access.comparison.changes import ORDER, Comparison, Effect
from access.comparison.extent import Part
from access.comparison.groups import ChangeGroup, RoleName, groups
from config.findings import one_line
from review.terminal import paged, show_text

TITLES = {
    Effect.WIDENING: "WIDER ACCESS",
    Effect.GAIN: "access gained",
    Effect.BREAKS: "breaks until something else follows",
    Effect.LOSS: "access lost",
    Effect.NONE: "no change of access",
}
"""The heading above the changes of each effect."""

_COLOURS = {Effect.WIDENING: "bold red", Effect.GAIN: "yellow", Effect.BREAKS: "bold magenta", Effect.LOSS: "cyan"}
_ON_TERMINAL = 10


def show_comparison(comparison: Comparison) -> None:
    """Print the changes on standard output, through a pager on a terminal if they are long; no word is broken."""
    grouped = groups(comparison)
    with paged() as out:
        for effect in ORDER:
            if not (changes := comparison.of(effect)):
                continue
            out.print(Text(f"{TITLES[effect]} ({len(changes):,})", style=_COLOURS.get(effect, "bold")), soft_wrap=True)
            for group in (group for group in grouped if group.effect is effect):
                described = _described(group, _ON_TERMINAL)
                show_text(out, one_line(f"  {described.where}: {described.what}"))
                if described.names:
                    show_text(out, one_line(f"    {described.names}"))
            out.print()
        show_text(out, summary(comparison))


def summary(comparison: Comparison) -> str:
    """Return ``1 wider, 2 gained, 1 lost; 9 → 10 roles``; the first numbers count changes."""
    words = dict(zip(ORDER, ("wider", "gained", "breaking", "lost", "without effect on access"), strict=True))
    counts = [f"{len(comparison.of(effect)):,} {words[effect]}" for effect in ORDER if comparison.of(effect)]
    old, new = comparison.roles_before, comparison.roles_after
    roles = f"{'' if old == new else f'{old:,} → '}{new:,} role{'' if new == 1 else 's'}"
    lost = f"; {len(comparison.roles_lost):,} deleted or replaced" if comparison.roles_lost else ""
    return f"{', '.join(counts) or 'no change'}; {roles}{lost}"


@dataclass(frozen=True, slots=True)
class _Described:
    """A group in words: ``where``, ``what`` and further ``names``; empty names are in ``where``."""

    where: str
    what: str
    names: str


def _described(group: ChangeGroup, most: int) -> _Described:
    """Say what a group changes: ``300 roles in 30 accounts (family svc-deploy; not svc-deploy[acme/x])``.

    Without ``not`` and ``only`` these are all roles of a family, and all accounts of a role.

    Args:
        group: The group.
        most: Names in a list; further ones are counted.
    """
    parts = [*_parts("not", group.exceptions, group, most), *_parts("only", group.only, group, most)]
    where, names = _where(group), ""
    if group.cell_count == 1:
        parts = []
    elif not group.roles:
        parts = [_of_accounts(group, most)]
    elif len(group.roles) > 1:
        names = "; ".join([listed(map(_named, _unusual_first(group.roles)), most), *parts])
        parts = []
    elif group.roles[0].is_family:
        parts.insert(0, _named(group.roles[0]))
    return _Described(f"{where} ({'; '.join(parts)})" if parts else where, group.message, names)


def _where(group: ChangeGroup) -> str:
    first, number = group.changes[0], group.cell_count
    if number == 1:
        where = first.account or first.file or ""
        return f"{where} / {first.role}" if first.role else where
    if first.file is not None:
        return f"{number:,} files"
    accounts = group.accounts[0] if len(group.accounts) == 1 else f"{len(group.accounts):,} accounts"
    if not group.roles:
        return accounts
    is_one = len(group.roles) == 1 and not group.roles[0].is_family
    return f"{_named(group.roles[0]) if is_one else f'{number:,} roles'} in {accounts}"


def _of_accounts(group: ChangeGroup, most: int) -> str:
    if group.exceptions:
        return "; ".join(_parts("not", group.exceptions, group, most))
    is_all = not group.only and group.changes[0].file is None
    return "all" if is_all else listed(group.accounts, most)


def _unusual_first(roles: Sequence[RoleName]) -> list[RoleName]:
    """Put roles for a repository of another name, or in another workspace than most, first: none is only counted."""
    workspaces = Counter(repository.partition("/")[0] for role in roles for repository in role.repositories)
    usual = max(workspaces, key=workspaces.__getitem__, default="")
    return sorted(roles, key=lambda role: all(_is_usual(each, role.name, usual) for each in role.repositories))


def _is_usual(repository: str, role: str, workspace: str) -> bool:
    slug, _, name = repository.partition("/")
    word = rf"(?<![a-z0-9]){re.escape(name)}(?![a-z0-9])"
    return slug == workspace and re.search(word, role, re.IGNORECASE) is not None


def _named(role: RoleName) -> str:
    name = f"family {role.name}" if role.is_family else role.name
    return f"{name} for {' and '.join(role.repositories)}" if role.repositories else name


def _parts(word: str, parts: Sequence[Part], group: ChangeGroup, most: int) -> list[str]:
    return [f"{word} {listed((_part(part, group) for part in parts), most)}"] if parts else []


def _part(part: Part, group: ChangeGroup) -> str:
    if part.role is None or (len(group.roles) == 1 and not group.roles[0].is_family):
        return part.account or ""
    return part.role if part.account is None or len(group.accounts) == 1 else f"{part.role} in {part.account}"


def listed(names: Iterable[str], most: int) -> str:
    """Return the first names, and the number of the others: ``a, b and 3 more``."""
    shown = list(names)
    further = len(shown) - most
    return ", ".join(shown[:most]) + (f" and {further:,} more" if further > 0 else "")


_TEXT_CHARS, _NAME_CHARS = 1000, 100
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_INVISIBLE = "\u200b"
"""A space without width, so that a name is never a mention or a link."""


@dataclass(frozen=True, slots=True)
class _Brevity:
    """How much of a comparison is shown.

    Attributes:
        names: Names in one list.
        cases: Groups of one kind below a heading.
        characters: Of the place, and of the message, of one group.
        side_characters: Of the name of a side.
        kinds: Whether the kinds that are left out are named.
    """

    names: int
    cases: int
    characters: int
    side_characters: int = _NAME_CHARS
    kinds: bool = True


_BREVITIES = (
    _Brevity(100, 100_000, 20_000),
    _Brevity(30, 100_000, _TEXT_CHARS),
    _Brevity(10, 50, 400),
    _Brevity(5, 10, 300),
    _Brevity(3, 3, 200),
    _Brevity(2, 1, 100),
    _Brevity(0, 0, 0),
    _Brevity(0, 0, 0, side_characters=20, kinds=False),
)
"""From the whole to headings and counts alone: the first that fits is taken."""


def markdown(comparison: Comparison, before: str, after: str, *, max_chars: int) -> str:
    """Return the comment, of at most ``max_chars`` characters, at least 1,000.

    It has the heading and the count of each effect, and the first cases of each kind; what is left out is counted.
    """
    grouped: dict[Effect, list[ChangeGroup]] = {effect: [] for effect in ORDER}
    for group in groups(comparison):
        grouped[group.effect].append(group)
    for brevity in _BREVITIES:
        names = (text(name, brevity.side_characters) for name in (before, after))
        head = f"**Access, from {' to '.join(names)}**\n\n{text(summary(comparison))}\n"
        end = "" if brevity is _BREVITIES[0] else _SHORTENED
        if (whole := _within(chain([head], _sections(grouped, brevity), [end]), max_chars)) is not None:
            return whole
    raise ValueError(f"{max_chars} characters do not hold the headings of a comparison")


_SHORTENED = "\n**Shortened for length**: run `bitbucket-oidc diff` to see the rest.\n"


def _within(parts: Iterable[str], most: int) -> str | None:
    """Return the parts as one text, or ``None`` as soon as they exceed a length."""
    kept: list[str] = []
    for part in parts:
        most -= len(part)
        if most < 0:
            return None
        kept.append(part)
    return "".join(kept)


def _sections(grouped: Mapping[Effect, Sequence[ChangeGroup]], brevity: _Brevity) -> Iterator[str]:
    for effect, its in grouped.items():
        if its:
            yield f"\n**{TITLES[effect]}** ({sum(len(group.changes) for group in its):,})\n\n"
            yield from _cases(its, brevity)


def _cases(grouped: Sequence[ChangeGroup], brevity: _Brevity) -> Iterator[str]:
    """Yield a line for each of the first groups of every kind, and one that counts the changes of the others."""
    shown: Counter[str] = Counter()
    left_out: Counter[str] = Counter()
    for group in grouped:
        shown[group.kind] += 1
        if shown[group.kind] <= brevity.cases:
            yield _line(group, brevity)
        else:
            left_out[group.kind] += len(group.changes)
    if left_out and brevity.kinds:
        yield f"* left out for length: {', '.join(f'{number:,} {kind}' for kind, number in left_out.items())}\n"


def _line(group: ChangeGroup, brevity: _Brevity) -> str:
    described = _described(group, brevity.names)
    where, what, names = (text(part, brevity.characters) for part in (described.where, described.what, described.names))
    where = where if group.cell_count == 1 else f"**{where}**"
    return f"* {where}: {what}\n" + (f"    * {names}\n" if names else "")


def text(value: str, most: int = _TEXT_CHARS) -> str:
    """Escape a text so that Markdown shows it as it is; shorten it to ``most`` characters."""
    shown = one_line(value)
    shown = shown if len(shown) <= most else f"{shown[: most - 1]}…"
    shown = re.sub(r"[\\`*_\[\]|~#!]", r"\\\g<0>", shown)
    shown = re.sub(r"[&<>]", lambda match: _ENTITIES[match[0]], shown)
    # Code hosts make mentions, links and addresses of what follows these.
    return re.sub(r"(@|://|\bwww)", rf"\g<0>{_INVISIBLE}", shown)
