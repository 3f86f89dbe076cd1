"""One role in many accounts: what is the same everywhere is shown once, and what differs beside its accounts.

An account's own id stands in its ARNs, so texts that differ by nothing else count as the same: one of them is shown,
word for word, with the account that it is of.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

from access.plan import AccountPlan, RolePlan

T = TypeVar("T")
Holder: TypeAlias = tuple[AccountPlan, RolePlan]
"""A role in one of its accounts."""

_OWN_ID = "\0"
"""In the place of an account's own id; nothing that IAM takes has this character."""


@dataclass(frozen=True, slots=True)
class Shared(Generic[T]):
    """What is the same in some accounts of a role.

    Attributes:
        value: As it is in the first of them.
        accounts: Their keys.
        is_everywhere: Whether they are all accounts of the role.
        account_id: The first account's id where the others have their own in its place, else ``None``.
    """

    value: T
    accounts: tuple[str, ...]
    is_everywhere: bool
    account_id: str | None = None


def by_account(holders: Sequence[Holder], value: Callable[[AccountPlan, RolePlan], T]) -> tuple[Shared[T], ...]:
    """Group the accounts of a role by a value that is hashable, in the order of its first appearance."""
    groups: dict[Hashable, list[Holder]] = {}
    for holder in holders:
        groups.setdefault(_form(value(*holder), holder[0].id), []).append(holder)
    return tuple(_shared(form, found, value, len(holders)) for form, found in groups.items())


def without_own_id(text: str, account_id: str) -> str:
    """Return a text with a placeholder for the account's own id: the same for accounts that differ by it alone."""
    return text.replace(account_id, _OWN_ID)


def _form(value: object, account_id: str) -> Hashable:
    if isinstance(value, str):
        return without_own_id(value, account_id)
    if isinstance(value, tuple):
        return tuple(_form(part, account_id) for part in value)
    assert isinstance(value, Hashable)  # noqa: S101 - callers ask about numbers, dates and frozen values
    return value


def _has_own_id(form: Hashable) -> bool:
    return any(map(_has_own_id, form)) if isinstance(form, tuple) else isinstance(form, str) and _OWN_ID in form


def _shared(form: Hashable, found: Sequence[Holder], value: Callable[[AccountPlan, RolePlan], T], of: int) -> Shared[T]:
    names = tuple(account.key for account, _ in found)
    shown_id = found[0][0].id if len(found) > 1 and _has_own_id(form) else None
    return Shared(value(*found[0]), names, len(found) == of, shown_id)
