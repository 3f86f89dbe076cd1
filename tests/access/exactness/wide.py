"""The wide inventory with its plan, and why a plan in which one role is another would be refused."""

from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path

from access.compile import compile_plan
from access.exactness.prove import prove_exact
from access.plan import AccessPlan, AccountPlan, RolePlan
from config.load import Loaded, load_inventory
from oidc.errors import UnprovenPlanError

WIDE = Path(__file__).parents[2] / "fixtures" / "inventories" / "wide"
TODAY = date(2026, 11, 23)


@cache
def wide() -> tuple[Loaded, AccessPlan]:
    loaded = load_inventory(WIDE, today=TODAY)
    plan = compile_plan(loaded).plan
    assert plan is not None
    return loaded, plan


def refusal(loaded: Loaded, plan: AccessPlan) -> str:
    """Return why a plan is refused, or the empty string."""
    try:
        prove_exact(plan, loaded.validated, loaded.lock.lock)
    except UnprovenPlanError as error:
        return str(error)
    return ""


def refused(account: AccountPlan, role: RolePlan) -> str:
    """Return why the wide plan is refused with this role in place of its own, or the empty string."""
    loaded, plan = wide()
    return refusal(loaded, with_role(plan, account, role))


def with_role(plan: AccessPlan, account: AccountPlan, role: RolePlan) -> AccessPlan:
    roles = tuple(role if role.key == other.key else other for other in account.roles)
    return AccessPlan(
        tuple(replace(other, roles=roles) if other.key == account.key else other for other in plan.accounts)
    )
