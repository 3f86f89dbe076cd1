"""The status of an account of a fleet: plan, state and AWS compared."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from access.adoption.found import FoundAccount
from access.comparison.changes import Change
from access.digests import AppliedSettings, plan_digests
from access.managed_by import default_tags
from access.plan import AccessPlan, AccountPlan
from access.update_preview import Loss
from fleet.backend.locks import StackLock
from fleet.backend.records import StackRecord
from fleet.differences import LEFT_ALONE, differences, unmanaged_roles
from fleet.obstacles import obstacles
from fleet.recorded import RecordedAccount, in_brief, loss_of, other_accounts, other_resources, recorded_account
from fleet.take_up import choose_take_up
from fleet.values import planned_values, values_in_aws
from oidc.errors import AwsError


class Standing(StrEnum):
    """What ``fleet status`` says of an account, in a word. The values are public: the run report has them."""

    IN_LINE = "in-line"
    """AWS, state and plan agree, and no run was interrupted."""
    CHANGED = "to-be-changed"
    """The plan differs from the state, or the last run was interrupted."""
    DRIFTED = "drifted"
    """AWS differs from what the last run wrote. The plan may differ, too."""
    NEVER_MADE = "never-made"
    """There is no state; AWS may have roles under this stack's tag, which are taken up."""
    BLOCKED = "blocked"
    """``up`` would fail or harm somebody; a person decides first."""
    UNREACHABLE = "unreachable"
    """The account did not answer."""
    NOT_IN_INVENTORY = "not-in-inventory"
    """The backend has a stack of this name, and the inventory has no such account."""


@dataclass(frozen=True, slots=True)
class AccountStatus:
    """The status of an account, or of a stack that no account has.

    Attributes:
        key: Of the account, which is also the name of its stack.
        standing: The status in a word.
        changes: What ``up`` changes in AWS: from AWS as found to the plan.
        drift: What somebody changed by hand: from the state to AWS as found.
        reason: Why it is not in line: half a sentence, or the empty string.
        do: What to do about it, or the empty string; ``fleet up`` is not repeated here.
        digest_before: The digest of the plan that the last complete run applied; ``None`` if no run is recorded.
        digest: The digest of the present plan; ``None`` for a stack without an account.
        loss: Roles and OIDC providers that ``up`` deletes or replaces, as ARNs.
        take_up: ARNs of roles and OIDC providers in AWS that the next run takes into the state.
        not_taken_up: For each that has this stack's tag and is not taken up, a sentence with its ARN and the reason.
        rename_from: The present name of the stack, a previous key of the account; else ``None``.
        needs: Sentences on what must be mended first: pending operations, a lock, empty attributes.
        is_new: Whether the backend has no stack for it yet, also none under a previous key.
        is_locked: Whether a lock alone blocks it: of a run that works, or of a killed one.
        has_pending: Whether the state has pending operations, which the next run clears.
        is_protected: Whether the engine refuses to delete some of its resources.
        has_empty_attributes: Whether the file backend has an empty file of attributes, which the next run mends.
        other_accounts: Keys of other accounts that its stack has resources of, sorted: what `destroy` would delete too.
        secrets_provider: Of the state, for the stack file of the next run; ``None`` without a state.
    """

    key: str
    standing: Standing
    changes: tuple[Change, ...] = ()
    drift: tuple[Change, ...] = ()
    reason: str = ""
    do: str = ""
    digest_before: str | None = None
    digest: str | None = None
    loss: Loss = field(default_factory=lambda: Loss(0, ()))
    take_up: tuple[str, ...] = ()
    not_taken_up: tuple[str, ...] = ()
    rename_from: str | None = None
    needs: tuple[str, ...] = ()
    is_new: bool = False
    is_locked: bool = False
    has_pending: bool = False
    is_protected: bool = False
    has_empty_attributes: bool = False
    other_accounts: tuple[str, ...] = ()
    secrets_provider: Mapping[str, Any] | None = None

    @property
    def present_stack(self) -> str:
        """Return the name that its stack has in the backend."""
        return self.rename_from or self.key

    @property
    def needs_up(self) -> bool:
        """Tell whether ``up`` has something to do here.

        It has for a locked stack, too: the run decides whether the lock is that of a dead run. It has not for a
        drift that it leaves alone.
        """
        if self.standing is Standing.BLOCKED:
            return self.is_locked
        if self.standing is Standing.DRIFTED:
            untouched = all(change.kind in LEFT_ALONE for change in self.drift)
            due = self.changes or self.needs or self.take_up or self.rename_from
            return not untouched or bool(due) or self.digest_before != self.digest
        return self.standing in (Standing.CHANGED, Standing.NEVER_MADE)


def account_status(
    planned: AccountPlan | None,
    settings: AppliedSettings,
    record: StackRecord,
    found: FoundAccount | AwsError,
    *,
    stack: str,
    project: str,
    thumbprints: Mapping[str, str],
) -> AccountStatus:
    """Compare plan, state and AWS of an account.

    Args:
        planned: Its plan; ``None`` for a stack that no account has.
        settings: Of its stack, for the digest.
        record: Of its stack, or of the stack that a previous key names.
        found: What AWS has, or why the account did not answer.
        stack: The name of its stack, the account's key.
        project: Of Pulumi.
        thumbprints: Fetched ones, by URL of the issuer.
    """
    if planned is None:
        return _without_account(stack, record)
    recorded = recorded_account(planned, record.state)
    status = AccountStatus(
        planned.key,
        Standing.IN_LINE,
        digest_before=record.state.plan_digest if record.state else None,
        digest=plan_digests(AccessPlan((planned,)), settings).digest,
        loss=loss_of(planned, recorded),
        rename_from=record.stack if record.state is not None and record.stack != stack else None,
        needs=tuple(_needs(record, recorded)),
        is_new=record.state is None and not record.fault,
        has_pending=bool(record.state and record.state.pending),
        is_protected=bool(record.state and record.state.is_protected),
        has_empty_attributes=record.has_empty_attributes,
        other_accounts=recorded.other_accounts,
        secrets_provider=record.state.secrets_provider if record.state else None,
    )
    if record.fault:
        do = _UNREADABLE.format(f"{project}/{stack}")
        return replace(status, standing=Standing.BLOCKED, reason=record.fault, do=do)
    if isinstance(found, AwsError):
        return replace(status, standing=Standing.UNREACHABLE, reason=found.what, do=found.do)
    return _reached(status, planned, record, recorded, found, tag=f"{project}/{stack}", thumbprints=thumbprints)


def _without_account(stack: str, record: StackRecord) -> AccountStatus:
    state, others = record.state, other_accounts(record.state, stack)
    has = "exists, without resources"
    do = f"remove the empty stack: `pulumi stack rm {stack}`"
    if state is not None and any(resource.type.startswith("aws:") for resource in state.resources):
        has = "has resources"
        do = f"put the account back, or run `fleet destroy --account {stack} --remove-stacks`"
    if others:
        has = f"has resources of {in_brief(others)}"
        do = f"take it apart with `fleet split {stack}`"
    return AccountStatus(
        stack,
        Standing.NOT_IN_INVENTORY,
        digest_before=state.plan_digest if state else None,
        reason=f"the inventory has no such account, and its stack still {has}",
        do=do,
        has_pending=bool(state and state.pending),
        is_protected=bool(state and state.is_protected),
        has_empty_attributes=record.has_empty_attributes,
        other_accounts=others,
        secrets_provider=state.secrets_provider if state else None,
    )


def _needs(record: StackRecord, recorded: RecordedAccount) -> Iterator[str]:
    for lock in record.locks:
        yield _held(lock)
    pending = record.state.pending if record.state else ()
    if pending:
        shown = [f"{each.kind} {each.urn.rpartition('::')[2]}" for each in pending]
        yield f"the last run was interrupted: {in_brief(shown)}"
    if recorded.replaced:
        yield f"the last run replaced, but did not delete: {in_brief(recorded.replaced)}"
    if record.has_empty_attributes:
        yield "a killed run left an empty file of attributes beside the state"


def _reached(
    status: AccountStatus,
    planned: AccountPlan,
    record: StackRecord,
    recorded: RecordedAccount,
    found: FoundAccount,
    *,
    tag: str,
    thumbprints: Mapping[str, str],
) -> AccountStatus:
    """Return the status of an account that answered."""
    values = planned_values(planned, default_tags(tag), thumbprints)
    in_aws = values_in_aws(found, values, recorded.values)
    taken = choose_take_up(planned, record, found, tag)
    compared = differences(planned, values, recorded, in_aws)
    status = replace(
        status,
        drift=(*compared.drift, *unmanaged_roles(planned, found, in_aws, tag)),
        changes=compared.changes,
        take_up=taken.arns,
        not_taken_up=taken.refused,
        needs=(*status.needs, *other_resources(planned, recorded)),
    )
    obstacle = next(obstacles(planned, recorded, found, taken, tag), None)
    if obstacle is not None:
        return replace(status, standing=Standing.BLOCKED, reason=obstacle.reason, do=obstacle.do)
    if record.locks:
        reason, do = _held(record.locks[0]), _LOCKED.format(planned.key)
        return replace(status, standing=Standing.BLOCKED, is_locked=True, reason=reason, do=do)
    return _decided(status, planned, recorded)


_UNREADABLE = (
    "make its state readable; if it is torn, as by a full disk, put a complete one in its place, such as the newest "
    "complete .checkpoint.json of .pulumi/history/{}, and run `fleet up`: it takes up what AWS has since then"
)


def _held(lock: StackLock) -> str:
    return f"a run holds the stack, or was killed: {lock}"


_LOCKED = (
    "wait for that run; if it is dead, run `fleet up`: it removes the lock of a process that died on this machine; for "
    "any other lock add --break-lock {}"
)


_LEFT_ALONE = (
    "`fleet up` does not remove inline policies and roles that somebody made by hand: `fleet status` names them; find "
    "out who made them, then delete them in AWS"
)


def _decided(status: AccountStatus, planned: AccountPlan, recorded: RecordedAccount) -> AccountStatus:
    """Return the status of an account that nothing blocks."""
    if not recorded.resources:
        if not planned.roles and not planned.oidc_providers and not (status.drift or status.needs):
            return replace(status, reason="the inventory gives it neither roles nor OIDC providers")
        number = len(status.take_up)
        reason = f"nothing is deployed by its stack; {number} in AWS are taken up" if number else "nothing is deployed"
        return replace(status, standing=Standing.NEVER_MADE, reason=reason)
    if status.drift:
        number = len(status.drift)
        by = "by hand or by the interrupted run" if status.has_pending else "by hand"
        reason = f"{number} change{'s' if number > 1 else ''} {by}"
        do = _LEFT_ALONE if any(change.kind in LEFT_ALONE for change in status.drift) else ""
        return replace(status, standing=Standing.DRIFTED, reason=reason, do=do)
    reasons = [
        *([f"the stack is still named {status.rename_from}"] if status.rename_from else []),
        *status.needs,
        *([f"{len(status.take_up)} in AWS are not in the state"] if status.take_up else []),
        *([_changed(status)] if status.changes or status.digest != status.digest_before else []),
    ]
    return replace(status, standing=Standing.CHANGED, reason="; ".join(reasons)) if reasons else status


def _changed(status: AccountStatus) -> str:
    if not status.changes:
        before = "another plan" if status.digest_before else "no plan completely"
        return f"AWS agrees with the plan, but the last run applied {before}"
    return f"{len(status.changes)} change{'s' if len(status.changes) > 1 else ''} from AWS to the plan"
