"""Choose what the next run takes into a stack's state: what a killed run created, and the state does not have."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from access.adoption.found import FoundAccount, FoundRole
from access.adoption.role_reading import revokes_sessions
from access.managed_by import PIPELINE_ROLE, is_of_stack
from access.plan import AccountPlan, RolePlan
from access.update_preview import OIDC_PROVIDER_TYPE, ROLE_TYPE
from config.findings import one_line
from fleet.backend.records import StackRecord
from fleet.state import name_of
from oidc.arn import role_arn

CLOCK_SKEW = timedelta(minutes=5)
"""How far the clock of the machine that ran Pulumi may be from AWS's clock. AWS refuses requests that are signed more
than five minutes before or after its own time
(https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html), so no run works beyond that."""


@dataclass(frozen=True, slots=True)
class TakeUp:
    """What AWS has under a stack's tag, the plan creates, and the state does not have.

    Attributes:
        arns: ARNs of roles and OIDC providers that the next run imports, sorted.
        refused: For each of the others a sentence: its ARN, why it is not imported, and what to do.
    """

    arns: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


def choose_take_up(planned: AccountPlan, record: StackRecord, found: FoundAccount, tag: str) -> TakeUp:
    """Choose what to take up.

    Only with this stack's tags: ``ManagedBy`` and ``ManagedByStack``. Whoever may create roles in the account could
    have written these tags too. So a role is refused if it has inline policies that the plan does not know, which no
    run would remove, or if it is older than the run that could have created it. A role with ``AWSRevokeOlderSessions``
    that only denies is taken up (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_revoke-sessions.html).

    Args:
        planned: The account.
        record: The state and locks of its stack.
        found: What the account has, with the time when each role was created.
        tag: The value of ``ManagedByStack`` of its stack: ``bitbucket-aws-oidc/prod``.
    """
    held = {(it.type, it.id) for it in record.state.resources if not it.is_external} if record.state else set()
    roles = {
        role_arn(found.partition, found.id, it.path, it.name): it for it in found.roles if is_of_stack(it.tags, tag)
    }
    arns: list[str] = []
    refused: list[str] = []
    for role in planned.roles:
        existing = roles.get(role.arn)
        if existing is None or (ROLE_TYPE, role.name) in held:
            continue
        reasons = list(_refusals(role, existing, _begin_of_run(record, f"{planned.key}/{role.key}")))
        (refused if reasons else arns).extend(reasons[:1] or [role.arn])
    created = {it.arn for it in planned.oidc_providers if it.mode == "create"}
    for oidc_provider in found.oidc_providers:
        is_ours = oidc_provider.arn in created and is_of_stack(oidc_provider.tags, tag)
        if is_ours and (OIDC_PROVIDER_TYPE, oidc_provider.arn) not in held:
            arns.append(oidc_provider.arn)
    return TakeUp(tuple(sorted(arns)), tuple(sorted(refused)))


def _begin_of_run(record: StackRecord, name: str) -> datetime | None:
    """Return the earliest time at which a run began that could have created a role; ``None`` if none is told of.

    - A lock has the time when its run began.
    - The state's manifest has the time of its last save. A run saves before each operation, and the next run after an
      old state begins later.
    - If the state has a pending operation that creates this role, its component was saved by the same run or by one
      before. Runs that fail save the state again, so its last save may be hours later.

    The history has only runs that ended. Sources: ``pkg/backend/diy/lock.go``, ``pkg/backend/snapshot.go`` and
    ``ResourceV3`` in ``sdk/go/common/apitype/core.go`` of https://github.com/pulumi/pulumi.

    Args:
        record: The state and locks.
        name: The logical name of the role and of its component: ``prod/shop-deploy``.
    """
    state = record.state
    times = [lock.since for lock in record.locks]
    if state is not None:
        times.append(state.saved)
        if any((it.type, it.kind, name_of(it.urn)) == (ROLE_TYPE, "creating", name) for it in state.pending):
            times += [it.created for it in state.resources if (it.type, it.name) == (PIPELINE_ROLE, name)]
    return min((time for time in times if time is not None), default=None)


_BY_HAND = "name its ARN in the stack config `takeUp` of one `pulumi up --stack KEY`"


def _refusals(planned: RolePlan, existing: FoundRole, since: datetime | None) -> Iterator[str]:
    unknown = sorted(
        name
        for name, document in existing.inline_policies.items()
        if name not in planned.inline_policies and not revokes_sessions(name, document)
    )
    if unknown:
        names = ", ".join(map(one_line, unknown))[:300]
        yield (
            f"{planned.arn} is not taken up: it has inline policies that the plan does not know: {names}; check who "
            "created it, then delete these policies or the role"
        )
    if existing.created is None or since is None:
        yield (
            f"{planned.arn} is not taken up: neither the state nor a lock tells of a run that could have created it; "
            "if the stack's state was lost, restore a copy and delete nothing; otherwise check who created it, then "
            f"delete it, or {_BY_HAND}"
        )
    elif existing.created < since - CLOCK_SKEW:
        yield (
            f"{planned.arn} is not taken up: it was created at {_shown(existing.created)}, and the run that could have "
            f"created it began at {_shown(since)}; check who created it, then delete it, or {_BY_HAND}"
        )


def _shown(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
