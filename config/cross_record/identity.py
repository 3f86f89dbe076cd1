"""One thing, one name: UUIDs and account ids."""

from collections.abc import Iterator

from config.cross_record.context import Context
from config.yaml_document import Path, show_path


def check_uuids(context: Context) -> None:
    """Report a UUID under two names: one of the two would give access to the other."""
    seen: dict[str, Path] = {}
    for path, uuid in _uuids(context):
        first = seen.setdefault(uuid, path)
        if first != path:
            message = f"{uuid} is {show_path(first)} already"
            context.report("duplicate", path, message, "look both up in Bitbucket and correct the wrong one")


def _uuids(context: Context) -> Iterator[tuple[Path, str]]:
    for slug, workspace in context.inventory.workspaces.items():
        at: Path = ("workspaces", slug)
        if workspace.uuid:
            yield (*at, "uuid"), workspace.uuid
        for name, repository in workspace.repositories.items():
            here = (*at, "repositories", name)
            if repository.uuid:
                yield (*here, "uuid"), repository.uuid
            for environment, uuid in repository.environments.items():
                if uuid:
                    yield (*here, "environments", environment), uuid


def check_account_ids(context: Context) -> None:
    """Report an account under two keys: roles and OIDC providers would be created twice in it."""
    seen: dict[str, str] = {}
    for key, account in context.inventory.accounts.items():
        first = seen.setdefault(account.id, key)
        if first != key:
            message = f"{account.id} is accounts.{first} already"
            context.report("duplicate", ("accounts", key, "id"), message, "declare each account once")
