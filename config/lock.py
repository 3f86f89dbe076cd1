"""The lock: what the world outside answered to what the inventory leaves open; reviewed and committed beside it."""

from pathlib import Path as FilePath
from typing import Literal

from pydantic import Field, ValidationError

from config.findings import Finding, Place
from config.models.base import InventoryModel
from config.models.inventory import Inventory
from config.models.workspace import Repository, Workspace
from config.scalars import AccountIdText, EnvironmentName, Slug, SourceNetwork, Uuid, WorkspaceSlugText
from config.sources import Source
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


def read_lock(path: FilePath, order: int) -> tuple[Lock, list[Finding]]:
    """Read the lock; an empty one where there is no such file.

    Args:
        path: ``inventory/inventory.lock.yaml``.
        order: Its place among the files that findings are reported for: behind those of the inventory.
    """
    if not path.exists():
        return Lock(), []
    try:
        document = read_document(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8"
        place = Place(order, 1, 1, str(path))
        return Lock(), [Finding(place, "unreadable-file", "", f"cannot be read: {reason}", "make the lock anew")]
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
        return Lock.model_validate(data), findings
    except ValidationError as error:
        faults = [fault_of(detail, data, Lock) for detail in error.errors(include_url=False)]
    for fault in faults:
        place = source.place(fault.path, of_key=fault.of_key)[0]
        findings.append(Finding(place, fault.rule, show_path(fault.path), fault.message, fault.hint))
    return Lock(), findings


def with_locked_uuids(inventory: Inventory, lock: Lock) -> Inventory:
    """Return the inventory with the UUIDs that it leaves out, where the lock has them."""
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
    # Environments belong to a repository by its UUID: those of another one of the same name are none of ours.
    if locked is None or (known.uuid is not None and known.uuid != locked.uuid):
        return known
    environments = {name: uuid or locked.environments.get(name) for name, uuid in known.environments.items()}
    return known.model_copy(update={"uuid": locked.uuid, "environments": environments})
