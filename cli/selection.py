"""The filters of commands: --account, --role, --repository, --environment and --owner, with completion."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from access.plan import AccessPlan
from access.selection import Narrowed, Selection, narrow
from config.load import load_inventory
from config.models.family import family_of
from config.models.inventory import Inventory

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

F = TypeVar("F", bound=Callable[..., Any])

_FILTERS = {
    "account": ("accounts", "KEY", "Only these accounts: keys, ids or globs."),
    "role": ("roles", "KEY", "Only these roles: keys, families, names or globs."),
    "repository": ("repositories", "WORKSPACE/SLUG", "Only roles that trust it: names or globs such as acme/*."),
    "environment": ("environments", "NAME", "Only roles that trust this deployment environment: names or globs."),
    "owner": ("owners", "TEXT", "Only roles of these owners: texts or globs."),
}


def filter_options(*names: str) -> Callable[[F], F]:
    """Add filters, by default all; the command gets ``selection``, a ``Selection``. Each option may be repeated."""

    def decorate(function: F) -> F:
        @wraps(function)
        def command(**options: Any) -> Any:  # noqa: ANN401 - click's
            chosen = {_FILTERS[name][0]: options.pop(f"only_{name}") for name in names or _FILTERS}
            return function(selection=Selection(**chosen), **options)

        decorated: Any = command
        for name in reversed(names or tuple(_FILTERS)):
            _, metavar, text = _FILTERS[name]
            decorated = click.option(
                f"--{name}", f"only_{name}", metavar=metavar, multiple=True, help=text, shell_complete=complete(name)
            )(decorated)
        kept: F = decorated
        return kept

    return decorate


def narrowed(plan: AccessPlan, selection: Selection) -> Narrowed:
    """Narrow a plan; note on standard error the names that only wider trust matches.

    The caller shows ``in_words`` of the result beside what it shows of the plan.

    Raises:
        UsageError: A filter, or all together, match nothing.
    """
    part = narrow(plan, selection)
    for note in part.notes:
        click.echo(f"note: {note}", err=True)
    return part


def complete(name: str) -> Callable[[click.Context, click.Parameter, str], "list[CompletionItem]"]:
    """Return what completes an option by the names of the inventory on the command line."""

    def completion(context: click.Context, _parameter: click.Parameter, incomplete: str) -> "list[CompletionItem]":
        from click.shell_completion import CompletionItem  # noqa: PLC0415 - only a shell that completes needs it

        inventory = load_inventory(_inventory(context)).inventory
        return [CompletionItem(known) for known in sorted(_known(name, inventory)) if known.startswith(incomplete)]

    return completion


def _inventory(context: click.Context) -> Path:
    """Return the inventory on the command line; click leaves arguments unread before an option without its value."""
    takes_it = any(isinstance(each, click.Argument) and each.name == "inventory" for each in context.command.params)
    unread = context.args[0] if takes_it and context.args else None
    return Path(unread or context.params.get("inventory") or "inventory")


def _known(name: str, inventory: Inventory) -> set[str]:
    repositories = {
        f"{slug}/{key}": repository
        for slug, workspace in inventory.workspaces.items()
        for key, repository in workspace.repositories.items()
    }
    match name:
        case "account":
            return set(inventory.accounts)
        case "role":
            return set(map(family_of, inventory.roles))
        case "repository":
            return set(repositories)
        case "environment":
            return {name for repository in repositories.values() for name in repository.environments}
        case _:
            return {role.owner for role in inventory.roles.values() if role.owner is not None}
