"""Previous keys and slugs: each belongs to one entry, and a renamed role keeps its name in IAM."""

from collections.abc import Iterable, Iterator

from config.findings import Fault
from config.models.family import PLAN_SUFFIX, family_of
from config.models.role import PairedRole, Role
from config.rules.context import Context
from config.rules.permissions import last_day_faults
from config.yaml.document import Path, show_path


def check_previous_keys(context: Context) -> Iterator[Fault]:
    """Yield previous keys in use: of two entries that claim a resource of the stack, one would be recreated."""
    accounts = {key: account.previous_keys for key, account in context.inventory.accounts.items()}
    yield from _check("accounts", accounts.items(), context.names("accounts"))
    roles = dict(_declared_roles(context))
    plans = {f"{key}{PLAN_SUFFIX}" for key, role in roles.items() if role.plan_role is not None}
    previous = [(key, role.previous_keys) for key, role in roles.items()]
    yield from _check("roles", previous, {*context.names("roles"), *plans})


def check_names_of_renamed_roles(context: Context) -> Iterator[Fault]:
    """Yield a role that is named by its changed key: IAM cannot rename a role, so it is replaced."""
    for key, role in _declared_roles(context):
        if role.previous_keys and role.name is None:
            old = role.previous_keys[-1]
            message = f"the role's name in IAM becomes {key} (was {old}), so it is deleted and recreated"
            hint = f"write `name: {old}`; then pipelines keep their ARN"
            yield Fault("previous-name", ("roles", key, "previous_keys"), message, hint)


def _declared_roles(context: Context) -> Iterator[tuple[str, Role]]:
    """Yield each declared role with its key: one role of each family, and no plan roles."""
    seen: set[str] = set()
    for key, role in context.inventory.roles.items():
        family = family_of(key)
        if family not in seen and not isinstance(role, PairedRole):
            seen.add(family)
            yield family, role


def _check(section: str, entries: Iterable[tuple[str, tuple[str, ...]]], taken: Iterable[str]) -> Iterator[Fault]:
    present, claimed = set(taken), dict[str, Path]()
    for key, previous_keys in entries:
        for index, previous in enumerate(previous_keys):
            at: Path = (section, key, "previous_keys", index)
            first = claimed.setdefault(previous, at)
            related: tuple[Path, ...] = ()
            if previous == key:
                message, hint = f"`{previous}` is its current key", "write the key that it had before, or remove this"
            elif previous in present:
                message = f"`{previous}` is the key of another entry, which has its own resources in the stack"
                hint = "remove that entry in the same change, or remove this"
            elif first != at:
                message, related = f"`{previous}` is a previous key of {section}.{first[1]} already, at", (first,)
                hint = "keep it in the entry that keeps the resources"
            else:
                continue
            yield Fault("previous-key", at, message, hint, related=related)


def check_previous_slugs(context: Context) -> Iterator[Fault]:
    """Yield a previous slug that another workspace has, and one that is past its last day or near it."""
    taken: dict[str, Path] = {slug: ("workspaces", slug) for slug in context.names("workspaces")}
    for slug, workspace in context.inventory.workspaces.items():
        for previous, told in workspace.previous_slugs.items():
            at: Path = ("workspaces", slug, "previous_slugs", previous)
            if (first := taken.setdefault(previous, at)) != at:
                yield _taken(at, first)
                continue
            yield from last_day_faults(
                context, (*at, "expires"), told.expires,
                ends=f"no token of the previous slug {previous} is accepted after it",
                over="remove the previous slug, which deletes its OIDC provider; or give it another day",
            )  # fmt: skip


def _taken(at: Path, first: Path) -> Fault:
    if first == at[:2]:
        message, hint = f"{at[-1]} is the current slug of this workspace", "write the slug that it had before"
        return Fault("duplicate", at, message, hint, of_key=True)
    message = f"an issuer has one workspace, and {at[-1]} is {show_path(first)} already, at"
    hint = "keep it in the workspace that had this slug before"
    if len(first) == len(("workspaces", "acme")):
        hint = f"move its content to workspaces.{at[1]}, or write the slug that this workspace had before"
    return Fault("duplicate", at, message, hint, of_key=True, related=(first,))


def check_whole_workspaces(context: Context) -> Iterator[Fault]:
    """Yield trust of a whole workspace that was renamed.

    Whoever takes the previous slug can request any audience, also that of this workspace. No UUID of a repository would
    keep their tokens out.
    """
    for key, role in context.inventory.roles.items():
        for index, entry in enumerate(role.trust):
            if entry.dangerously_whole_workspace is None:
                continue
            workspace = context.inventory.workspaces.get(entry.workspace)
            if workspace is None or not workspace.previous_slugs:
                continue
            previous = " and ".join(workspace.previous_slugs)
            message = (
                f"whoever takes the previous slug {previous} could assume this role: no repository UUID keeps them out"
            )
            hint = f"name repositories of {entry.workspace} here, or remove its `previous_slugs` first"
            at = ("roles", key, "trust", index, "dangerously_whole_workspace")
            yield Fault("whole-workspace-renamed", at, message, hint)
