"""Tables of the roles that a step may assume: repositories and deployment environments by accounts.

A step in an environment may assume the roles that trust the environment, and those that trust every step of its
repository or its workspace. Each row has all of them, so a single row is complete.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from access.plan import AccessPlan, RolePlan, TrustPlan
from oidc.bitbucket import Grade

MOST_CELLS = 15_000
"""The greatest number of cells of a workspace with a column for each account; above it, rows list their roles."""

ANY = "*"
"""Stands for all repositories or all deployment environments."""


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
        environment: Its name; ``*`` for every step; the empty string for steps outside of environments.
        cells: For each column the roles, sorted by key; empty if the table has no columns.
        listed: For each role its accounts; empty if the table has columns.
    """

    label: str
    environment: str
    cells: tuple[tuple[Entry, ...], ...]
    listed: tuple[tuple[Entry, tuple[str, ...]], ...]


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


def _table(workspace: str, trusted: Mapping[_Steps, Roles], renamed_to: str | None) -> WorkspaceTable:
    accounts = sorted({account for roles in trusted.values() for account in roles})
    rows = list(_rows(trusted))
    columns = _columns(accounts, [roles for _, _, _, roles in rows])
    has_columns = len(columns) * len(rows) <= MOST_CELLS
    made: dict[str, list[MatrixRow]] = {}
    for repository, label, environment, roles in rows:
        cells = tuple(_cell(roles.get(column[0], {})) for column in columns) if has_columns else ()
        listed = () if has_columns else _listed(roles)
        made.setdefault(repository, []).append(MatrixRow(label, environment, cells, listed))
    repositories = tuple(RepositoryRows(name, tuple(repository_rows)) for name, repository_rows in made.items())
    return WorkspaceTable(workspace, columns if has_columns else (), repositories, has_columns, renamed_to)


def _rows(trusted: Mapping[_Steps, Roles]) -> Iterator[tuple[str, str, str, Roles]]:
    """Yield repository, label, environment and roles of every row; wide trust is in each row that it reaches."""
    whole = next((roles for (repository, _, _), roles in trusted.items() if repository is None), {})
    if whole:
        yield ANY, "every step", ANY, whole
    for repository in sorted({repository for repository, _, _ in trusted if repository is not None}):
        every = trusted.get((repository, None, _ALL_STEPS), {})
        wide = [every, whole]
        if every:
            yield repository, "every step, deployment environments included", ANY, _joined(wide)
        if outside := trusted.get((repository, None, _OUTSIDE)):
            yield repository, "steps outside deployment environments", "", _joined([outside, *wide])
        names = sorted(name for other, name, _ in trusted if other == repository and name is not None)
        for name in names:
            own = trusted[(repository, name, None)]
            yield repository, f"deployment environment {name}", name, _joined([own, *wide])


def _joined(parts: Iterable[Roles]) -> Roles:
    """Join the roles of a row; if a role is in two parts, the later part has the wider trust and is shown."""
    joined: dict[str, dict[str, Entry]] = {}
    for part in parts:
        for account, roles in part.items():
            joined.setdefault(account, {}).update(roles)
    return joined


def _columns(accounts: Iterable[str], rows: Iterable[Roles]) -> tuple[tuple[str, ...], ...]:
    """Put accounts that have the same roles in every row into one column."""
    kept = list(rows)
    same: dict[tuple[tuple[Entry, ...], ...], list[str]] = {}
    for account in accounts:
        same.setdefault(tuple(_cell(roles.get(account, {})) for roles in kept), []).append(account)
    return tuple(tuple(group) for group in same.values())


def _cell(roles: Mapping[str, Entry]) -> tuple[Entry, ...]:
    return tuple(entry for _, entry in sorted(roles.items()))


def _listed(roles: Roles) -> tuple[tuple[Entry, tuple[str, ...]], ...]:
    accounts_of: dict[Entry, list[str]] = {}
    for account, entries in roles.items():
        for entry in entries.values():
            accounts_of.setdefault(entry, []).append(account)
    return tuple((entry, tuple(sorted(accounts))) for entry, accounts in sorted(accounts_of.items()))
