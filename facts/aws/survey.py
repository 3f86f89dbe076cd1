"""All accounts of a plan, some at once; one that fails does not lose the others."""

from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TypeAlias

from access.plan import AccountPlan
from facts.aws.account_facts import AccountFacts, ask_account
from facts.aws.callers import Callers, CallSettings, check_account
from facts.time_limit import within
from oidc.errors import AwsError

AT_ONCE = 8
"""Accounts. IAM limits the calls of each account by itself, and STS those of the account that roles are assumed from:
600 a second (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html)."""

ACCOUNT_SECONDS = 300.0
"""For one account: its thousands of roles included, and every pause that AWS asks for."""

Progress = Callable[[str], None]
"""Told the key of each account as it is done, from the thread that asked for all."""


@dataclass(frozen=True, slots=True)
class Answered:
    """An account that answered."""

    key: str
    facts: AccountFacts


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
) -> tuple[Answered | Failed, ...]:
    """Ask every account; return what each answered, or why it did not, in the order of their keys.

    Args:
        plans: Of the accounts.
        settings: How AWS is called.
        progress: See ``Progress``.
        at_once: How many accounts at most.
        seconds: For each account.
    """
    callers, waiting, done = Callers(settings), SimpleQueue[AccountPlan](), SimpleQueue[_Done]()
    asked = list(plans)
    for plan in asked:
        waiting.put(plan)

    def work() -> None:
        with suppress(Empty):
            while True:
                done.put(_caught(callers, waiting.get_nowait(), seconds))

    # Not a pool: its threads would hold up the end of a command that is interrupted, until all of them have answers.
    for number in range(min(at_once, len(asked))):
        Thread(target=work, name=f"aws-account-{number}", daemon=True).start()
    outcomes: list[Answered | Failed] = []
    while len(outcomes) < len(asked):
        outcome = done.get()
        if not isinstance(outcome, Answered | Failed):
            raise outcome
        outcomes.append(outcome)
        progress(outcome.key)
    return tuple(sorted(outcomes, key=lambda outcome: outcome.key))


_Done: TypeAlias = "Answered | Failed | Exception"


def _caught(callers: Callers, plan: AccountPlan, seconds: float) -> _Done:
    try:
        return _ask(callers, plan, seconds)
    except Exception as error:  # noqa: BLE001 - raised again where all are asked
        return error


def _ask(callers: Callers, plan: AccountPlan, seconds: float) -> Answered | Failed:
    try:
        return Answered(plan.key, within(seconds, lambda: _facts(callers, plan)))
    except AwsError as error:
        return Failed(plan.key, error)
    except TimeoutError:
        what = f"the account did not answer all within {seconds:.0f} seconds"
        return Failed(plan.key, AwsError(what, do="run the same command again"))


def _facts(callers: Callers, plan: AccountPlan) -> AccountFacts:
    with closing(callers.enter(plan.access, plan.partition)) as caller:
        check_account(caller, plan.id)
        return ask_account(caller, plan)
