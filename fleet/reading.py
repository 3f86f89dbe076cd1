"""Read AWS and the states of all accounts, several at once, and tell the status of each."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

from access.adoption.found import FoundAccount
from access.digests import AppliedSettings
from access.managed_by import is_of_stack
from access.plan import AccessPlan, AccountPlan
from facts.aws.callers import Caller, CallSettings
from facts.aws.existing_access import account_as_found
from facts.aws.refresh import entered_by
from facts.aws.survey import Answered, answers
from fleet.backend import Backend, StackRecord
from fleet.recorded import recorded_account
from fleet.status import AccountStatus, account_status
from oidc.errors import AwsError, StateError

AT_ONCE = 16
"""Accounts that are read at the same time: most of the time goes by waiting for AWS."""

ACCOUNT_SECONDS = 120.0
"""For one account: four calls, each with the pauses that AWS asks for, and its state."""


@dataclass(frozen=True, slots=True)
class FleetReading:
    """What all accounts of a fleet have in common when they are read.

    Attributes:
        backend: Of the states.
        calls: The settings for calls to AWS.
        settings: Of all stacks, for the digests.
        project: Of Pulumi: ``bitbucket-aws-oidc``.
        thumbprints: Fetched ones, by URL of the issuer.
        reading_role: Name of the role to assume instead of each deploying role, in the same path; or ``None``.
        at_once: How many accounts are read at the same time.
        seconds: The time limit for each account.
    """

    backend: Backend
    calls: CallSettings
    settings: AppliedSettings
    project: str
    thumbprints: Mapping[str, str]
    reading_role: str | None = None
    at_once: int = AT_ONCE
    seconds: float = ACCOUNT_SECONDS

    def status(
        self, plan: AccountPlan | None, stack: str, record: StackRecord, found: FoundAccount | AwsError
    ) -> AccountStatus:
        """Return the status of an account that was read; see ``account_status``."""
        return account_status(
            plan, self.settings, record, found, stack=stack, project=self.project, thumbprints=self.thumbprints
        )

    def record(self, stack: str) -> StackRecord:
        """Return what the backend has of a stack; a failure to read it is a fault of this stack alone."""
        try:
            return self.backend.read(stack)
        except StateError as error:
            return StackRecord(stack, None, fault=str(error))


OnProgress = Callable[[AccountStatus, int, int], None]
"""Called in the caller's thread, with the status of an account, and the number of finished and of all accounts."""


def read_fleet(
    plan: AccessPlan,
    reading: FleetReading,
    *,
    keys: Collection[str] | None = None,
    on_progress: OnProgress = lambda _status, _done, _total: None,
) -> tuple[AccountStatus, ...]:
    """Return the status of each account, and of each stack without an account, sorted by key.

    An account that does not answer, or whose state cannot be read, is told as such; the others are still read. What an
    account answered is dropped as soon as its status is known.

    Args:
        plan: Of all accounts.
        reading: How they are read.
        keys: Accounts to read; by default all, and then stacks without an account, too.
        on_progress: See ``OnProgress``.

    Raises:
        StateError: The list of stacks cannot be read.
    """
    stacks = reading.backend.stacks()
    asked = {account.key: account for account in plan.accounts if keys is None or account.key in keys}
    names = {key: _stack_of(account, stacks) for key, account in asked.items()}
    strangers = sorted(stacks - {_stack_of(account, stacks) for account in plan.accounts}) if keys is None else []
    total, statuses = len(asked) + len(strangers), list[AccountStatus]()

    def told(status: AccountStatus) -> None:
        statuses.append(status)
        on_progress(status, len(statuses), total)

    quiet = {key for key, account in asked.items() if _has_nothing(account) and names[key] not in stacks}
    for key in sorted(quiet):
        told(reading.status(asked[key], key, reading.record(names[key]), _empty(asked[key])))
    for status in _asked([asked[key] for key in sorted(asked.keys() - quiet)], names, reading):
        told(status)
    for stack in strangers:
        told(reading.status(None, stack, reading.record(stack), AwsError("nobody asked")))
    return tuple(sorted(statuses, key=lambda status: status.key))


def _stack_of(account: AccountPlan, stacks: Collection[str]) -> str:
    """Return the stack of an account: of its key, else of the first previous key that has one."""
    return next((key for key in (account.key, *account.previous_keys) if key in stacks), account.key)


def _has_nothing(account: AccountPlan) -> bool:
    return not account.roles and not account.oidc_providers


def _empty(account: AccountPlan) -> FoundAccount:
    return FoundAccount(account.key, account.id, account.partition, (), ())


def _asked(accounts: list[AccountPlan], names: Mapping[str, str], reading: FleetReading) -> Iterator[AccountStatus]:
    """Yield the status of each account as its answer comes."""
    plans = {account.key: account for account in accounts}

    def ask(caller: Caller, entered: AccountPlan) -> AccountStatus:
        # The plan is that of the inventory: `entered` names another role, if the reading role is assumed.
        plan = plans[entered.key]
        record = reading.record(names[plan.key])
        return reading.status(plan, plan.key, record, _found(caller, plan, record, reading.project))

    entered = [entered_by(account, reading.reading_role) for account in accounts]
    for outcome in answers(entered, reading.calls, ask, at_once=reading.at_once, seconds=reading.seconds):
        if isinstance(outcome, Answered):
            yield outcome.facts
        else:
            plan = plans[outcome.key]
            yield reading.status(plan, plan.key, reading.record(names[plan.key]), outcome.error)


def _found(caller: Caller, plan: AccountPlan, record: StackRecord, project: str) -> FoundAccount:
    """Read what plan or state names, and the roles under the tags of the stack; nothing else is kept."""
    recorded = recorded_account(plan, record.state).values
    names = {role.name.lower() for role in plan.roles} | recorded.roles.keys()
    arns = {provider.arn for provider in plan.oidc_providers} | recorded.oidc_providers.keys()
    tag = f"{project}/{plan.key}"
    return account_as_found(caller, plan, arns, lambda name, tags: name.lower() in names or is_of_stack(tags, tag))
