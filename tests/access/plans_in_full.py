"""Plans whose every field tests change in turn: the kinds of their parts, and how a plan is compiled from a text."""

from datetime import date
from pathlib import Path

from access.compile import compile_plan
from access.plan import AccessPlan, AccountCredentials, AccountPlan, OidcProviderPlan, RolePlan, TrustPlan
from config.load import load_inventory

PARTS = (AccountPlan, AccountCredentials, OidcProviderPlan, RolePlan, TrustPlan)
"""The kinds of parts in a plan, without documents."""

WORKSPACES = """
workspaces:
  acme:
    uuid: "{0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11}"
    repositories:
      shop:
        uuid: "{9a6d6bde-2ae3-4d4c-8a43-1f6a5d9a3c01}"
        environments: {production: "{c2b1a5de-6b7e-4d4b-b1a0-6a9d8c7b5e03}"}
"""


def compiled_plan(folder: Path, text: str, today: date | None = None) -> AccessPlan:
    """Write an inventory of one file into a folder and return its plan."""
    folder.mkdir(exist_ok=True)
    (folder / "inventory.yaml").write_text(WORKSPACES + text)
    plan = compile_plan(load_inventory(folder, today=today)).plan
    assert plan is not None
    return plan
