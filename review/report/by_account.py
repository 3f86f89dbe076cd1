"""Texts that differ by nothing but what is an account's or a role's own: the same, with marks in its place.

Two texts of the same form are the same text, but for the values that the marks stand for; so one of them is shown, word
for word, and the other one follows from it.
"""

import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Generic, NamedTuple, TypeAlias, TypeVar

from access.plan import AccountPlan, RolePlan

_MARK = "\0"
"""In the place of a value, with its name; no inventory can hold this character."""


class Piece(NamedTuple):
    """A part of a text.

    Attributes:
        text: As it stands there.
        own: What it is where it is one's own: ``id``, ``region``; else ``None``.
    """

    text: str
    own: str | None


def account_values(account: AccountPlan) -> dict[str, str]:
    """Return what is an account's own: its id is in its ARNs, region and key where the inventory puts them."""
    return {"id": account.id, "key": account.key} | ({"region": account.region} if account.region else {})


def form(text: str, values: Mapping[str, str]) -> str:
    """Return a text with marks in place of values."""
    return _pattern(tuple(values.items())).sub(lambda match: f"{_MARK}{match.lastgroup}", text)


def pieces(text: str, values: Mapping[str, str]) -> tuple[Piece, ...]:
    """Return a text in pieces: those between values, and the values."""
    parts = re.split(_pattern(tuple(values.items())), text)
    step = len(values) + 1  # what is between, and for each value itself or None
    names = list(values)
    made: list[Piece] = []
    for start in range(0, len(parts), step):
        made.append(Piece(parts[start], None))
        made += [Piece(text, name) for name, text in zip(names, parts[start + 1 : start + step], strict=False) if text]
    return tuple(piece for piece in made if piece.text)


def own_of(marked: str, values: Mapping[str, str]) -> tuple[str, ...]:
    """Say what of a text, given in its form, is one's own: ``("id 111111111111", "region eu-west-1")``."""
    return tuple(f"{name} {value}" for name, value in values.items() if f"{_MARK}{name}" in marked)


@lru_cache(maxsize=1024)
def _pattern(values: tuple[tuple[str, str], ...]) -> re.Pattern[str]:
    """Match values where they are words of their own: the key ``prod`` is no part of ``production``."""
    parts = [rf"(?<![A-Za-z0-9])(?P<{name}>{re.escape(value)})(?![A-Za-z0-9])" for name, value in values]
    return re.compile("|".join(parts))


T = TypeVar("T")
Holder: TypeAlias = tuple[AccountPlan, RolePlan]
"""A role in one of its accounts."""


@dataclass(frozen=True, slots=True)
class Shared(Generic[T]):
    """What is the same in some accounts of a role.

    Attributes:
        value: As it is in the first of them.
        accounts: Their keys.
        is_everywhere: Whether they are all accounts of the role.
        own: What of the value is the first account's own, so that the others have theirs in its place:
            ``("id 111111111111", "region eu-west-1")``.
    """

    value: T
    accounts: tuple[str, ...]
    is_everywhere: bool
    own: tuple[str, ...] = ()


def by_account(holders: Sequence[Holder], value: Callable[[AccountPlan, RolePlan], T]) -> tuple[Shared[T], ...]:
    """Group the accounts of a role by a value that is hashable, in the order of its first appearance."""
    groups: dict[Hashable, list[Holder]] = {}
    for holder in holders:
        groups.setdefault(_form(value(*holder), holder[0]), []).append(holder)
    return tuple(_shared(marked, group, value, len(holders)) for marked, group in groups.items())


def _form(value: object, account: AccountPlan) -> Hashable:
    if isinstance(value, str):
        return form(value, account_values(account))
    if isinstance(value, tuple):
        return tuple(_form(part, account) for part in value)
    assert isinstance(value, Hashable)  # noqa: S101 - callers ask about numbers, dates and frozen values
    return value


def _texts(marked: Hashable) -> str:
    return "".join(map(_texts, marked)) if isinstance(marked, tuple) else marked if isinstance(marked, str) else ""


def _shared(
    marked: Hashable, holders: Sequence[Holder], value: Callable[[AccountPlan, RolePlan], T], of: int
) -> Shared[T]:
    account, role = holders[0]
    names = tuple(account.key for account, _ in holders)
    own = own_of(_texts(marked), account_values(account)) if len(holders) > 1 else ()
    return Shared(value(account, role), names, len(holders) == of, own)
