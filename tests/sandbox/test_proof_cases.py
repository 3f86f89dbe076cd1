"""What the inventory says of a token, part by part."""

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from access.compile import compile_plan
from access.plan import RolePlan
from config.load import load_inventory
from config.models.inventory import Inventory
from sandbox.emulated_bitbucket.workspaces import EmulatedWorkspace, random_uuid
from sandbox.emulator_inputs import STRANGER
from sandbox.proof.cases import FLAWS, Presented, expected, from_taken_origins, steps_of, wrong_tokens
from sandbox.proof.origins import ELSEWHERE, CallOrigin

WIDE = Path(__file__).parent.parent / "fixtures" / "inventories" / "wide"
TODAY = date(2026, 11, 23)
ACME = EmulatedWorkspace("acme", "{0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11}")
SITE = "{7d1e2f3a-4b5c-4d6e-8f90-a1b2c3d4e504}"
SHOP, PRODUCTION = "{9a6d6bde-2ae3-4d4c-8a43-1f6a5d9a3c01}", "{c2b1a5de-6b7e-4d4b-b1a0-6a9d8c7b5e03}"

ENDPOINT = "vpce-0123456789abcdef0"


@pytest.fixture(scope="module")
def inventory() -> Inventory:
    return load_inventory(WIDE, today=TODAY).inventory


@pytest.fixture(scope="module")
def roles() -> dict[str, RolePlan]:
    plan = compile_plan(load_inventory(WIDE, today=TODAY)).plan
    assert plan is not None
    return {role.key: role for account in plan.accounts for role in account.roles}


def presented(**changes: Any) -> Presented:
    return replace(Presented("x", ACME, SHOP, PRODUCTION, ACME.default_audience), **changes)


def test_a_token_stands_for_every_repository_environment_and_audience(inventory: Inventory) -> None:
    assert [step.name for step in steps_of(inventory)] == [
        "acme/shop, no deployment environment",
        "acme/shop, no deployment environment, further audience deploy.example",
        "acme/shop, deployment environment production",
        "acme/shop, deployment environment production, further audience deploy.example",
        "acme/shop, deployment environment staging",
        "acme/shop, deployment environment staging, further audience deploy.example",
        "acme/site, no deployment environment",
        "acme/site, no deployment environment, further audience deploy.example",
        "acme-data/tool, no deployment environment",
        "data-of-acme/tool, no deployment environment",
    ]


@pytest.mark.parametrize(
    ("role", "changes", "lets_in"),
    [
        ("everywhere", {}, True),
        ("everywhere", {"environment_uuid": None}, False),
        ("everywhere", {"environment_uuid": random_uuid()}, False),
        ("everywhere", {"repository_uuid": random_uuid()}, False),
        ("everywhere", {"workspace": STRANGER}, False),
        ("everywhere", {"audience": "deploy.example"}, False),
        ("everywhere", {"further": ("deploy.example",)}, False),
        ("custom-audience", {"repository_uuid": SITE, "audience": "deploy.example"}, True),
        ("custom-audience", {"repository_uuid": SITE, "further": ("deploy.example",)}, False),
        ("everywhere", {"flaw": "expired"}, False),
        ("from-the-office", {"environment_uuid": None, "origin": CallOrigin("203.0.113.9")}, True),
        ("from-the-office", {"environment_uuid": None, "origin": CallOrigin("192.0.2.9")}, False),
        ("from-the-office", {"origin": CallOrigin("203.0.113.9")}, False),
        ("whole-workspace", {"repository_uuid": random_uuid()}, True),
        ("whole-workspace", {"workspace": STRANGER}, False),
        ("custom-audience", {"repository_uuid": SITE}, False),
    ],
)
def test_the_inventory_decides(roles: dict[str, RolePlan], role: str, changes: dict[str, Any], lets_in: bool) -> None:
    assert expected(roles[role], presented(**changes), TODAY) is lets_in


def test_a_slug_from_before_a_rename_is_let_in_until_its_last_day(
    inventory: Inventory, roles: dict[str, RolePlan]
) -> None:
    now, before = (step for step in steps_of(inventory) if step.name.startswith(("acme-data/", "data-of-acme/")))
    days = [date(2031, 6, 30), date(2031, 7, 1)]
    assert [expected(roles["everywhere"], now, day) for day in days] == [True, True]
    assert [expected(roles["everywhere"], before, day) for day in days] == [True, False]


def test_a_role_past_its_last_day_lets_nobody_in(roles: dict[str, RolePlan]) -> None:
    staging = presented(environment_uuid="{5f0c9f0c-51e4-4c58-9a86-0b2f7f9f6a02}")
    assert expected(roles["gone"], staging, date(2020, 12, 31))
    assert not expected(roles["gone"], staging, date(2021, 1, 1))


def test_wrong_tokens_are_refused_by_a_narrow_role(roles: dict[str, RolePlan]) -> None:
    for key in ("everywhere", "from-the-office"):
        for line in roles[key].trust:
            if line.workspace == "acme":
                wrong = list(wrong_tokens(roles[key], line, ACME))
                assert not any(expected(roles[key], token, TODAY) for token in wrong)
                assert {token.flaw for token in wrong if token.flaw} == set(FLAWS)
                elsewhere = {"another address", "another VPC endpoint"} & {token.name for token in wrong}
                assert len(elsewhere) == (2 if key == "from-the-office" else 0)


def test_every_wrong_token_is_one_step_away_from_a_right_one(roles: dict[str, RolePlan]) -> None:
    role = roles["everywhere"]
    line = next(line for line in role.trust if line.environment == "production")
    right = presented()
    for token in wrong_tokens(role, line, ACME):
        parts = ("workspace", "repository_uuid", "environment_uuid", "audience", "origin", "flaw")
        changed = [part for part in parts if getattr(token, part) != getattr(right, part)]
        assert len(changed) == 1 or changed == ["workspace", "audience"], token.name


def test_an_allowed_address_is_inside_and_the_other_outside(roles: dict[str, RolePlan]) -> None:
    role = roles["from-the-office"]
    (step,) = from_taken_origins(presented(environment_uuid=None), role)
    assert expected(role, step, TODAY)
    outside = next(t for t in wrong_tokens(role, role.trust[0], ACME) if t.name == "another address")
    assert not expected(role, outside, TODAY)


@pytest.mark.parametrize(
    ("origin", "lets_in"),
    [
        (CallOrigin("203.0.113.9"), True),
        (CallOrigin("192.0.2.9"), False),
        (CallOrigin("192.0.2.9", ENDPOINT), True),
        (CallOrigin("203.0.113.9", "vpce-01234567"), False),
    ],
)
def test_an_endpoint_stands_in_place_of_an_address(
    roles: dict[str, RolePlan], origin: CallOrigin, lets_in: bool
) -> None:
    role = replace(roles["from-the-office"], source_vpces=(ENDPOINT,))
    assert expected(role, presented(environment_uuid=None, origin=origin), TODAY) is lets_in


def test_a_role_with_endpoints_alone_takes_no_address(roles: dict[str, RolePlan]) -> None:
    role = replace(roles["from-the-office"], source_ips=(), source_vpces=(ENDPOINT,))
    (step,) = from_taken_origins(presented(environment_uuid=None), role)
    assert step.origin == CallOrigin(ELSEWHERE, ENDPOINT)
    assert expected(role, step, TODAY)
    wrong = [token for token in wrong_tokens(role, role.trust[0], ACME) if token.name.startswith("another ")]
    assert {"another address", "another VPC endpoint"} <= {token.name for token in wrong}
    assert not any(expected(role, token, TODAY) for token in wrong)
