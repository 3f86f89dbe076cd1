"""Previous keys: what a stack made under an old key becomes one thing's alone, and a role keeps its name."""

from collections.abc import Iterable, Iterator

from config.cross_record.context import Context
from config.models.family import PLAN_SUFFIX, family_of
from config.models.role import PairedRole, Role
from config.yaml_document import Path


def check_previous_keys(context: Context) -> None:
    """Report previous keys that are somebody's: of two that claim a resource of the stack, one would make it anew."""
    accounts = {key: account.previous_keys for key, account in context.inventory.accounts.items()}
    _check(context, "accounts", accounts.items(), context.names("accounts"))
    roles = dict(_written_roles(context))
    plans = {f"{key}{PLAN_SUFFIX}" for key, role in roles.items() if role.plan_role is not None}
    previous = [(key, role.previous_keys) for key, role in roles.items()]
    _check(context, "roles", previous, {*context.names("roles"), *plans})


def check_names_of_renamed_roles(context: Context) -> None:
    """Warn of a role that is called by its key, which is another now: IAM renames no role, so it is replaced."""
    for key, role in _written_roles(context):
        if role.previous_keys and role.name is None:
            old = role.previous_keys[-1]
            message = f"the role is called {key} in IAM now, and {old} until now: it is deleted and made anew"
            hint = f"write `name: {old}`; pipelines go on with the ARN that they know"
            context.report("previous-name", ("roles", key, "previous_keys"), message, hint)


def _written_roles(context: Context) -> Iterator[tuple[str, Role]]:
    """Yield each role once by its key as written: of a family one, and no plan roles, which go with theirs."""
    seen: set[str] = set()
    for key, role in context.inventory.roles.items():
        written = family_of(key)
        if written not in seen and not isinstance(role, PairedRole):
            seen.add(written)
            yield written, role


def _check(
    context: Context, section: str, entries: Iterable[tuple[str, tuple[str, ...]]], taken: Iterable[str]
) -> None:
    present, claimed = set(taken), dict[str, Path]()
    for key, previous_keys in entries:
        for index, previous in enumerate(previous_keys):
            at: Path = (section, key, "previous_keys", index)
            first = claimed.setdefault(previous, at)
            if previous == key:
                message, hint = f"`{previous}` is its key today", "write the key that it had before, or remove this"
            elif previous in present:
                message = f"`{previous}` is the key of another entry, whose resources in the stack these are"
                hint = "remove that entry in the same change, or remove this"
            elif first != at:
                message = f"`{previous}` is a previous key of {section}.{first[1]} already, at {context.where(first)}"
                hint = "leave it where what the stack made is to stay"
            else:
                continue
            context.report("previous-key", at, message, hint)
