"""Group texts that differ only by values of an account or a role, such as an account's id.

The form of a text has marks in place of these values. Texts with the same form differ only by the values, so the report
shows one of them word for word, and the others follow from it.
"""

import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Generic, NamedTuple, TypeAlias, TypeVar

from access.plan import AccountPlan, RolePlan

_MARK = "\0"
"""Replaces a value, before the name of the value; no inventory can have this character."""


class Piece(NamedTuple):
    """A part of a text.

    Attributes:
        text: The part itself.
        own: The name of the account's or role's value that it is: ``id``, ``region``; else ``None``.
    """

    text: str
    own: str | None


def account_values(account: AccountPlan) -> dict[str, str]:
    """Return the values of an account by name: its id, which its ARNs have, its key and its region."""
    return {"id": account.id, "key": account.key} | ({"region": account.region} if account.region else {})


def form(text: str, values: Mapping[str, str]) -> str:
    """Return a text with marks in place of values."""
    return _pattern(tuple(values.items())).sub(lambda match: f"{_MARK}{match.lastgroup}", text)


def pieces(text: str, values: Mapping[str, str]) -> tuple[Piece, ...]:
    """Split a text into its values and the pieces between them."""
    parts = re.split(_pattern(tuple(values.items())), text)
    step = len(values) + 1  # the text between values, then for each value its text or None
    names = list(values)
    made: list[Piece] = []
    for start in range(0, len(parts), step):
        made.append(Piece(parts[start], None))
        made += [Piece(text, name) for name, text in zip(names, parts[start + 1 : start + step], strict=False) if text]
    return tuple(piece for piece in made if piece.text)


def own_of(marked: str, values: Mapping[str, str]) -> tuple[str, ...]:
    """Return the values that a text has, given in its form: ``("id 111111111111", "region eu-west-1")``."""
    return tuple(f"{name} {value}" for name, value in values.items() if f"{_MARK}{name}" in marked)


@lru_cache(maxsize=1024)
def _pattern(values: tuple[tuple[str, str], ...]) -> re.Pattern[str]:
    """Match values as whole words: the key ``prod`` does not match in ``production``."""
    parts = [rf"(?<![A-Za-z0-9])(?P<{name}>{re.escape(value)})(?![A-Za-z0-9])" for name, value in values]
    return re.compile("|".join(parts))


T = TypeVar("T")
Holder: TypeAlias = tuple[AccountPlan, RolePlan]
"""A role in one of its accounts."""


@dataclass(frozen=True, slots=True)
class Shared(Generic[T]):
    """A value that some accounts of a role share.

    Attributes:
        value: The value in the first of these accounts.
        accounts: The keys of these accounts.
        is_everywhere: Whether these are all accounts of the role.
        own: The parts of the value that belong to the first account; the other accounts have theirs instead:
            ``("id 111111111111", "region eu-west-1")``.
    """

    value: T
    accounts: tuple[str, ...]
    is_everywhere: bool
    own: tuple[str, ...] = ()


def by_account(holders: Sequence[Holder], value: Callable[[AccountPlan, RolePlan], T]) -> tuple[Shared[T], ...]:
    """Group the accounts of a role by a hashable value, in the order in which the values first appear."""
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
