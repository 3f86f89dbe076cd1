"""Group changes: the same change in many accounts and roles is one group, with its exceptions.

Two changes are the same if kind and effect are equal and the messages differ only by values of account and role, such
as the account's id. These values are in each change; a group's message has ``{{account_id}}`` for a value that differs.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from access.comparison.changes import Cell, Change, Comparison, Effect
from config.models.family import family_of, repository_in


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a group.

    Attributes:
        account: The key of an account, or ``None`` for every account of the role.
        role: The key of a role, or ``None`` for every role of the group in the account.
    """

    account: str | None
    role: str | None


@dataclass(frozen=True, slots=True)
class RoleName:
    """A family, or a role that is in no family.

    Attributes:
        name: Its key in the inventory: ``deploy``.
        is_family: Whether it is a family.
        repositories: Those that the group's message has as ``{{repository}}``, unless the key has it; sorted.
    """

    name: str
    is_family: bool
    repositories: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ChangeGroup:
    """Changes that are the same.

    Attributes:
        kind: Their kind.
        effect: Their effect.
        message: Their message; ``{{repository}}`` and other variables of the inventory stand for values that differ.
        changes: At least one, in the order of the comparison.
        roles: The families and roles, sorted; empty for changes of accounts or files.
        accounts: The keys of the accounts, or the names of the files, sorted.
        exceptions: What does not change of these families and roles, if that is less than what changes.
        only: What changes of them, if more does not change. Without exceptions and this, everything of them changes.
    """

    kind: str
    effect: Effect
    message: str
    changes: tuple[Change, ...]
    roles: tuple[RoleName, ...]
    accounts: tuple[str, ...]
    exceptions: tuple[Part, ...]
    only: tuple[Part, ...]

    @property
    def cell_count(self) -> int:
        """Number of roles; a role in two accounts counts twice. Without roles, the number of accounts or files."""
        return len({_cell(change) for change in self.changes})


_OF_ROLE = frozenset({"role", "repository", "repository_name", "environment"})
"""Values of a role; all others are those of an account or a file."""


class _Key(NamedTuple):
    """What the changes of a group have in common; a file, an account and a role are never in one group.

    ``is_literal``: the message has braces itself, as a plan in a file may, so that nothing in it is a variable.
    """

    effect: Effect
    kind: str
    of_file: bool
    of_role: bool
    is_literal: bool
    message: str


def groups(comparison: Comparison) -> tuple[ChangeGroup, ...]:
    """Return the groups of a comparison, each in the place of its first change."""
    merged: dict[_Key, list[Change]] = defaultdict(list)
    for change in comparison.changes:
        merged[_key(change, change.message)].append(change)
    # First by values of the role, then of the account: a value that is a plain word in one of them splits nothing.
    for is_of_role in (True, False):
        equal, merged = merged, defaultdict(list)
        for key, changes in equal.items():
            message = key.message if key.is_literal else _form(key.message, changes, is_of_role=is_of_role)
            merged[key._replace(message=message)] += changes
    extents = _extents(comparison)
    place = {id(change): number for number, change in enumerate(comparison.changes)}
    made = [
        _group(key, sorted(changes, key=lambda change: place[id(change)]), extents) for key, changes in merged.items()
    ]
    return tuple(sorted(made, key=lambda group: place[id(group.changes[0])]))


def _key(change: Change, message: str) -> _Key:
    return _Key(
        change.effect, change.kind, change.file is not None, change.role is not None, _OPENING in message, message
    )


def _form(message: str, changes: Sequence[Change], *, is_of_role: bool) -> str:
    """Return a message with variables in place of values, if all changes agree on it; else the message."""
    forms = {
        _marked(message, [pair for pair in change.own if (pair[0] in _OF_ROLE) is is_of_role]) for change in changes
    }
    return forms.pop() if len(forms) == 1 else message


def _marked(message: str, own: Iterable[tuple[str, str]]) -> str:
    for name, value in sorted(own, key=lambda pair: -len(pair[1])):
        if value and value in message:
            message = _word(value).sub(_variable(name), message)
    return message


@lru_cache(maxsize=4096)
def _word(value: str) -> re.Pattern[str]:
    """Match a value as a whole word, and not in a variable: ``prod`` is not a part of ``production``."""
    return re.compile(rf"(?<![A-Za-z0-9_{{]){re.escape(value)}(?![A-Za-z0-9_}}])")


_OPENING = "{{"


def _variable(name: str) -> str:
    return f"{_OPENING}{name}}}}}"


def _cell(change: Change) -> Cell:
    return change.account or change.file or "", change.role


def _group(key: _Key, changes: Sequence[Change], extents: "Sequence[_Extent]") -> ChangeGroup:
    message, cells = key.message, {_cell(change) for change in changes}
    values: dict[str, set[str]] = defaultdict(set)
    for change in changes:
        for name, value in change.own:
            values[name].add(value)
    for name, known in values.items():
        if len(known) == 1 and not key.is_literal:
            message = message.replace(_variable(name), next(iter(known)))
    first = changes[0]
    roles = _role_names(changes, has_repository=_variable("repository") in message)
    accounts = tuple(sorted({account for account, _ in cells}))
    exceptions, only = ((), ()) if len(cells) == 1 or first.file else _rest(cells, accounts, extents)
    return ChangeGroup(first.kind, first.effect, message, tuple(changes), roles, accounts, exceptions, only)


def _role_names(changes: Sequence[Change], *, has_repository: bool) -> tuple[RoleName, ...]:
    repositories: dict[tuple[str, bool], set[str]] = defaultdict(set)
    for change in changes:
        if change.role is not None:
            family = family_of(change.role)
            of_name = repositories[family, family != change.role]
            repository = dict(change.own).get("repository") if has_repository else None
            if repository is not None and repository != repository_in(change.role):
                of_name.add(repository)
    return tuple(RoleName(*name, tuple(sorted(its))) for name, its in sorted(repositories.items()))


def _family(cell: Cell) -> str | None:
    return None if cell[1] is None else family_of(cell[1])


@dataclass(frozen=True, slots=True)
class _Extent:
    """All accounts and roles of a side, so that the effort for a group grows with the group alone.

    Attributes:
        cells: All of them.
        of_family: The accounts of a family, each with the family's roles in it; of ``None`` the accounts themselves.
        of_account: The families in an account.
        accounts_of: The number of accounts of a role.
        size: The number of roles of a family, in all accounts.
    """

    cells: frozenset[Cell]
    of_family: Mapping[str | None, Mapping[str, Sequence[Cell]]]
    of_account: Mapping[str, AbstractSet[str | None]]
    accounts_of: Mapping[str | None, int]
    size: Mapping[str | None, int]

    @classmethod
    def of(cls, cells: frozenset[Cell]) -> "_Extent":
        of_family: dict[str | None, dict[str, list[Cell]]] = defaultdict(lambda: defaultdict(list))
        of_account: dict[str, set[str | None]] = defaultdict(set)
        for cell in cells:
            family = _family(cell)
            of_family[family][cell[0]].append(cell)
            of_account[cell[0]].add(family)
        accounts_of = Counter(role for _, role in cells)
        size = {family: sum(map(len, accounts.values())) for family, accounts in of_family.items()}
        return cls(cells, of_family, of_account, accounts_of, size)

    def number_in(self, account: str, families: AbstractSet[str | None]) -> int:
        """Return the number of roles of some families in an account."""
        in_account = families & self.of_account.get(account, frozenset())
        return sum(len(self.of_family[family][account]) for family in in_account)

    def whole(self, families: AbstractSet[str | None], account: str | None) -> set[Cell]:
        """Return the roles of some families, in one account or in all."""
        of_families = [self.of_family.get(family, {}) for family in families]
        chosen = [[its.get(account, ())] if account is not None else its.values() for its in of_families]
        return {cell for each in chosen for cells in each for cell in cells}


def _extents(comparison: Comparison) -> tuple[_Extent, ...]:
    before, after = comparison.cells_before, comparison.cells_after
    return _Extent.of(after), _Extent.of(before), _Extent.of(before | after)


def _rest(
    cells: AbstractSet[Cell], accounts: Sequence[str], extents: Sequence[_Extent]
) -> tuple[tuple[Part, ...], tuple[Part, ...]]:
    """Return the exceptions of a group, and what alone is in it: one of these is empty."""
    extent = next((extent for extent in extents if cells <= extent.cells), extents[-1])
    families = frozenset(map(_family, cells))
    alone = accounts[0] if len(accounts) == 1 and families != {None} else None
    if alone is None and sum(extent.size.get(family, 0) for family in families) >= 2 * len(cells):
        return (), _parts(cells, extent, families)
    others = extent.whole(families, alone) - cells
    return (_parts(others, extent, families), ()) if len(others) < len(cells) else ((), _parts(cells, extent, families))


def _parts(cells: AbstractSet[Cell], extent: _Extent, families: AbstractSet[str | None]) -> tuple[Part, ...]:
    """Describe roles: accounts with all roles of these families, then roles in all their accounts, then the others."""
    in_account: dict[str, int] = Counter(account for account, _ in cells)
    whole = {account for account, number in in_account.items() if extent.number_in(account, families) == number}
    of_role: dict[str | None, list[str]] = defaultdict(list)
    for account, role in sorted(cells, key=str):
        if account not in whole:
            of_role[role].append(account)
    parts = [Part(account, None) for account in sorted(whole)]
    for role, accounts in of_role.items():
        is_everywhere = len(accounts) == extent.accounts_of[role]
        parts += [Part(None, role)] if is_everywhere else [Part(account, role) for account in accounts]
    return tuple(parts)
