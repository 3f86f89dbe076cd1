"""Prove that a plan equals the inventory: the same roles, and each admits exactly the declared tokens."""

from collections.abc import Collection

from access.exactness.call_conditions import CallConditions
from access.exactness.declared import REPORT_IT, DeclaredRole, declared_roles
from access.exactness.example import example_of_flaw
from access.exactness.languages import Subject, difference, goes_beyond, meaning
from access.exactness.rendered import FlawError, bound_places, rendered_gates
from access.exactness.shown import shown_otherwise
from access.exactness.steps import StepSet
from access.plan import AccessPlan, AccountPlan, RolePlan
from config.lock.models import Lock
from config.models.inventory import Inventory
from oidc.errors import UnprovenPlanError

_SESSION_POLICY = "bitbucket-oidc-source-addresses"
"""Name of the inline policy that limits sessions to source addresses."""


def prove_exact(plan: AccessPlan, inventory: Inventory, lock: Lock) -> None:
    """Prove a plan: it has the declared roles, and each admits the declared tokens.

    Args:
        plan: Plan of a sound inventory, with all accounts.
        inventory: As validated: without pairs, and without UUIDs from the lock.
        lock: As read.

    Raises:
        UnprovenPlanError: The plan differs. The message has a token that shows it, or names the difference.
    """
    declared = declared_roles(inventory, lock)
    _check_same("accounts", [account.key for account in plan.accounts], declared)
    for account in plan.accounts:
        written = inventory.accounts[account.key]
        planned = f"{account.id} of partition {account.partition.value}"
        if planned != (meant := f"{written.id} of partition {written.partition.value}"):
            what = f"account {account.key} is {planned} in the plan, and the inventory declares {meant}"
            raise UnprovenPlanError(what, do=REPORT_IT)
        roles = declared[account.key]
        _check_same(f"roles of account {account.key}", [role.key for role in account.roles], roles)
        arns = f"arn:{written.partition.value}:iam::{written.id}:"
        for role in account.roles:
            _prove_role(account, arns, role, roles[role.key])


def _check_same(what: str, planned: list[str], declared: Collection[str]) -> None:
    if sorted(planned) == sorted(declared):
        return
    more, less = sorted(set(planned).difference(declared)), sorted(set(declared).difference(planned))
    twice = sorted({key for key in planned if planned.count(key) > 1})
    found = {"not declared": more, "missing in the plan": less, "twice in the plan": twice}
    said = "; ".join(f"{', '.join(keys)} {how}" for how, keys in found.items() if keys)
    raise UnprovenPlanError(f"the {what} in the plan are not those that the inventory declares: {said}", do=REPORT_IT)


def _prove_role(account: AccountPlan, arns: str, role: RolePlan, declared: DeclaredRole) -> None:
    """Prove one role; ``arns`` is the prefix of ARNs in its account."""
    arn = f"{arns}role{declared.path}{declared.name}"
    if (role.arn, role.path, role.name) != (arn, declared.path, declared.name):
        raise _unproven(account, role, "the ARN", f"{role.arn}, path {role.path}, name {role.name} in place of {arn}")
    _prove_trust_policy(account, f"{arns}oidc-provider/", role, declared)
    if wrong := _wrong_binding(role, declared):
        raise _unproven(account, role, "the binding of sessions", wrong)
    if wrong := shown_otherwise(role, declared):
        raise _unproven(account, role, "what the plan shows", wrong)


def _prove_trust_policy(account: AccountPlan, oidc_providers: str, role: RolePlan, declared: DeclaredRole) -> None:
    text, gates = role.trust_policy.text, declared.gates
    try:
        admitted = rendered_gates(text, oidc_providers)
    except FlawError as flaw:
        example = example_of_flaw(text, gates, account)
        raise _unproven(account, role, "the trust policy", f"{flaw}, so {example}" if example else str(flaw)) from flaw
    if {gate: {meaning(pattern) for pattern in patterns} for gate, patterns in admitted.items()} == gates:
        return
    # Check admitted tokens first, because they are the worse fault.
    for gate in [*admitted, *sorted(gates.keys() - admitted.keys(), key=str)]:
        if wrong := _wrong_at(gate, admitted.get(gate, set()), gates.get(gate, set())):
            raise _unproven(account, role, "the trust policy", wrong)


def _wrong_at(gate: CallConditions, patterns: set[str], steps: set[StepSet]) -> str:
    """Describe the fault at a gate, or return an empty text: overlapping lines may need fewer patterns."""
    found = difference(patterns, steps)
    if found is not None:
        return _as_token(gate, found)
    beyond = [pattern for pattern in sorted(patterns) if all(goes_beyond(pattern, each) for each in steps)]
    if beyond:
        return f"the pattern {beyond[0]} does not begin with a whole repository or environment at {gate}"
    return ""


def _as_token(gate: CallConditions, subject: Subject) -> str:
    sides = ("admitted and not declared", "declared and not admitted")
    return f"the token with {gate}, sub {subject.text} is {sides[0] if subject.admitted else sides[1]}"


def _wrong_binding(role: RolePlan, declared: DeclaredRole) -> str:
    policy = role.inline_policies.get(_SESSION_POLICY)
    if policy is None or not declared.is_bound:
        return "" if (policy is not None) is declared.is_bound else "it is there" if policy else "it is missing"
    try:
        networks, endpoints = bound_places(policy.text)
    except FlawError as flaw:
        return str(flaw)
    if (networks, endpoints) != (declared.networks, declared.endpoints):
        return f"credentials work from {', '.join(sorted(networks | endpoints)) or 'nowhere'}"
    return ""


def _unproven(account: AccountPlan, role: RolePlan, part: str, what: str) -> UnprovenPlanError:
    where = f"{part} of roles.{role.key} in account {account.key} is not what the inventory declares"
    return UnprovenPlanError(f"{where}: {what}", do=REPORT_IT)
