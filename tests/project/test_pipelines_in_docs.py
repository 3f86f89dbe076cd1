"""The pipelines that the docs show get into the roles that they name, by the inventory above them."""

import re
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

import pytest
import yaml

from access.compile import compile_plan
from access.evaluation.decide import decide
from access.evaluation.request import WebIdentityRequest
from access.pipeline_check import check_pipelines
from access.plan import AccountPlan, RolePlan
from config.load import load_inventory
from config.models.workspace import Repository, Workspace
from config.pipelines.reading import read_pipelines
from tests.project.pages import PROJECT, TODAY, Block, of_docs, steps_in

STEP = "{759de0c6-1f4b-4d3a-9c8e-0b1a2c3d4e5f}"
ROLE_ARN = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/[\w/+=,.@-]+", re.ASCII)
PIPELINES = [block for block in of_docs("yaml") if block.is_pipeline]


def inventory_of(block: Block, folder: Path) -> Path:
    """Return the inventory that the page shows last before the pipeline.

    If it shows none, it is that of the example repository for a pipeline of that repository, else the quickstart.
    """
    shown = [found for found in of_docs("yaml") if found.page == block.page and found.is_inventory]
    above = [found.text for found in shown if found.line < block.line]
    if above:
        (folder / "inventory.yaml").write_text(above[-1])
        return folder
    example = block.text.startswith("# bitbucket-pipelines.yml of acme/access\n")
    return PROJECT / "examples" / ("inventory-repository/inventory" if example else "quickstart")


def claims_of(step: dict[str, Any], slug: str, workspace: Workspace, repository: Repository) -> dict[str, str]:
    """Return what the token of a step says, as Bitbucket makes it."""
    environment = step.get("deployment")
    parts = [repository.uuid, repository.environments[environment].uuid if environment else None, STEP]
    return {
        "iss": f"https://api.bitbucket.org/2.0/workspaces/{slug}/pipelines-config/identity/oidc",
        "aud": f"ari:cloud:bitbucket::workspace/{(workspace.uuid or '').strip('{}')}",
        "sub": ":".join(part for part in parts if part),
    }


def admits(account: AccountPlan, role: RolePlan, claims: dict[str, str]) -> bool:
    """Tell whether a step gets into a role, from an address that the role asks for where it asks for one."""
    address = str(role.source_ips[0].network_address) if role.source_ips else None
    at = datetime.combine(TODAY, time(), UTC)
    request = WebIdentityRequest(claims, account.id, at, account.partition.value, source_ip=address)
    return decide(role.trust_policy.to_json(), request).allowed


@pytest.mark.parametrize("block", PIPELINES, ids=lambda block: f"{block.page}:{block.line}")
def test_every_step_has_a_token_for_the_roles_that_it_names(block: Block, tmp_path: Path) -> None:
    loaded = load_inventory(inventory_of(block, tmp_path), today=TODAY)
    plan = compile_plan(loaded).plan
    assert plan is not None
    roles = {role.arn: (account, role) for account in plan.accounts for role in account.roles}
    repositories = {
        f"{slug}/{name}": (slug, workspace, repository)
        for slug, workspace in loaded.inventory.workspaces.items()
        for name, repository in workspace.repositories.items()
    }
    said = re.match(r"# bitbucket-pipelines\.yml of (\S+)\n", block.text)
    (name,) = [said[1]] if said else repositories
    at = datetime.combine(TODAY, time(), UTC)
    checked = check_pipelines(read_pipelines(block.text), name, plan, loaded.inventory, at)
    assert checked.faults == ()
    named = 0
    for step in steps_in(yaml.safe_load(block.text)["pipelines"]):
        arns = ROLE_ARN.findall(yaml.safe_dump(step, width=1000))
        assert bool(arns) == (step.get("oidc") is True), step
        named += len(arns)
        for arn in arns:
            assert admits(*roles[arn], claims_of(step, *repositories[name])), step
    assert named or "bitbucket-oidc lock" in block.text or "show-claims" in block.text  # which need no AWS
