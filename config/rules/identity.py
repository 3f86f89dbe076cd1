"""Each UUID and each account id has one name, and no two names look alike."""

from collections.abc import Iterator, Mapping
from typing import Any

from config.findings import Fault, ignoring_case
from config.lock import with_locked_uuids
from config.models.inventory import Inventory
from config.models.workspace import Environment
from config.rules.context import Context
from config.yaml.characters import looks_alike, unusual_letters
from config.yaml.document import Path, show_path


def check_uuids(context: Context) -> Iterator[Fault]:
    """Yield a UUID under two names: one of the two would give access to the other."""
    seen: dict[str, Path] = {}
    for path, uuid in _uuids(context.inventory):
        first = seen.setdefault(uuid, path)
        if first != path:
            first = _as_written(context, first)
            message = f"{uuid} is {show_path(first)} already, at"
            hint = "look both up in Bitbucket and correct the wrong one"
            yield Fault("duplicate", _as_written(context, path), message, hint, related=(first,))


def check_lookalikes(context: Context) -> Iterator[Fault]:
    """Yield two deployment environments of a repository whose names nobody can tell apart in a review."""
    for slug, workspace in context.inventory.workspaces.items():
        for name, repository in workspace.repositories.items():
            # ASCII names look like no other name.
            if all(map(str.isascii, repository.environments)):
                continue
            seen: dict[str, str] = {}
            for environment in sorted(repository.environments, key=str.isascii, reverse=True):
                first = seen.setdefault(looks_alike(environment), environment)
                if first != environment:
                    at = ("workspaces", slug, "repositories", name, "environments", environment)
                    message = f"`{environment}`{unusual_letters(environment)} looks like `{first}`"
                    hint = "remove one of the two, or rename it in Bitbucket and here"
                    yield Fault("duplicate", at, message, hint, of_key=True)


def _as_written(context: Context, path: Path) -> Path:
    """Return the path of a UUID as written: in short form, that of the repository or environment itself."""
    holder: Any = context.sources.data
    for part in path[:-1]:
        holder = holder.get(part) if isinstance(holder, Mapping) else None
    return path[:-1] if isinstance(holder, str) else path


def _uuids(inventory: Inventory) -> Iterator[tuple[Path, str]]:
    for slug, workspace in inventory.workspaces.items():
        at: Path = ("workspaces", slug)
        if workspace.uuid:
            yield (*at, "uuid"), workspace.uuid
        for name, repository in workspace.repositories.items():
            here = (*at, "repositories", name)
            if repository.uuid:
                yield (*here, "uuid"), repository.uuid
            for environment, declared in repository.environments.items():
                if declared.uuid:
                    yield (*here, "environments", environment, "uuid"), declared.uuid


def check_lock(context: Context) -> Iterator[Fault]:
    """Yield a UUID that the inventory and the lock give differently: one of the two is somebody else's."""
    if context.lock.lock.workspaces:
        yield from _check_locked_uuids(context)
        yield from _check_capitals(context)
    for key, account in context.without_lock.accounts.items():
        seen = context.lock.lock.accounts.get(key)
        if seen is not None and seen.id != account.id:
            message = f"{account.id} here, and {seen.id} in inventory.lock.yaml"
            yield Fault("lock-mismatch", ("accounts", key, "id"), message, "correct the wrong one")


def _check_locked_uuids(context: Context) -> Iterator[Fault]:
    locked_uuids = dict(_uuids(with_locked_uuids(_without_uuids(context.without_lock), context.lock.lock)))
    for path, uuid in _uuids(context.without_lock):
        locked = locked_uuids.get(path)
        if locked is not None and locked != uuid:
            message = f"{uuid} here, and {locked} in inventory.lock.yaml"
            hint = "run `bitbucket-oidc lock --check` to see which of them is wrong"
            yield Fault("lock-mismatch", _as_written(context, path), message, hint)


def _check_capitals(context: Context) -> Iterator[Fault]:
    """Yield environments that the lock has with other capitals: Bitbucket's name has those of the lock."""
    for slug, workspace in context.without_lock.workspaces.items():
        for name, repository in workspace.repositories.items():
            for environment in repository.environments:
                if (locked := locked_with_other_capitals(context, slug, name, environment)) is not None:
                    message = f"`{environment}` here, and `{locked}` in inventory.lock.yaml: capitals count"
                    hint = f"write `{locked}`, also in trust; if it is renamed in Bitbucket, run `bitbucket-oidc lock`"
                    at: Path = ("workspaces", slug, "repositories", name, "environments", environment)
                    yield Fault("lock-mismatch", at, message, hint, of_key=True)


def locked_with_other_capitals(context: Context, slug: str, name: str, environment: str) -> str | None:
    """Return the name in the lock of a declared environment, if only its capitals differ; else ``None``."""
    workspace = context.lock.lock.workspaces.get(slug)
    repository = workspace.repositories.get(name) if workspace is not None else None
    if repository is None or environment in repository.environments:
        return None
    declared = context.names("workspaces", slug, "repositories", name, "environments")
    return ignoring_case(environment, repository.environments.keys() - declared)


def _without_uuids(inventory: Inventory) -> Inventory:
    """Return the inventory with every UUID left open, for the lock to answer."""
    workspaces = {
        slug: workspace.model_copy(
            update={
                "uuid": None,
                "repositories": {
                    name: repository.model_copy(
                        update={"uuid": None, "environments": dict.fromkeys(repository.environments, Environment())}
                    )
                    for name, repository in workspace.repositories.items()
                },
            }
        )
        for slug, workspace in inventory.workspaces.items()
    }
    return inventory.model_copy(update={"workspaces": workspaces})


def check_account_ids(context: Context) -> Iterator[Fault]:
    """Yield an account under two keys: roles and OIDC providers would be created twice in it."""
    seen: dict[str, str] = {}
    for key, account in context.inventory.accounts.items():
        first = seen.setdefault(account.id, key)
        if first != key:
            message, related = f"{account.id} is accounts.{first} already, at", ("accounts", first, "id")
            yield Fault("duplicate", ("accounts", key, "id"), message, "declare each account once", related=(related,))
