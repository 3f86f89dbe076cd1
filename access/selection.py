"""Narrow a plan to the accounts and roles that somebody asks for."""

import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from fnmatch import fnmatchcase
from typing import Any, Protocol

from access.plan import AccessPlan
from access.trust_in_words import TrustLine
from config.findings import did_you_mean, one_line
from config.models.family import family_of
from config.models.trust import Steps
from oidc.errors import UsageError

_SHOWN = 5
_OPTIONS = {
    "accounts": "--account",
    "roles": "--role",
    "repositories": "--repository",
    "environments": "--environment",
    "owners": "--owner",
}


class SelectableRole(Protocol):
    """A role, from a compiled plan or from a file."""

    @property
    def key(self) -> str:
        """``deploy``, or ``deploy[acme/shop]``."""

    @property
    def name(self) -> str:
        """Its name in IAM."""

    @property
    def owner(self) -> str | None:
        """Free text, or ``None``."""

    @property
    def trust(self) -> Sequence[TrustLine]:
        """Its lines of trust."""


class SelectableAccount(Protocol):
    """An account, from a compiled plan or from a file."""

    @property
    def key(self) -> str:
        """``prod``."""

    @property
    def id(self) -> str:
        """Twelve digits."""

    @property
    def roles(self) -> Sequence[SelectableRole]:
        """Its roles."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The roles to show: those that match an entry of every list that has entries.

    An entry is a name, or a glob with ``*`` and ``?``. A role has to match repository and environment by the same line
    of trust.

    Attributes:
        accounts: Keys or ids: ``prod-*``, ``222222222222``.
        roles: Keys, families or names in IAM: ``deploy``, ``deploy[acme/*]``. Brackets are plain characters here.
        repositories: ``acme/shop``, ``acme/*``. Trust of a whole workspace matches each repository of it.
        environments: Names. Trust of every step, deployment environments included, matches each name.
        owners: Owners of roles.
    """

    accounts: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    repositories: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the options as on a command line: ``--account prod --account 'test-*'``."""
        return one_line(" ".join(f"{option} {shlex.quote(pattern)}" for option, pattern in self._options()))

    def _options(self) -> Iterator[tuple[str, str]]:
        for name, option in _OPTIONS.items():
            patterns: tuple[str, ...] = getattr(self, name)
            yield from ((option, pattern) for pattern in patterns)

    @property
    def is_everything(self) -> bool:
        """Tell whether no list has an entry."""
        return not any(getattr(self, field.name) for field in fields(self))

    def has_account(self, account: SelectableAccount) -> bool:
        """Tell whether an account matches."""
        return not self.accounts or any(_is(name, self.accounts) for name in (account.key, account.id))

    def has_role(self, role: SelectableRole) -> bool:
        """Tell whether a role matches, whatever its account is."""
        return (
            (not self.roles or any(_is(name, map(_plain_brackets, self.roles)) for name in _names(role)))
            and (not self.owners or (role.owner is not None and _is(role.owner, self.owners)))
            and (not (self.repositories or self.environments) or any(map(self._admits, role.trust)))
        )

    def _admits(self, line: TrustLine) -> bool:
        return (not self.repositories or any(_trusts(line, pattern) for pattern in self.repositories)) and (
            not self.environments
            or line.steps == Steps.ALL_INCLUDING_ENVIRONMENTS
            or (line.environment is not None and _is(line.environment, self.environments))
        )

    def keeps(self, account: SelectableAccount) -> bool:
        """Tell whether something of an account is kept: a role, or the account if only accounts are selected."""
        only_accounts = replace(self, accounts=()).is_everything
        return self.has_account(account) and (only_accounts or any(map(self.has_role, account.roles)))

    def check(self, accounts: Sequence[SelectableAccount]) -> tuple[str, ...]:
        """Return notes on names that are matched only by wider trust.

        Args:
            accounts: All of the plan, or of both sides of a comparison.

        Raises:
            UsageError: An entry matches nothing, or all entries together match nothing.
        """
        notes = [note for option, pattern in self._options() for note in _check(option, pattern, accounts)]
        if not self.is_everything and not any(map(self.keeps, accounts)):
            raise UsageError(f"no role matches {self} together", do="remove one of these filters")
        return tuple(notes)


@dataclass(frozen=True, slots=True)
class Narrowed:
    """A part of a plan.

    Attributes:
        plan: The accounts and roles that the selection keeps. A kept account keeps its OIDC providers.
        whole: The plan that it is a part of: digests and exit codes are those of the whole.
        selection: What was asked for.
        notes: On names that are matched only by wider trust.
    """

    plan: AccessPlan
    whole: AccessPlan
    selection: Selection
    notes: tuple[str, ...] = ()

    @property
    def in_words(self) -> str:
        """``filtered by --account prod: 3 of 1,035 roles in 1 of 30 accounts``; empty if everything is kept."""
        if self.selection.is_everything:
            return ""
        roles = f"{self.plan.role_count:,} of {self.whole.role_count:,} roles"
        accounts = f"{len(self.plan.accounts):,} of {len(self.whole.accounts):,} accounts"
        return f"filtered by {self.selection}: {roles} in {accounts}"

    def to_json(self) -> dict[str, Any]:
        """Return what JSON output says about the filter. The keys are public."""
        return {
            "by": str(self.selection),
            "roles": self.plan.role_count,
            "of_roles": self.whole.role_count,
            "accounts": len(self.plan.accounts),
            "of_accounts": len(self.whole.accounts),
        }


def narrow(plan: AccessPlan, selection: Selection) -> Narrowed:
    """Return the part of a plan that a selection keeps.

    Raises:
        UsageError: An entry matches nothing, or all entries together match nothing.
    """
    notes = selection.check(plan.accounts)
    if selection.is_everything:
        return Narrowed(plan, plan, selection, notes)
    accounts = [
        replace(account, roles=tuple(filter(selection.has_role, account.roles)))
        for account in plan.accounts
        if selection.keeps(account)
    ]
    return Narrowed(AccessPlan(tuple(accounts)), plan, selection, notes)


def _is(name: str, patterns: Iterable[str]) -> bool:
    return any(name == pattern or fnmatchcase(name, pattern) for pattern in patterns)


def _plain_brackets(pattern: str) -> str:
    return pattern.replace("[", "[[]")


def _names(role: SelectableRole) -> tuple[str, ...]:
    return role.key, family_of(role.key), role.name


def _trusts(line: TrustLine, pattern: str) -> bool:
    workspace, _, repository = pattern.partition("/")
    return (
        bool(repository)
        and _is(line.workspace, (workspace,))
        and (line.repository is None or _is(line.repository, (repository,)))
    )


def _check(option: str, pattern: str, accounts: Sequence[SelectableAccount]) -> Iterator[str]:
    """Yield a note if only wider trust matches an entry; raise if nothing does."""
    alone = Selection(**{name: (pattern,) for name, its in _OPTIONS.items() if its == option})
    roles = [role for account in accounts for role in account.roles]
    lines = [line for role in roles for line in role.trust]
    is_named = True
    match option:
        case "--account":
            names, matches = {account.key for account in accounts}, any(map(alone.has_account, accounts))
        case "--repository":
            named = [line for line in lines if line.repository is not None]
            names, matches = {f"{line.workspace}/{line.repository}" for line in named}, any(map(alone.has_role, roles))
            is_named = any(_trusts(line, pattern) for line in named)
        case "--environment":
            names, matches = {line.environment for line in lines if line.environment}, any(map(alone.has_role, roles))
            is_named = any(_is(name, (pattern,)) for name in names)
        case "--owner":
            names, matches = {role.owner for role in roles if role.owner}, any(map(alone.has_role, roles))
        case _:
            names, matches = {name for role in roles for name in _names(role)}, any(map(alone.has_role, roles))
    if matches and is_named:
        return
    what, hint = f"{option}: `{one_line(pattern)[:200]}`", _hint(option, pattern, sorted(names))
    if not matches:
        raise UsageError(f"{what} matches nothing in the plan", do=hint)
    wider = "every repository of the workspace" if option == "--repository" else "every step"
    yield f"{what} is named in no trust; these roles trust {wider}; {hint}"


def _hint(option: str, pattern: str, names: Sequence[str]) -> str:
    if option == "--repository" and "/" not in pattern:
        whole = [name for name in names if name.endswith(f"/{pattern}")]
        return f"did you mean `{whole[0]}`?" if whole else "write WORKSPACE/REPOSITORY, such as acme/shop or acme/*"
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return did_you_mean(pattern, names, f"the plan has {one_line(', '.join(names[:_SHOWN])) or 'none'}{more}")
