"""All accounts of a plan, some at once; one that fails does not lose the others."""

from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Generic, TypeVar

from access.plan import AccountPlan
from facts.aws.account_facts import AccountFacts, ask_account
from facts.aws.callers import AccountClients, Caller, CallSettings, check_account
from facts.http import within
from oidc.errors import AwsError

AT_ONCE = 8
"""Accounts. IAM limits the calls of each account by itself, and STS those of the account that roles are assumed from:
600 a second (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html)."""

ACCOUNT_SECONDS = 300.0
"""For one account: its thousands of roles included, and every pause that AWS asks for."""

Progress = Callable[[str], None]
"""Told the key of each account as it is done, from the thread that asked for all."""


Facts = TypeVar("Facts")


@dataclass(frozen=True, slots=True)
class Answered(Generic[Facts]):
    """An account that answered."""

    key: str
    facts: Facts


@dataclass(frozen=True, slots=True)
class Failed:
    """An account that did not."""

    key: str
    error: AwsError


def ask_accounts(
    plans: Iterable[AccountPlan],
    settings: CallSettings,
    *,
    progress: Progress = lambda _key: None,
    at_once: int = AT_ONCE,
    seconds: float = ACCOUNT_SECONDS,
) -> tuple[Answered[AccountFacts] | Failed, ...]:
    """Ask every account about all that its plan names, as ``ask_each`` does."""
    return ask_each(plans, settings, ask_account, progress=progress, at_once=at_once, seconds=seconds)


def ask_each(
    plans: Iterable[AccountPlan],
    settings: CallSettings,
    ask: Callable[[Caller, AccountPlan], Facts],
    *,
    progress: Progress = lambda _key: None,
    at_once: int = AT_ONCE,
    seconds: float = ACCOUNT_SECONDS,
) -> tuple[Answered[Facts] | Failed, ...]:
    """Ask every account; return what each answered, or why it did not, in the order of their keys.

    Args:
        plans: Of the accounts.
        settings: How AWS is called.
        ask: Asks one of them.
        progress: See ``Progress``.
        at_once: How many accounts at most.
        seconds: For each account.
    """
    callers, waiting = AccountClients(settings), SimpleQueue[AccountPlan]()
    done = SimpleQueue[Answered[Facts] | Failed | Exception]()
    asked = list(plans)
    for plan in asked:
        waiting.put(plan)

    def work() -> None:
        with suppress(Empty):
            while True:
                done.put(_caught(callers, waiting.get_nowait(), ask, seconds))

    # Not a pool: its threads would hold up the end of a command that is interrupted, until all of them have answers.
    for number in range(min(at_once, len(asked))):
        Thread(target=work, name=f"aws-account-{number}", daemon=True).start()
    outcomes: list[Answered[Facts] | Failed] = []
    while len(outcomes) < len(asked):
        outcome = done.get()
        if not isinstance(outcome, Answered | Failed):
            raise outcome
        outcomes.append(outcome)
        progress(outcome.key)
    return tuple(sorted(outcomes, key=lambda outcome: outcome.key))


def _caught(
    callers: AccountClients, plan: AccountPlan, ask: Callable[[Caller, AccountPlan], Facts], seconds: float
) -> Answered[Facts] | Failed | Exception:
    try:
        return _ask(callers, plan, ask, seconds)
    except Exception as error:  # noqa: BLE001 - raised again where all are asked
        return error


def _ask(
    callers: AccountClients, plan: AccountPlan, ask: Callable[[Caller, AccountPlan], Facts], seconds: float
) -> Answered[Facts] | Failed:
    try:
        return Answered(plan.key, within(seconds, lambda: _entered(callers, plan, ask)))
    except AwsError as error:
        return Failed(plan.key, error)
    except TimeoutError:
        what = f"the account did not answer all within {seconds:.0f} seconds"
        return Failed(plan.key, AwsError(what, do="run the same command again"))


def _entered(callers: AccountClients, plan: AccountPlan, ask: Callable[[Caller, AccountPlan], Facts]) -> Facts:
    with closing(callers.enter(plan.access, plan.partition)) as caller:
        check_account(caller, plan.id)
        return ask(caller, plan)
