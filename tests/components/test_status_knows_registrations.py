"""A state of exactly what the program registers is in line: `fleet status` knows every resource and input of it."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from access.compile import compile_plan
from access.plan import AccessPlan, AccountPlan
from components.aws_provider import AwsSettings
from components.bitbucket_oidc import BitbucketOidc
from config.load import load_inventory
from fleet.recorded import planned_resources, recorded_account
from fleet.state import StackState, StateResource
from fleet.status import Standing
from fleet.values import planned_values
from oidc.thumbprint import Thumbprint
from tests.components.conftest import PROJECT, Registered, Run
from tests.fleet.deployed import FETCHED, SAVED, digest_of, status_of, tags_of
from tests.sandbox.inventory_sequences import sequence

OIDC_PROVIDER = "aws:iam/openIdConnectProvider:OpenIdConnectProvider"
TAGGED = ("aws:iam/role:Role", OIDC_PROVIDER)


def plans(seed: int, folder: Path) -> Iterator[AccountPlan]:
    inventories = sequence(seed, folder)
    for _ in range(3):
        compiled = compile_plan(load_inventory(next(inventories)))
        assert compiled.plan is not None
        yield from (account for account in compiled.plan.accounts if account.roles)


def registered_of(plan: AccountPlan, run_program: Run) -> Registered:
    def program() -> None:
        BitbucketOidc(
            "bitbucket-oidc",
            AccessPlan((plan,)),
            aws_settings=AwsSettings(f"{PROJECT}/{plan.key}"),
            thumbprints={provider.url: Thumbprint(FETCHED) for provider in plan.oidc_providers},
        )

    return run_program(program, stack=plan.key)


def state_of(plan: AccountPlan, registered: Registered) -> StackState:
    """Return the state that the engine keeps of these registrations; the AWS provider adds its default tags."""
    arns = {provider.url: provider.arn for provider in plan.oidc_providers}
    resources = []
    for each in registered.resources:
        tags: Mapping[str, Any] = {"tagsAll": tags_of(plan, each.inputs.get("tags") or {})}
        resources.append(
            StateResource(
                each.urn,
                each.type,
                arns[each.inputs["url"]] if each.type == OIDC_PROVIDER else str(each.inputs.get("name", "")),
                {**each.inputs, **(tags if each.type in TAGGED else {})},
                {},
                retains_on_delete=each.retain_on_delete,
            )
        )
    for name, identity in registered.read.items():
        resources.append(StateResource(f"a::b::{OIDC_PROVIDER}::{name}", OIDC_PROVIDER, identity, {}, {}, True))
    return StackState(plan.key, SAVED, tuple(resources), (), None, digest_of(plan))


@pytest.mark.parametrize("seed", range(4))
def test_what_the_program_registers_is_in_line(seed: int, tmp_path: Path, run_program: Run) -> None:
    for plan in plans(seed, tmp_path):
        state = state_of(plan, registered_of(plan, run_program))
        recorded = recorded_account(plan, state)
        assert recorded.resources == planned_resources(plan)
        fetched = {provider.url: FETCHED for provider in plan.oidc_providers}
        assert recorded.values == planned_values(plan, tags_of(plan, {}), fetched)
        status = status_of(plan, state)
        assert (status.standing, status.reason) == (Standing.IN_LINE, "")
