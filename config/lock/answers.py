"""What the lock answers of an inventory, and the digest of what it was asked."""

import hashlib
import json
from collections.abc import Iterable

from config.lock.models import Lock, LockedAccount, LockedRepository, LockedWorkspace
from config.models.account import Account
from config.models.inventory import Inventory
from config.models.workspace import Repository, Workspace


def with_locked_uuids(inventory: Inventory, lock: Lock) -> Inventory:
    """Return the inventory with the UUIDs that it leaves out, where the lock has them.

    Where both have one and differ, what else the lock says is of something else: a finding (``lock-mismatch``).
    """
    workspaces = {slug: _workspace(known, lock.workspaces.get(slug)) for slug, known in inventory.workspaces.items()}
    return inventory.model_copy(update={"workspaces": workspaces})


def _workspace(known: Workspace, locked: LockedWorkspace | None) -> Workspace:
    if locked is None:
        return known
    repositories = {
        slug: _repository(repository, locked.repositories.get(slug)) for slug, repository in known.repositories.items()
    }
    return known.model_copy(update={"uuid": known.uuid or locked.uuid, "repositories": repositories})


def _repository(known: Repository, locked: LockedRepository | None) -> Repository:
    if locked is None:
        return known
    environments = {
        name: environment.model_copy(update={"uuid": environment.uuid or _environment(name, locked)})
        for name, environment in known.environments.items()
    }
    return known.model_copy(update={"uuid": known.uuid or locked.uuid, "environments": environments})


def _environment(name: str, locked: LockedRepository) -> str | None:
    found = locked.environments.get(name)
    return found.uuid if found is not None else None


def with_locked_quotas(inventory: Inventory, lock: Lock) -> Inventory:
    """Return the inventory with the quotas that AWS says its accounts have, where the inventory itself says nothing."""
    accounts = {key: _with_quotas(account, lock.accounts.get(key)) for key, account in inventory.accounts.items()}
    return inventory.model_copy(update={"accounts": accounts})


def _with_quotas(account: Account, locked: LockedAccount | None) -> Account:
    if locked is None or locked.quotas is None or locked.id != account.id:
        return account
    told = locked.quotas.model_dump(exclude_none=True)
    further = {name: value for name, value in told.items() if name not in account.quotas.model_fields_set}
    return account.model_copy(update={"quotas": account.quotas.model_copy(update=further)})


def digest(entries: Iterable[object]) -> str:
    """Return ``sha256:…`` of inventory entries, whatever their order; what JSON has is what they may hold."""
    lines = sorted(json.dumps(entry, sort_keys=True, ensure_ascii=True) for entry in entries)
    return f"sha256:{hashlib.sha256(chr(10).join(lines).encode()).hexdigest()}"
