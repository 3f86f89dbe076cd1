"""Read AWS and the states of all accounts, several at once, and return the status of each."""

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
class FleetReader:
    """Reads the accounts of a fleet, all in the same way.

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
    reader: FleetReader,
    *,
    keys: Collection[str] | None = None,
    on_progress: OnProgress = lambda _status, _done, _total: None,
) -> tuple[AccountStatus, ...]:
    """Return the status of each account, and of each stack without an account, sorted by key.

    An account that does not answer, or whose state cannot be read, has a status that says so; the others are still
    read. What an account answered is dropped as soon as its status is known.

    Args:
        plan: Of all accounts.
        reader: How they are read.
        keys: Accounts to read; by default all, and then stacks without an account, too.
        on_progress: See ``OnProgress``.

    Raises:
        StateError: The list of stacks cannot be read.
    """
    stacks = reader.backend.stacks()
    chosen = {account.key: account for account in plan.accounts if keys is None or account.key in keys}
    stack_of = {key: _stack_of(account, stacks) for key, account in chosen.items()}
    without_account = sorted(stacks - {_stack_of(account, stacks) for account in plan.accounts}) if keys is None else []
    total, statuses = len(chosen) + len(without_account), list[AccountStatus]()

    def add(status: AccountStatus) -> None:
        statuses.append(status)
        on_progress(status, len(statuses), total)

    without_calls = {key for key, account in chosen.items() if _has_nothing(account) and stack_of[key] not in stacks}
    for key in sorted(without_calls):
        add(reader.status(chosen[key], key, reader.record(stack_of[key]), _empty(chosen[key])))
    for status in _read_accounts([chosen[key] for key in sorted(chosen.keys() - without_calls)], stack_of, reader):
        add(status)
    for stack in without_account:
        add(reader.status(None, stack, reader.record(stack), AwsError("nobody asked")))
    return tuple(sorted(statuses, key=lambda status: status.key))


def _stack_of(account: AccountPlan, stacks: Collection[str]) -> str:
    """Return the stack of an account: of its key, else of the first previous key that has one."""
    return next((key for key in (account.key, *account.previous_keys) if key in stacks), account.key)


def _has_nothing(account: AccountPlan) -> bool:
    return not account.roles and not account.oidc_providers


def _empty(account: AccountPlan) -> FoundAccount:
    return FoundAccount(account.key, account.id, account.partition, (), ())


def _read_accounts(
    accounts: list[AccountPlan], stack_of: Mapping[str, str], reader: FleetReader
) -> Iterator[AccountStatus]:
    """Yield the status of each account as its answer comes."""
    plans = {account.key: account for account in accounts}

    def ask(caller: Caller, entered: AccountPlan) -> AccountStatus:
        # The plan is that of the inventory: `entered` names another role, if the reading role is assumed.
        plan = plans[entered.key]
        record = reader.record(stack_of[plan.key])
        return reader.status(plan, plan.key, record, _read_account(caller, plan, record, reader.project))

    entered = [entered_by(account, reader.reading_role) for account in accounts]
    for outcome in answers(entered, reader.calls, ask, at_once=reader.at_once, seconds=reader.seconds):
        if isinstance(outcome, Answered):
            yield outcome.facts
        else:
            plan = plans[outcome.key]
            yield reader.status(plan, plan.key, reader.record(stack_of[plan.key]), outcome.error)


def _read_account(caller: Caller, plan: AccountPlan, record: StackRecord, project: str) -> FoundAccount:
    """Read what plan or state names, and the roles under the tags of the stack; nothing else is kept."""
    recorded = recorded_account(plan, record.state).values
    names = {role.name.lower() for role in plan.roles} | recorded.roles.keys()
    arns = {provider.arn for provider in plan.oidc_providers} | recorded.oidc_providers.keys()
    tag = f"{project}/{plan.key}"
    return account_as_found(caller, plan, arns, lambda name, tags: name.lower() in names or is_of_stack(tags, tag))
