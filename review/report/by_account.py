"""Group texts that differ only by values of an account or a role, such as an account's id.

The form of a text has marks in place of these values. Texts with the same form differ only by the values, so the report
shows one of them word for word, and the others follow from it.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
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
    return "".join(f"{_MARK}{piece.own}" if piece.own else piece.text for piece in pieces(text, values))


def pieces(text: str, values: Mapping[str, str]) -> tuple[Piece, ...]:
    """Split a text into its values and the pieces between them."""
    made: list[Piece] = []
    end = 0
    for start, _, name in sorted(_places(text, values)):
        if start >= end:
            made += [Piece(text[end:start], None), Piece(values[name], name)]
            end = start + len(values[name])
    made.append(Piece(text[end:], None))
    return tuple(piece for piece in made if piece.text)


def own_of(marked: str, values: Mapping[str, str]) -> tuple[str, ...]:
    """Return the values that a text has, given in its form: ``("id 111111111111", "region eu-west-1")``."""
    return tuple(f"{name} {value}" for name, value in values.items() if f"{_MARK}{name}" in marked)


def _places(text: str, values: Mapping[str, str]) -> Iterator[tuple[int, int, str]]:
    """Yield where values are whole words, with the value's rank: the key ``prod`` is not in ``production``.

    A large plan asks for the values of each role, so nothing is compiled for them.
    """
    for rank, (name, value) in enumerate(values.items()):
        start = text.find(value)
        while start >= 0:
            if not _is_word(text[start - 1 : start]) and not _is_word(
                text[start + len(value) : start + len(value) + 1]
            ):
                yield start, rank, name
            start = text.find(value, start + 1)


def _is_word(character: str) -> bool:
    return character.isascii() and character.isalnum()


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
