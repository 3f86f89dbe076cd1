"""The inventory as a whole."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from config.faults import fault
from config.models.account import Account
from config.models.base import InventoryModel
from config.models.defaults import Defaults
from config.models.family import RoleKey
from config.models.guardrails import Guardrails
from config.models.permission_policy import PermissionPolicy
from config.models.role import Role
from config.models.workspace import Workspace
from config.scalars import Slug, WorkspaceSlugText, describe


def _no_bool(value: object) -> object:
    if isinstance(value, bool):
        raise fault("bad-value", f"expected 1, found {describe(value)}", "write version: 1")
    return value


Version = Annotated[Literal[1], BeforeValidator(_no_bool)]
"""Of the grammar. True equals 1 in Python, and is none."""


class Inventory(InventoryModel):
    """Which Bitbucket Pipelines may assume which AWS roles."""

    expected = "an inventory: {workspaces: …, accounts: …, roles: …}"

    version: Version = 1
    """Of the grammar."""
    defaults: Defaults = Defaults()
    """For accounts and roles."""
    workspaces: dict[WorkspaceSlugText, Workspace] = Field(default_factory=dict)
    """By slug, as in bitbucket.org/SLUG."""
    accounts: dict[Slug, Account] = Field(default_factory=dict)
    """By a key of your own, which names the account in the rest of the inventory."""
    permission_policies: dict[Slug, PermissionPolicy] = Field(default_factory=dict)
    """By a key of your own, which is the name of the inline policy too."""
    roles: dict[RoleKey, Role] = Field(default_factory=dict)
    """By a key of your own, which is the role's name too unless it says another."""
    guardrails: Guardrails | None = None
    """What holds whoever declares a role, and what each folder may declare; in the guardrails file alone."""
