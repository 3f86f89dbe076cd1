"""The input of the rules across records."""

from collections.abc import Iterator, KeysView
from dataclasses import dataclass
from datetime import date

from config.declared import names
from config.lock import ReadLock
from config.models.inventory import Inventory
from config.models.role import Role, RoleSettings
from config.selectors import AccountSelector
from config.sources import Sources
from config.yaml.document import Path


@dataclass(frozen=True, slots=True)
class Context:
    """The valid part of the inventory, and all declared names, valid or not.

    Attributes:
        without_lock: Without UUIDs from the lock.
        inventory: With UUIDs from the lock and documents from policy files.
        lock: As read.
        sources: The files.
        selector: Of the inventory's accounts.
        today: In UTC.
        is_incomplete: Whether a part of the inventory cannot be read.
    """

    without_lock: Inventory
    inventory: Inventory
    lock: ReadLock
    sources: Sources
    selector: AccountSelector
    today: date
    is_incomplete: bool

    def names(self, *path: str) -> KeysView[str]:
        """Return the names at a path of the raw data, so that a name with another fault does not count as unknown."""
        return names(self.sources.data, *path)

    def settings(self) -> Iterator[tuple[Path, RoleSettings]]:
        """Yield every role and every override of a role, with its path."""
        for key, role in self.inventory.roles.items():
            yield from settings_of(key, role)


def settings_of(key: str, role: Role) -> Iterator[tuple[Path, RoleSettings]]:
    """Yield a role and each of its overrides, with its path."""
    yield ("roles", key), role
    for pattern, override in role.overrides.items():
        yield ("roles", key, "overrides", pattern), override
