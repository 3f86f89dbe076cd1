"""One role in many accounts: what is the same everywhere is shown once, and what differs beside its accounts.

An account's own id stands in its ARNs, and its region and its key where the inventory puts them. Texts that differ by
nothing else count as the same: one of them is shown, word for word, with the account that it is of.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

from access.plan import AccountPlan, RolePlan
from access.report.own_parts import account_values, form, own_of

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
    return tuple(_shared(marked, found, value, len(holders)) for marked, found in groups.items())


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
    marked: Hashable, found: Sequence[Holder], value: Callable[[AccountPlan, RolePlan], T], of: int
) -> Shared[T]:
    account, role = found[0]
    names = tuple(account.key for account, _ in found)
    own = own_of(_texts(marked), account_values(account)) if len(found) > 1 else ()
    return Shared(value(account, role), names, len(found) == of, own)
