"""The lock: what the world outside answered to what the inventory leaves open; reviewed and committed beside it."""

from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Literal

from pydantic import Field, ValidationError

from config.aws_values import AccountIdText
from config.bitbucket_values import EnvironmentName, Uuid, WorkspaceSlugText
from config.findings import Finding, Place
from config.models.base import InventoryModel
from config.models.inventory import Inventory
from config.models.workspace import Repository, Workspace
from config.scalars import Slug, SourceNetwork
from config.sources import Source
from config.text_file import Unreadable, is_there, read_text
from config.validation import fault_of
from config.yaml_document import read_document, show_path


class LockedRepository(InventoryModel):
    """A repository as Bitbucket answered."""

    expected = "{uuid: …, environments: …}"

    uuid: Uuid
    environments: dict[EnvironmentName, Uuid] = Field(default_factory=dict)


class LockedWorkspace(InventoryModel):
    """A workspace as Bitbucket answered."""

    expected = "{uuid: …, repositories: …}"

    uuid: Uuid
    repositories: dict[Slug, LockedRepository] = Field(default_factory=dict)


class LockedAccount(InventoryModel):
    """An account as AWS answered: which OIDC providers of the inventory's workspaces it has."""

    expected = "{id: …, oidc_providers: {WORKSPACE: present}}"

    id: AccountIdText
    oidc_providers: dict[WorkspaceSlugText, Literal["present", "absent"]] = Field(default_factory=dict)


class LockedRanges(InventoryModel):
    """Address ranges as published, with the publisher's own number of that state."""

    expected = "{sync_token: …, networks: […]}"

    sync_token: int = Field(strict=True)
    networks: tuple[SourceNetwork, ...] = Field(min_length=1)


class Lock(InventoryModel):
    """inventory.lock.yaml."""

    expected = "a lock: {version: 1, workspaces: …, accounts: …, address_ranges: …}"

    version: Literal[1] = 1
    workspaces: dict[WorkspaceSlugText, LockedWorkspace] = Field(default_factory=dict)
    accounts: dict[Slug, LockedAccount] = Field(default_factory=dict)
    address_ranges: dict[Literal["atlassian"], LockedRanges] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReadLock:
    """A lock as read: empty where there is none, and where it is broken, which its findings then say."""

    lock: Lock
    source: Source | None
    findings: tuple[Finding, ...]

    @property
    def is_broken(self) -> bool:
        """Tell whether what it would have answered is unknown."""
        return bool(self.findings)


def read_lock(path: FilePath, order: int) -> ReadLock:
    """Read the lock; never raises for what it holds.

    Args:
        path: ``inventory/inventory.lock.yaml``.
        order: Its place among the files that findings are reported for: behind those of the inventory.
    """
    if not is_there(path):
        return ReadLock(Lock(), None, ())
    text = read_text(path, path.parent)
    if isinstance(text, Unreadable):
        place = Place(order, text.line, text.column, str(path))
        return ReadLock(Lock(), None, (Finding(place, text.rule, "", text.message, text.hint),))
    document = read_document(text)
    source = Source(order, path, document)
    findings = [
        Finding(
            Place(order, found.line, found.column, str(path)),
            found.rule,
            show_path(found.path),
            found.message,
            found.hint,
        )
        for found in document.problems
    ]
    data = document.data if document.data is not None else {}
    try:
        return ReadLock(Lock.model_validate(data), source, tuple(findings))
    except ValidationError as error:
        faults = [fault_of(detail, data, Lock) for detail in error.errors(include_url=False)]
    for fault in faults:
        place = source.place(fault.path, of_key=fault.of_key)[0]
        findings.append(Finding(place, fault.rule, show_path(fault.path), fault.message, fault.hint))
    return ReadLock(Lock(), source, tuple(findings))


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
    environments = {name: uuid or locked.environments.get(name) for name, uuid in known.environments.items()}
    return known.model_copy(update={"uuid": known.uuid or locked.uuid, "environments": environments})
