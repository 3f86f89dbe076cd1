"""A lock that answers another inventory than the one there is."""

from config.lock.models import Lock, LockedRepository
from config.lock.questions import workspaces_digest
from config.lock.reading import ReadLock
from config.models.inventory import Inventory
from config.models.workspace import Repository
from config.sources import Sources
from config.yaml_document import Path

_HINT = "run `bitbucket-oidc lock`, and review what it changes"


def check_stale_lock(inventory: Inventory, read: ReadLock, sources: Sources) -> None:
    """Report entries of the lock that the inventory does not have, or else that it answers another inventory.

    A lock that people wrote says nothing of what it was asked, and is judged by its entries alone. To be called for an
    inventory without errors, which would hide what is asked.

    Args:
        inventory: As written, without UUIDs from the lock.
        read: The lock.
        sources: Takes the findings.
    """
    if read.source is None:
        return
    gone = _gone(read.lock, inventory)
    for path in gone:
        message = f"the inventory declares no `{path[-1]}` here"
        sources.report("stale-lock", path, message, _HINT, of_key=True, source=read.source)
    asked = read.lock.answers.get("workspaces")
    if not gone and asked is not None and asked != workspaces_digest(inventory):
        message = "roles trust other names than when it was written, or the inventory gives them other UUIDs"
        sources.report("stale-lock", ("answers", "workspaces"), message, _HINT, source=read.source)


def _gone(lock: Lock, inventory: Inventory) -> list[Path]:
    found: list[Path] = []
    for slug, locked in lock.workspaces.items():
        at: Path = ("workspaces", slug)
        workspace = inventory.workspaces.get(slug)
        if workspace is None:
            found.append(at)
            continue
        for name, repository in locked.repositories.items():
            here: Path = (*at, "repositories", name)
            found += _gone_of(here, repository, workspace.repositories.get(name))
    return found


def _gone_of(at: Path, locked: LockedRepository, declared: Repository | None) -> list[Path]:
    if declared is None:
        return [at]
    return [(*at, "environments", name) for name in locked.environments if name not in declared.environments]
