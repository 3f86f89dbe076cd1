"""The inventory as a whole."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from config.findings import fault
from config.json_schema_hints import Or, example
from config.models.account import Account
from config.models.base import InventoryModel
from config.models.bitbucket_values import WorkspaceSlugText
from config.models.defaults import Defaults
from config.models.family import RoleKey
from config.models.guardrails import Guardrails
from config.models.organization import AccountsFrom
from config.models.permission_policy import PermissionPolicy
from config.models.role import Role
from config.models.rollout import Rollout
from config.models.scalars import Slug, describe
from config.models.workspace import Workspace
from config.required_version import Requires


def _no_bool(value: object) -> object:
    if isinstance(value, bool):
        raise fault("bad-value", f"expected 1, found {describe(value)}", "write version: 1")
    return value


Version = Annotated[Literal[1], BeforeValidator(_no_bool)]
"""The version of the grammar. ``true`` is refused, although True equals 1 in Python."""


_WORKSPACES = {"acme": {"uuid": "{0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11}", "repositories": {"website": None}}}
_ROLES = {
    "payments-deploy": {
        "accounts": ["prod"],
        "trust": [{"repository": "acme/payments", "environments": ["production"]}],
        "managed_policies": ["aws:ReadOnlyAccess"],
    }
}


class Inventory(InventoryModel):
    """Which Bitbucket Pipelines may assume which AWS roles."""

    expected = "an inventory: {workspaces: …, accounts: …, roles: …}"

    version: Annotated[Version, example(1, since="0.1")] = 1
    """The version of the grammar."""
    requires: Annotated[Requires | None, example(">=0.1,<1", since="0.2")] = None
    """The versions of this program that may read the inventory; any other refuses it."""
    defaults: Annotated[Defaults, example({"region": "eu-west-1"}, since="0.1")] = Defaults()
    """Values for accounts and roles that do not set their own."""
    workspaces: Annotated[
        dict[WorkspaceSlugText, Annotated[Workspace, Or(None)]], example(_WORKSPACES, since="0.1")
    ] = Field(default_factory=dict)
    """By slug."""
    accounts: Annotated[dict[Slug, Account], example({"prod": {"id": "222222222222"}}, since="0.1")] = Field(
        default_factory=dict
    )
    """By a key that you choose."""
    accounts_from: Annotated[
        AccountsFrom | None, example({"organization": {"ou": ["ou-ab12-11111111"]}}, since="0.1")
    ] = None
    """Accounts to select in AWS Organizations; the lock holds them."""
    permission_policies: Annotated[
        dict[Slug, PermissionPolicy], example({"publish-site": {"file": "policies/publish-site.json"}}, since="0.1")
    ] = Field(default_factory=dict)
    """By a key that you choose, also the inline policy's name."""
    roles: Annotated[dict[RoleKey, Role], example(_ROLES, since="0.1")] = Field(default_factory=dict)
    """By a key that you choose, also the role's name unless `name` is set."""
    rollout: Annotated[
        Rollout | None, example({"waves": [{"name": "canary", "accounts": ["sandbox-*"]}]}, since="0.2")
    ] = None
    """Makes the inventory a fleet: one stack for each account."""
    guardrails: Annotated[Guardrails | None, example({"rules": {"all": {"required": ["owner"]}}}, since="0.1")] = None
    """Rules for roles and folders; only in the guardrails file."""

    def workspace_called(self, slug: str) -> Workspace | None:
        """Return the workspace with this slug, or with this slug under ``previous_slugs``; else ``None``."""
        if slug in self.workspaces:
            return self.workspaces[slug]
        return next((workspace for workspace in self.workspaces.values() if slug in workspace.previous_slugs), None)
