"""The names of an inventory to look up in Bitbucket, with their UUIDs in the inventory and the lock."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from config.lock.models import Lock, LockedAccount, LockedRepository, LockedWorkspace
from config.models.account import Account
from config.models.inventory import Inventory
from config.models.workspace import Repository, Workspace


def with_locked_uuids(inventory: Inventory, lock: Lock) -> Inventory:
    """Return the inventory, with omitted UUIDs taken from the lock.

    If both have a UUID and they differ, the lock describes something else: a finding (``lock-mismatch``).
    """
    workspaces = {slug: _from_lock(known, lock.workspaces.get(slug)) for slug, known in inventory.workspaces.items()}
    return inventory.model_copy(update={"workspaces": workspaces})


def _from_lock(known: Workspace, locked: LockedWorkspace | None) -> Workspace:
    if locked is None:
        return known
    repositories = {
        slug: _filled_repository(repository, locked.repositories.get(slug))
        for slug, repository in known.repositories.items()
    }
    return known.model_copy(update={"uuid": known.uuid or locked.uuid, "repositories": repositories})


def _filled_repository(known: Repository, locked: LockedRepository | None) -> Repository:
    if locked is None:
        return known
    environments = {
        name: environment.model_copy(update={"uuid": environment.uuid or _environment(name, locked)})
        for name, environment in known.environments.items()
    }
    return known.model_copy(update={"uuid": known.uuid or locked.uuid, "environments": environments})


def _environment(name: str, locked: LockedRepository) -> str | None:
    environment = locked.environments.get(name)
    return environment.uuid if environment is not None else None


def with_locked_quotas(inventory: Inventory, lock: Lock) -> Inventory:
    """Return the inventory, with omitted quotas taken from AWS's answers for its accounts."""
    accounts = {key: _with_quotas(account, lock.accounts.get(key)) for key, account in inventory.accounts.items()}
    return inventory.model_copy(update={"accounts": accounts})


def _with_quotas(account: Account, locked: LockedAccount | None) -> Account:
    if locked is None or locked.quotas is None or locked.id != account.id:
        return account
    answered = locked.quotas.model_dump(exclude_none=True)
    omitted = {name: value for name, value in answered.items() if name not in account.quotas.model_fields_set}
    return account.model_copy(update={"quotas": account.quotas.model_copy(update=omitted)})


def digest(entries: Iterable[object]) -> str:
    """Return ``sha256:…`` of inventory entries, independent of their order; entries hold JSON types only."""
    lines = sorted(json.dumps(entry, sort_keys=True, ensure_ascii=True) for entry in entries)
    return f"sha256:{hashlib.sha256(chr(10).join(lines).encode()).hexdigest()}"


Name: TypeAlias = tuple[str, ...]
"""``("acme",)``, ``("acme", "shop")`` or ``("acme", "shop", "production")``."""


@dataclass(frozen=True, slots=True)
class Known:
    """The UUIDs of a name in the inventory and in the lock; ``None`` if it has no UUID there."""

    declared: str | None = None
    locked: str | None = None


@dataclass(frozen=True, slots=True)
class RepositoryQuestion:
    """A repository, and its deployment environments to look up, by name."""

    known: Known
    environments: dict[str, Known] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WorkspaceQuestion:
    """A workspace, its repositories to look up, by slug, and its slugs before a rename.

    All of its repositories are listed if a role that is adopted as is trusts it as a whole.
    """

    known: Known
    repositories: dict[str, RepositoryQuestion] = field(default_factory=dict)
    previous_slugs: tuple[str, ...] = ()
    is_adopted_as_is: bool = False


Questions: TypeAlias = dict[str, WorkspaceQuestion]
"""By the slug of the workspace."""


def questions_of(inventory: Inventory, lock: Lock, *, everything: bool = False) -> Questions:
    """Return what to ask, sorted.

    Args:
        inventory: As written, without UUIDs from the lock.
        lock: The present lock.
        everything: Whether to ask for all declarations, not only for those that roles trust and accounts keep.
    """
    used, adopted = _used(inventory), _adopted_as_is(inventory)
    questions: Questions = {}
    for slug, workspace in sorted(inventory.workspaces.items()):
        if everything or (slug,) in used:
            question = _workspace(slug, workspace, lock.workspaces.get(slug), None if everything else used)
            questions[slug] = replace(question, is_adopted_as_is=slug in adopted)
    return questions


def _adopted_as_is(inventory: Inventory) -> frozenset[str]:
    """Return the workspaces that roles adopted as is trust as a whole."""
    roles = [role for role in inventory.roles.values() if role.dangerously_adopted_as_is is not None]
    return frozenset(entry.workspace for role in roles for entry in role.trust if entry.repository is None)


def _workspace(
    slug: str, workspace: Workspace, locked: LockedWorkspace | None, used: frozenset[Name] | None
) -> WorkspaceQuestion:
    repositories = {
        name: _repository((slug, name), repository, locked.repositories.get(name) if locked else None, used)
        for name, repository in sorted(workspace.repositories.items())
        if used is None or (slug, name) in used
    }
    known = Known(workspace.uuid, locked.uuid if locked else None)
    return WorkspaceQuestion(known, repositories, tuple(workspace.previous_slugs))


def _repository(
    at: Name, repository: Repository, locked: LockedRepository | None, used: frozenset[Name] | None
) -> RepositoryQuestion:
    seen = locked.environments if locked else {}
    environments = {
        name: Known(environment.uuid, seen[name].uuid if name in seen else None)
        for name, environment in sorted(repository.environments.items())
        if used is None or (*at, name) in used
    }
    return RepositoryQuestion(Known(repository.uuid, locked.uuid if locked else None), environments)


def _used(inventory: Inventory) -> frozenset[Name]:
    """Return the names that roles trust or accounts keep OIDC providers for, with their workspaces and repositories."""
    used: set[Name] = {(slug,) for account in inventory.accounts.values() for slug in account.keep_oidc_providers}
    for role in inventory.roles.values():
        for entry in role.trust:
            used.add((entry.workspace,))
            if entry.repository_slug is not None:
                repository = (entry.workspace, entry.repository_slug)
                used.add(repository)
                used.update((*repository, name) for name in entry.environments or ())
    return frozenset(used)


def names_of(questions: Questions) -> Iterator[tuple[Name, Known]]:
    """Yield every name to look up, with its UUIDs."""
    for slug, workspace in questions.items():
        yield (slug,), workspace.known
        for name, repository in workspace.repositories.items():
            yield (slug, name), repository.known
            for environment, known in repository.environments.items():
                yield (slug, name, environment), known


def workspaces_digest(inventory: Inventory) -> str:
    """Return the digest of the names that a lock's ``workspaces`` answers: those in use, with their written UUIDs."""
    return digest([*name, known.declared] for name, known in names_of(questions_of(inventory, Lock())))


def is_answered(questions: Questions) -> bool:
    """Tell whether every name to look up has a UUID, in the inventory or in the lock."""
    return all(known.declared or known.locked for _, known in names_of(questions))
