"""The inventory as a whole."""

from typing import Literal

from pydantic import Field

from config.models.account import Account
from config.models.base import InventoryModel
from config.models.defaults import Defaults
from config.models.permission_policy import PermissionPolicy
from config.models.role import Role
from config.models.workspace import Workspace
from config.scalars import Slug, WorkspaceSlugText


class Inventory(InventoryModel):
    """Which Bitbucket Pipelines may assume which AWS roles."""

    expected = "an inventory: {workspaces: …, accounts: …, roles: …}"

    version: Literal[1] = 1
    """Of the grammar."""
    defaults: Defaults = Defaults()
    """For accounts and roles."""
    workspaces: dict[WorkspaceSlugText, Workspace] = Field(default_factory=dict)
    """By slug, as in bitbucket.org/SLUG."""
    accounts: dict[Slug, Account] = Field(default_factory=dict)
    """By a key of your own, which names the account in the rest of the inventory."""
    permission_policies: dict[Slug, PermissionPolicy] = Field(default_factory=dict)
    """By a key of your own, which is the name of the inline policy too."""
    roles: dict[Slug, Role] = Field(default_factory=dict)
    """By a key of your own, which is the role's name too unless it says another."""
