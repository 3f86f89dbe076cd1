"""Write the reference pages that follow from the code: run by ``make docs``, and held against drift by a test."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from config.models.account import Account, DeployRole, Quotas
from config.models.defaults import Defaults
from config.models.family import ForEach
from config.models.guardrails import FolderRule, GuardrailRule, Guardrails
from config.models.inventory import Inventory
from config.models.permission_policy import PermissionPolicy
from config.models.role import AccountsByLabel, Override, PlanRole, Role
from config.models.trust import TrustEntry, WholeWorkspace
from config.models.workspace import Repository, Workspace
from config.rules import RULES

REFERENCE = Path(__file__).parent / "reference"

MODELS: dict[str, type[BaseModel]] = {
    "Top level": Inventory,
    "defaults": Defaults,
    "workspaces.SLUG": Workspace,
    "workspaces.SLUG.repositories.SLUG": Repository,
    "accounts.KEY": Account,
    "accounts.KEY.deploy_role": DeployRole,
    "accounts.KEY.quotas": Quotas,
    "permission_policies.KEY": PermissionPolicy,
    "roles.KEY": Role,
    "roles.KEY.accounts": AccountsByLabel,
    "roles.KEY.trust[]": TrustEntry,
    "roles.KEY.trust[].dangerously_whole_workspace": WholeWorkspace,
    "roles.KEY.overrides.KEY": Override,
    "roles.KEY.for_each": ForEach,
    "roles.KEY.plan_role": PlanRole,
    "guardrails": Guardrails,
    "guardrails.rules.KEY": GuardrailRule,
    "guardrails.folders.PATH": FolderRule,
}
"""Where each model stands in the inventory."""


def pages() -> dict[Path, str]:
    """Return the generated pages by path."""
    return {REFERENCE / "inventory.md": _inventory_page(), REFERENCE / "findings.md": _findings_page()}


def _head(page: str) -> str:
    """Return what stands above the generated part, written by hand."""
    return (REFERENCE / f"{page}.head.md").read_text(encoding="utf-8")


def _inventory_page() -> str:
    return "\n".join([_head("inventory"), *(_section(title, model) for title, model in MODELS.items())])


def _section(title: str, model: type[BaseModel]) -> str:
    rows = [
        f"| `{name}` | {_default(field)} | {field.description or ''} |" for name, field in model.model_fields.items()
    ]
    heading = title if title == "Top level" else f"`{title}`"
    first_paragraph = " ".join((model.__doc__ or "").partition("\n\n")[0].split())
    return "\n".join([f"## {heading}", "", first_paragraph, "", "| key | default | says |", "|---|---|---|", *rows, ""])


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    default = field.get_default(call_default_factory=True)
    if default is None or (isinstance(default, tuple | dict) and not default) or isinstance(default, BaseModel):
        return "none"
    if isinstance(default, tuple):
        return f"`{json.dumps(default)}`"
    return f"`{getattr(default, 'value', default)}`"


def _findings_page() -> str:
    return "\n".join([_head("findings"), *_rules(), ""])


def _rules() -> Iterator[str]:
    for rule_id, rule in sorted(RULES.items()):
        yield f"## {rule_id}\n\n*{rule.level}.* {rule.asks}\n"


def main() -> int:
    """Write the pages; return 0."""
    for path, text in pages().items():
        path.write_text(text.rstrip() + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
