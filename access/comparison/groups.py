"""Group changes: the same change in many accounts and roles is one group, with its exceptions.

Two changes are the same if kind and effect are equal and the messages differ only by values of account and role, such
as the account's id. These values are in each change; a group's message has ``{{account_id}}`` for a value that differs.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from access.comparison.changes import Cell, Change, Comparison, Effect
from access.comparison.extent import Extent, Part, extents_of, rest
from config.models.family import family_of, repository_in


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
    extents = extents_of(comparison)
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
        if value in message and _IS_PLAIN.search(value):
            message = _word(value).sub(_variable(name), message)
    return message


_IS_PLAIN = re.compile(r"\A[^{}]+\Z")
"""A value without braces. The name of an environment may have some, and would break another variable."""


@lru_cache(maxsize=4096)
def _word(value: str) -> re.Pattern[str]:
    """Match a value as a whole word, and not in a variable: ``prod`` is not a part of ``production``."""
    return re.compile(rf"(?<![A-Za-z0-9_{{]){re.escape(value)}(?![A-Za-z0-9_}}])")


_OPENING = "{{"


def _variable(name: str) -> str:
    return f"{_OPENING}{name}}}}}"


def _cell(change: Change) -> Cell:
    return change.account or change.file or "", change.role


def _group(key: _Key, changes: Sequence[Change], extents: "Sequence[Extent]") -> ChangeGroup:
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
    exceptions, only = ((), ()) if len(cells) == 1 or first.file else rest(cells, accounts, extents)
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
