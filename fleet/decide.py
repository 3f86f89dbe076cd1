"""Decide which accounts a run touches: those that need it, lose no more than accepted, and were reviewed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from access.update_preview import Loss, LossLimits, refusals
from fleet.recorded import in_brief
from fleet.report import Result
from fleet.stack_job import Operation
from fleet.status import AccountStatus, Standing


@dataclass(frozen=True, slots=True)
class FleetAccount:
    """An account, or a stack that no account has, as a run begins.

    Attributes:
        key: The key of the account, which is the stack's name.
        id: Twelve digits; ``None`` for a stack that no account has.
        wave: The name of its wave; ``None`` for a stack that no account has.
        status: What `status` says of it.
        digests: Those by which a review may name its plan: of its stack and of the account.
    """

    key: str
    id: str | None
    wave: str | None
    status: AccountStatus
    digests: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class RunRules:
    """What a run accepts.

    Attributes:
        operation: What to do with the accounts.
        every: Whether accounts in line run too.
        limits: The accepted losses, of each account and of all together.
        reviewed: The digests that a review names, by key; ``None`` if none is required.
    """

    operation: Operation
    every: bool = False
    limits: LossLimits = field(default_factory=LossLimits)
    reviewed: Mapping[str, frozenset[str]] | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What a run does with an account.

    Attributes:
        account: The account.
        result: Its result, if nothing runs there; ``None``: it runs.
        reason: Why, or the empty string.
        do: What to do about it, or the empty string.
        is_refused: Whether `up` refuses it, and only its preview runs.
    """

    account: FleetAccount
    result: Result | None
    reason: str = ""
    do: str = ""
    is_refused: bool = False


def decide(accounts: Sequence[FleetAccount], rules: RunRules) -> tuple[Decision, ...]:
    """Return the decision on each account, in the same order.

    If all accounts together lose more than accepted, none runs. A preview runs for refused accounts, too.
    """
    decisions = tuple(_decide(account, rules) for account in accounts)
    too_much = tuple(_of_the_fleet(decisions, rules.limits)) if rules.operation is not Operation.DESTROY else ()
    return tuple(
        _refused(each.account, too_much, rules.operation) if too_much and _runs(each) else each for each in decisions
    )


def _decide(account: FleetAccount, rules: RunRules) -> Decision:
    status = account.status
    if rules.operation is Operation.DESTROY:
        return _destroyed(account, rules.limits)
    if status.standing is Standing.NOT_IN_INVENTORY:
        return Decision(account, Result.SKIPPED, status.reason or _NOT_IN_INVENTORY, status.do or _DESTROY)
    if status.standing is Standing.UNREACHABLE or (status.standing is Standing.BLOCKED and not status.needs_up):
        return Decision(account, Result.FAILED, status.reason, status.do)
    if not status.needs_up and not rules.every:
        return _left_alone(account)
    reasons = (*refusals(status.loss, rules.limits), *_unreviewed(account, rules.reviewed))
    return _refused(account, reasons, rules.operation) if reasons else Decision(account, None)


def _runs(decision: Decision) -> bool:
    return decision.result is None and not decision.is_refused


def _destroyed(account: FleetAccount, limits: LossLimits) -> Decision:
    status = account.status
    if status.is_new:
        return Decision(account, Result.IN_LINE, "it has no stack")
    if status.other_accounts:
        reason = f"`destroy` would also delete what its stack has of other accounts: {in_brief(status.other_accounts)}"
        do = f"take it apart with `fleet split {status.present_stack}`"
        return Decision(account, Result.REFUSED, reason, do)
    if status.is_protected and not limits.oidc_providers:
        reason = "its OIDC providers are protected (`protect_oidc_providers`): every role that trusts one stops working"
        return Decision(account, Result.REFUSED, reason, "if that is intended, add --allow-oidc-provider-loss")
    return Decision(account, None)


_SHOWN = len("sha256:") + 12
"""Characters of a digest in a message: enough to find it in the file."""

_NOT_IN_INVENTORY = "the inventory has no such account, and the stack still exists"
_DESTROY = "delete it with `fleet destroy --account KEY`, or put the account back"


def _left_alone(account: FleetAccount) -> Decision:
    if account.status.standing is Standing.IN_LINE:
        return Decision(account, Result.IN_LINE)
    return Decision(account, Result.SKIPPED, account.status.reason, account.status.do)


def _refused(account: FleetAccount, reasons: Sequence[str], operation: Operation) -> Decision:
    result = None if operation is Operation.PREVIEW else Result.REFUSED
    return Decision(account, result, "; ".join(reasons), is_refused=True)


def _unreviewed(account: FleetAccount, reviewed: Mapping[str, frozenset[str]] | None) -> Iterator[str]:
    if reviewed is None:
        return
    named = reviewed.get(account.key, frozenset())
    if not named:
        yield "the file of --reviewed does not have its plan; review it first"
    elif not named & account.digests:
        reviewed_digest = " or ".join(f"{digest[:_SHOWN]}…" for digest in sorted(named))
        yield (
            f"its plan is not the reviewed one, which has the digest {reviewed_digest} in the file of --reviewed; "
            "review it again"
        )


def _of_the_fleet(decisions: Sequence[Decision], limits: LossLimits) -> Iterator[str]:
    """Yield the refusals for all accounts together; OIDC providers are judged account by account."""
    before = sum(each.account.status.loss.roles_before for each in decisions)
    lost = [role for each in decisions if _runs(each) for role in each.account.status.loss.roles]
    for reason in refusals(Loss(before, tuple(lost)), LossLimits(limits.max_percent, oidc_providers=True)):
        yield f"in all accounts together, {reason}"
