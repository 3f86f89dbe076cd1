"""Choose the role of each step of a repository's pipeline."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeAlias

from access.plan import AccessPlan, AccountPlan, RolePlan, TrustPlan
from config.models.family import plan_key
from config.models.trust import Steps

Holder: TypeAlias = tuple[AccountPlan, RolePlan]
"""A role in its account."""

_STAGES = ("test", "dev", "qa", "stag", "prod")
"""Parts of names of deployment environments, in the order of Bitbucket's environment types.

Bitbucket refuses a pipeline with a later type before an earlier one."""


@dataclass(frozen=True, slots=True)
class StepRole:
    """A step, and the role that it assumes.

    Attributes:
        account: The account of the role.
        role: The role.
        line: The trust that admits the step.
        environment: The step's deployment environment, or ``None``.
        others: What the step may assume by trust that is as narrow.
    """

    account: AccountPlan
    role: RolePlan
    line: TrustPlan
    environment: str | None
    others: tuple[Holder, ...] = ()


@dataclass(frozen=True, slots=True)
class PipelineRoles:
    """The steps of a pipeline.

    Attributes:
        pull_requests: The plan roles of the roles of ``main``.
        main: A step outside of deployment environments, if a role trusts it, then one for each environment.
        without_role: Deployment environments that no role trusts.
    """

    pull_requests: tuple[StepRole, ...]
    main: tuple[StepRole, ...]
    without_role: tuple[str, ...] = ()


def pipeline_roles(
    whole: AccessPlan,
    part: AccessPlan,
    repository: str,
    environments: Iterable[str],
    day: date,
    *,
    outside: bool = True,
) -> PipelineRoles:
    """Choose a role for each step of a repository.

    A role past its last day comes last, before it one that needs a further audience. Of the others it is the one with
    the narrowest trust, then in the account with the name or the stage of the environment, then of a pair, then the
    first by key. A plan role is on pull requests only, unless ``part`` lacks its role.

    Args:
        whole: The plan, for the plan roles.
        part: The accounts and roles to choose from.
        repository: ``acme/shop``.
        environments: Its deployment environments, if a step for each is wanted.
        day: Today, UTC.
        outside: Whether a step outside of environments is wanted.
    """
    plan_roles = {
        (account.key, role.key): role for account in whole.accounts for role in account.roles if role.is_plan_role
    }
    candidates = list(_candidates(part, repository))
    names = sorted(environments, key=stage_order)
    steps = {name: _chosen(candidates, name, day, plan_roles.keys()) for name in ([None] if outside else []) + names}
    main = tuple(step for step in steps.values() if step is not None)
    return PipelineRoles(
        tuple(_plan_steps(plan_roles, main, repository)), main, tuple(name for name in names if steps[name] is None)
    )


def trusted(role: RolePlan, repository: str) -> tuple[TrustPlan, ...]:
    """Return the lines of trust that admit steps of a repository, in the order in which the steps run."""
    workspace, _, slug = repository.partition("/")
    lines = [line for line in role.trust if line.workspace == workspace and line.repository in (slug, None)]
    return tuple(sorted(lines, key=lambda line: stage_order(line.environment or "")))


def stage_order(environment: str) -> tuple[int, str]:
    """Return what sorts environments in the order in which their steps run."""
    name = environment.lower()
    return max((index for index, part in enumerate(_STAGES, 1) if part in name), default=0), name


def _candidates(part: AccessPlan, repository: str) -> Iterator[StepRole]:
    for account in part.accounts:
        plan_keys = {plan_key(role.key) for role in account.roles}
        for role in account.roles:
            if not (role.is_plan_role and role.key in plan_keys):
                for line in trusted(role, repository):
                    yield StepRole(account, role, line, line.environment)


def _chosen(
    candidates: Sequence[StepRole], environment: str | None, day: date, plan_keys: AbstractSet[tuple[str, str]]
) -> StepRole | None:
    """Return the step of an environment with its role, or ``None`` if no role trusts it."""
    fitting = [step for step in candidates if _admits(step.line, environment)]
    if not fitting:
        return None
    best, *others = sorted(fitting, key=lambda step: _preference(step, environment, day, plan_keys))
    others = [step for step in others if _width(step.line) == _width(best.line) and _holder(step) != _holder(best)]
    holders = {_holder(step): (step.account, step.role) for step in others}
    return StepRole(best.account, best.role, best.line, environment, tuple(holders.values()))


def _holder(step: StepRole) -> tuple[str, str]:
    return step.account.key, step.role.key


def _admits(line: TrustPlan, environment: str | None) -> bool:
    if line.steps == Steps.ALL_INCLUDING_ENVIRONMENTS:
        return True
    return line.environment == environment


def _width(line: TrustPlan) -> tuple[bool, bool]:
    return line.repository is None, line.steps == Steps.ALL_INCLUDING_ENVIRONMENTS


def _preference(
    step: StepRole, environment: str | None, day: date, plan_keys: AbstractSet[tuple[str, str]]
) -> tuple[Any, ...]:
    has_ended = step.role.expires is not None and step.role.expires < day
    # STS most likely refuses the token of a step that asks for a further audience.
    needs_audience = bool(step.line.default_audiences) and not {*step.line.default_audiences} & {*step.line.audiences}
    near = _distance(step.account.key, environment or "")
    is_alone = (step.account.key, plan_key(step.role.key)) not in plan_keys
    return has_ended, needs_audience, _width(step.line), near, is_alone, step.account.key, step.role.key


def _distance(account: str, environment: str) -> int:
    """Return 0 if an account has the name of an environment, 1 if it has the stage in its name, else 2."""
    if account.lower() == environment.lower():
        return 0
    stage = stage_order(environment)[0]
    words = re.split(r"[^a-z0-9]+", account.lower())
    return 1 if stage and any(word.startswith(_STAGES[stage - 1]) for word in words) else 2


def _plan_steps(
    plan_roles: Mapping[tuple[str, str], RolePlan], main: Iterable[StepRole], repository: str
) -> Iterator[StepRole]:
    """Yield the steps of the plan roles of the chosen roles; Bitbucket allows an environment once in a pipeline."""
    seen: set[tuple[str, str]] = set()
    taken: set[str] = set()
    for step in main:
        key = step.account.key, plan_key(step.role.key)
        if key in seen or key not in plan_roles:
            continue
        seen.add(key)
        for line in trusted(plan_roles[key], repository):
            if line.environment not in taken:
                yield StepRole(step.account, plan_roles[key], line, line.environment)
            taken |= {line.environment} if line.environment else set()
