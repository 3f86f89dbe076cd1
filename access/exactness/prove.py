"""Prove for every role that its trust policy admits exactly what the inventory declares, or say for which token not."""

from access.exactness.example import example_of_flaw
from access.exactness.gates import REPORT_IT, Gate, declared_gates
from access.exactness.languages import Subject, difference, goes_beyond, meaning
from access.exactness.rendered import FlawError, rendered_gates
from access.exactness.steps import Steps
from access.plan import AccessPlan, AccountPlan, RolePlan
from oidc.errors import UnprovenPlanError


def prove_exact(plan: AccessPlan) -> None:
    """Prove a plan: for each role, the tokens that are admitted are those that are declared.

    Raises:
        UnprovenPlanError: For one they are not; the message has a token that shows it.
    """
    for account in plan.accounts:
        for role in account.roles:
            _prove_role(account, role)


def _prove_role(account: AccountPlan, role: RolePlan) -> None:
    declared = declared_gates(role)
    document = role.trust_policy.to_json()
    try:
        admitted = rendered_gates(document, f"arn:{account.partition.value}:iam::{account.id}:oidc-provider/")
    except FlawError as flaw:
        example = example_of_flaw(document, declared, account)
        raise _unproven(account, role, f"{flaw}, so {example}" if example else str(flaw)) from flaw
    if {gate: {meaning(pattern) for pattern in patterns} for gate, patterns in admitted.items()} == declared:
        return
    # What is admitted comes first: of two faults it is the worse one.
    for gate in [*admitted, *sorted(declared.keys() - admitted.keys(), key=str)]:
        if wrong := _wrong_at(gate, admitted.get(gate, set()), declared.get(gate, set())):
            raise _unproven(account, role, wrong)


def _wrong_at(gate: Gate, patterns: set[str], steps: set[Steps]) -> str:
    """Say what is wrong at a gate, or nothing: where lines overlap, fewer patterns may well do."""
    found = difference(patterns, steps)
    if found is not None:
        return _as_token(gate, found)
    beyond = [pattern for pattern in sorted(patterns) if all(goes_beyond(pattern, each) for each in steps)]
    if beyond:
        return f"the pattern {beyond[0]} does not begin with a whole repository or environment at {gate}"
    return ""


def _as_token(gate: Gate, subject: Subject) -> str:
    sides = ("admitted and not declared", "declared and not admitted")
    return f"the token with {gate}, sub {subject.text} is {sides[0] if subject.admitted else sides[1]}"


def _unproven(account: AccountPlan, role: RolePlan, what: str) -> UnprovenPlanError:
    where = f"the trust policy of roles.{role.key} in account {account.key} is not what the inventory declares"
    return UnprovenPlanError(f"{where}: {what}", do=REPORT_IT)
