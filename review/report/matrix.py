"""Tables of the roles that a step may assume: repositories and deployment environments by accounts.

A step in an environment may assume the roles that trust the environment, and those that trust every step of its
repository or its workspace. Each row of a table with columns has all of them. A row of a larger table has those of its
own steps, and the numbers of the others, so that the table does not grow faster than the plan.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TypeAlias

from access.plan import AccessPlan, RolePlan, TrustPlan
from oidc.bitbucket import Grade

MOST_CELLS = 15_000
"""The most cells and roles in cells of a workspace with a column for each account; above it, rows list their roles."""

ANY = "*"
"""Stands for all repositories."""


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """A role in a cell.

    Attributes:
        role: The key of the role.
        name: Its name in IAM.
        grade: The grade of the trust that puts the role into this row.
        is_admin: Whether it may have admin access.
    """

    role: str
    name: str
    grade: Grade
    is_admin: bool


Roles: TypeAlias = Mapping[str, Mapping[str, Entry]]
"""Entries by account key, then by role key."""


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """Steps of one kind.

    Attributes:
        label: For people: ``deployment environment production``.
        environment: Its name; ``None`` for every step; the empty string for steps outside of environments.
        cells: For each column the roles, sorted by key; empty if the table has no columns.
        listed: For each role of these steps alone its accounts; empty if the table has columns.
        by_repository: Roles that are not listed and trust every step of the repository, each account counted.
        by_workspace: Likewise, those that trust every step of the workspace.
    """

    label: str
    environment: str | None
    cells: tuple[tuple[Entry, ...], ...]
    listed: tuple[tuple[Entry, tuple[str, ...]], ...] = ()
    by_repository: int = 0
    by_workspace: int = 0


@dataclass(frozen=True, slots=True)
class RepositoryRows:
    """The rows of a repository; ``*`` for every repository of the workspace."""

    repository: str
    rows: tuple[MatrixRow, ...]


@dataclass(frozen=True, slots=True)
class WorkspaceTable:
    """The table of a workspace.

    Attributes:
        workspace: ``acme``.
        columns: The accounts of each column: one, or several with the same roles in every row.
        repositories: The repositories that a role trusts, the whole workspace first.
        has_columns: Whether the table has columns; without them, it would have too many cells.
        renamed_to: The workspace's slug now, if ``workspace`` is a previous slug; else ``None``.
    """

    workspace: str
    columns: tuple[tuple[str, ...], ...]
    repositories: tuple[RepositoryRows, ...]
    has_columns: bool
    renamed_to: str | None


_ALL_STEPS, _OUTSIDE = "all_including_environments", "outside_environments"
_Steps: TypeAlias = tuple[str | None, str | None, str | None]
"""Repository, environment, and which steps."""


def in_full(accounts: Sequence[str]) -> str:
    """Name accounts, numbered ones as runs without a gap: ``data, prod-01 to prod-15``."""
    runs: list[list[str]] = []
    expected = ""
    for key in sorted(accounts, key=_by_number):
        if key != expected:
            runs.append([])
        runs[-1].append(key)
        stem, end, width, number = _by_number(key)
        expected = f"{stem}{number + 1:0{width}}{end}" if width else ""
    short = (run if len(run) < _RUN else [f"{run[0]} to {run[-1]}"] for run in runs)
    return ", ".join(chain.from_iterable(short))


_RUN = 3


def _by_number(key: str) -> tuple[str, str, int, int]:
    stem, number, end = _NUMBERED.fullmatch(key).groups()  # type: ignore[union-attr]  # it matches every text
    return stem, end, len(number), int(number or 0)


_NUMBERED = re.compile(r"(.*?)([0-9]{0,18})([^0-9]*)", re.DOTALL)


def matrix(plan: AccessPlan) -> tuple[WorkspaceTable, ...]:
    """Return one table for each workspace that a role trusts, sorted."""
    by_workspace: dict[str, dict[_Steps, dict[str, dict[str, Entry]]]] = {}
    renamed: dict[str, str] = {}
    for account in plan.accounts:
        for role in account.roles:
            for line in role.trust:
                steps = (line.repository, line.environment, line.steps)
                here = by_workspace.setdefault(line.workspace, {}).setdefault(steps, {}).setdefault(account.key, {})
                here[role.key] = _entry(role, line)
                if line.renamed_to is not None:
                    renamed[line.workspace] = line.renamed_to
    return tuple(_table(workspace, roles, renamed.get(workspace)) for workspace, roles in sorted(by_workspace.items()))


def _entry(role: RolePlan, line: TrustPlan) -> Entry:
    return Entry(role.key, role.name, line.grade, role.admin_reason is not None)


@dataclass(frozen=True, slots=True)
class _Trusted:
    """The roles that the steps of a row may assume: by trust in them alone, in their repository, in their workspace.

    The number of wider roles is counted once for all rows that have them.
    """

    label: str
    environment: str | None
    alone: Roles
    by_repository: Roles
    by_workspace: Roles
    wider: tuple[int, int]

    @property
    def size(self) -> int:
        return _count(self.alone) + sum(self.wider)

    def with_columns(self, columns: Iterable[tuple[str, ...]]) -> MatrixRow:
        roles = _joined((self.alone, self.by_repository, self.by_workspace))
        return MatrixRow(self.label, self.environment, tuple(_cell(roles.get(column[0], {})) for column in columns))

    def as_list(self) -> MatrixRow:
        return MatrixRow(self.label, self.environment, (), _listed(self.alone), *self.wider)


def _table(workspace: str, trusted: Mapping[_Steps, Roles], renamed_to: str | None) -> WorkspaceTable:
    columns = _columns(trusted.values())
    shown = {column[0] for column in columns}
    of_columns = {steps: {key: roles[key] for key in roles.keys() & shown} for steps, roles in trusted.items()}
    rows = {repository: tuple(kept) for repository, kept in _rows(of_columns)}
    cells = len(columns) * sum(map(len, rows.values()))
    if cells + sum(row.size for kept in rows.values() for row in kept) <= MOST_CELLS:
        made = (RepositoryRows(name, tuple(row.with_columns(columns) for row in kept)) for name, kept in rows.items())
        return WorkspaceTable(workspace, columns, tuple(made), has_columns=True, renamed_to=renamed_to)
    made = (RepositoryRows(name, tuple(row.as_list() for row in kept)) for name, kept in _rows(trusted))
    return WorkspaceTable(workspace, (), tuple(made), has_columns=False, renamed_to=renamed_to)


def _rows(trusted: Mapping[_Steps, Roles]) -> Iterator[tuple[str, Iterator[_Trusted]]]:
    """Yield every repository with its rows, the whole workspace first."""
    by_repository: dict[str, dict[tuple[str | None, str | None], Roles]] = {}
    whole: Roles = {}
    for (repository, environment, steps), roles in trusted.items():
        if repository is None:
            whole = roles
        else:
            by_repository.setdefault(repository, {})[environment, steps] = roles
    if whole:
        yield ANY, iter([_Trusted("every step", None, whole, {}, {}, (0, 0))])
    size = _count(whole)
    for repository, of_steps in sorted(by_repository.items()):
        yield repository, _repository_rows(of_steps, whole, size)


def _repository_rows(
    trusted: Mapping[tuple[str | None, str | None], Roles], whole: Roles, size: int
) -> Iterator[_Trusted]:
    every = trusted.get((None, _ALL_STEPS), {})
    wider = _count(every), size
    if every:
        yield _Trusted("every step, deployment environments included", None, every, {}, whole, (0, size))
    if outside := trusted.get((None, _OUTSIDE)):
        yield _Trusted("steps outside deployment environments", "", outside, every, whole, wider)
    for name in sorted(name for name, _ in trusted if name is not None):
        yield _Trusted(f"deployment environment {name}", name, trusted[name, None], every, whole, wider)


def _count(roles: Roles) -> int:
    return sum(map(len, roles.values()))


def _joined(parts: Iterable[Roles]) -> Roles:
    """Join the roles of a row; if a role is in two parts, the later part has the wider trust and is shown."""
    joined: dict[str, dict[str, Entry]] = {}
    for part in parts:
        for account, roles in part.items():
            joined.setdefault(account, {}).update(roles)
    return joined


def _columns(trusted: Iterable[Roles]) -> tuple[tuple[str, ...], ...]:
    """Put accounts in which the same steps may assume the same roles into one column."""
    roles_of: dict[str, list[tuple[int, tuple[Entry, ...]]]] = {}
    for number, roles in enumerate(trusted):
        for account, entries in roles.items():
            roles_of.setdefault(account, []).append((number, _cell(entries)))
    same: dict[tuple[tuple[int, tuple[Entry, ...]], ...], list[str]] = {}
    for account, entries_of in sorted(roles_of.items()):
        same.setdefault(tuple(entries_of), []).append(account)
    return tuple(map(tuple, same.values()))


def _cell(roles: Mapping[str, Entry]) -> tuple[Entry, ...]:
    return tuple(entry for _, entry in sorted(roles.items()))


def _listed(roles: Roles) -> tuple[tuple[Entry, tuple[str, ...]], ...]:
    accounts_of: dict[Entry, list[str]] = {}
    for account, entries in roles.items():
        for entry in entries.values():
            accounts_of.setdefault(entry, []).append(account)
    return tuple((entry, tuple(sorted(accounts))) for entry, accounts in sorted(accounts_of.items()))
