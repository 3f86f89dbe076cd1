"""Prove that a plan equals the inventory: the same roles, and each admits exactly the declared tokens."""

from collections.abc import Collection

from access.exactness.call_conditions import CallConditions
from access.exactness.declared import REPORT_IT, DeclaredRole, declared_roles
from access.exactness.example import example_of_flaw
from access.exactness.languages import Subject, difference, goes_beyond, meaning
from access.exactness.rendered import FlawError, bound_places, rendered_patterns
from access.exactness.steps import Form, Line, StepSet
from access.plan import AccessPlan, AccountPlan, RolePlan, TrustPlan
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
        declared_account = inventory.accounts[account.key]
        planned = f"{account.id} of partition {account.partition.value}"
        if planned != (meant := f"{declared_account.id} of partition {declared_account.partition.value}"):
            what = f"account {account.key} is {planned} in the plan, and the inventory declares {meant}"
            raise UnprovenPlanError(what, do=REPORT_IT)
        roles = declared[account.key]
        _check_same(f"roles of account {account.key}", [role.key for role in account.roles], roles)
        arns = f"arn:{declared_account.partition.value}:iam::{declared_account.id}:"
        for role in account.roles:
            _prove_role(account, arns, role, roles[role.key])


def _check_same(what: str, planned: list[str], declared: Collection[str]) -> None:
    if sorted(planned) == sorted(declared):
        return
    more, less = sorted(set(planned).difference(declared)), sorted(set(declared).difference(planned))
    twice = sorted({key for key in planned if planned.count(key) > 1})
    differences = {"not declared": more, "missing in the plan": less, "twice in the plan": twice}
    listed = "; ".join(f"{', '.join(keys)} {how}" for how, keys in differences.items() if keys)
    raise UnprovenPlanError(f"the {what} in the plan are not those that the inventory declares: {listed}", do=REPORT_IT)


def _prove_role(account: AccountPlan, arns: str, role: RolePlan, declared: DeclaredRole) -> None:
    """Prove one role; ``arns`` is the prefix of ARNs in its account."""
    arn = f"{arns}role{declared.path}{declared.name}"
    if (role.arn, role.path, role.name) != (arn, declared.path, declared.name):
        raise _unproven(account, role, "the ARN", f"{role.arn}, path {role.path}, name {role.name} in place of {arn}")
    _prove_trust_policy(account, f"{arns}oidc-provider/", role, declared)
    if wrong := _wrong_binding(role, declared):
        raise _unproven(account, role, "the binding of sessions", wrong)
    if wrong := _wrong_fields(role, declared):
        raise _unproven(account, role, "what the plan shows", wrong)


def _prove_trust_policy(account: AccountPlan, oidc_providers: str, role: RolePlan, declared: DeclaredRole) -> None:
    text, steps = role.trust_policy.text, declared.steps
    try:
        admitted = rendered_patterns(text, oidc_providers)
    except FlawError as flaw:
        example = example_of_flaw(text, steps, account)
        raise _unproven(account, role, "the trust policy", f"{flaw}, so {example}" if example else str(flaw)) from flaw
    if {conditions: {meaning(pattern) for pattern in patterns} for conditions, patterns in admitted.items()} == steps:
        return
    # Check admitted tokens first, because they are the worse fault.
    for conditions in [*admitted, *sorted(steps.keys() - admitted.keys(), key=str)]:
        if wrong := _wrong_at(conditions, admitted.get(conditions, set()), steps.get(conditions, set())):
            raise _unproven(account, role, "the trust policy", wrong)


def _wrong_at(conditions: CallConditions, patterns: set[str], steps: set[StepSet]) -> str:
    """Describe the fault, or return an empty text: if lines overlap, fewer patterns may be enough."""
    subject = difference(patterns, steps)
    if subject is not None:
        return _as_token(conditions, subject)
    beyond = [pattern for pattern in sorted(patterns) if all(goes_beyond(pattern, step_set) for step_set in steps)]
    if beyond:
        return f"the pattern {beyond[0]} does not begin with a whole repository or environment at {conditions}"
    return ""


def _as_token(conditions: CallConditions, subject: Subject) -> str:
    sides = ("admitted and not declared", "declared and not admitted")
    return f"the token with {conditions}, sub {subject.text} is {sides[0] if subject.admitted else sides[1]}"


def _wrong_binding(role: RolePlan, declared: DeclaredRole) -> str:
    policy = role.inline_policies.get(_SESSION_POLICY)
    if policy is None or not declared.is_bound:
        return "" if (policy is not None) is declared.is_bound else "it is present" if policy else "it is missing"
    try:
        networks, endpoints = bound_places(policy.text)
    except FlawError as flaw:
        return str(flaw)
    if (networks, endpoints) != (declared.networks, declared.endpoints):
        return f"credentials work from {', '.join(sorted(networks | endpoints)) or 'nowhere'}"
    return ""


_GRADES = ("environment-bound", "repository-wide", "workspace-wide")
"""From narrow to wide."""

_FORMS = {
    (True, True, None): Form.IN_ENVIRONMENT,
    (True, False, "outside_environments"): Form.OUTSIDE_ENVIRONMENTS,
    (True, False, "all_including_environments"): Form.ALL,
    (False, False, "all_including_environments"): Form.ALL,
}
"""The form by whether a line names a repository, whether it names an environment, and its steps."""


def _wrong_fields(role: RolePlan, declared: DeclaredRole) -> str:
    """Describe a field that differs from the inventory, or return an empty text. Reviewers read these fields."""
    lines = set()
    for shown in role.trust:
        line = _line(shown)
        if line is None:
            return f"a line of trust that has no meaning: {shown}"
        if shown.grade != _grade(line.steps):
            return f"{_in_words(line)} as {shown.grade}"
        if meaning(shown.subject_pattern) != line.steps:
            return f"the subject pattern {shown.subject_pattern} for {_in_words(line)}"
        lines.add(line)
    if lines != declared.lines:
        more, less = lines - declared.lines, declared.lines - lines
        return f"trust of {_in_words(*more)}" if more else f"no trust of {_in_words(*less)}"
    grade = max([_grade(line.steps) for line in lines], key=_GRADES.index)
    meant = (grade, declared.networks, declared.endpoints, declared.last_day)
    planned = (role.grade, frozenset(map(str, role.source_ips)), frozenset(role.source_vpces), role.expires)
    differences = zip(("grade", "source IPs", "source VPC endpoints", "last day"), planned, meant, strict=True)
    return ", ".join([f"{what} {value}, not {right}" for what, value, right in differences if value != right])


def _line(shown: TrustPlan) -> Line | None:
    """Read a line by its names, never by its subject pattern; ``None`` if the inventory cannot declare it."""
    words = (shown.repository is not None, shown.environment is not None, shown.steps)
    form = _FORMS.get(words)
    if form is None or words[:2] != (shown.repository_uuid is not None, shown.environment_uuid is not None):
        return None
    steps = StepSet(form, shown.repository_uuid, shown.environment_uuid)
    return Line(shown.workspace, shown.repository, shown.environment, steps, frozenset(shown.audiences), shown.last_day)


def _grade(steps: StepSet) -> str:
    if steps.repository is None:
        return _GRADES[2]
    return _GRADES[0] if steps.form is Form.IN_ENVIRONMENT else _GRADES[1]


def _in_words(*lines: Line) -> str:
    return "; ".join(
        sorted(
            f"{line.workspace}/{line.repository or '*'}, steps {line.steps.form} {line.environment or ''} with "
            f"{line.steps}, audiences {', '.join(sorted(line.audiences))}, last day {line.last_day}"
            for line in lines
        )
    )


def _unproven(account: AccountPlan, role: RolePlan, part: str, what: str) -> UnprovenPlanError:
    where = f"{part} of roles.{role.key} in account {account.key} is not what the inventory declares"
    return UnprovenPlanError(f"{where}: {what}", do=REPORT_IT)
