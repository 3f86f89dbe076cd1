"""Ask all accounts of a plan, several at once; if one account fails, the others are still asked."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Generic, TypeVar

from access.plan import AccountPlan
from facts.aws.callers import AccountClients, Caller, CallSettings, check_account
from facts.aws.failures import is_expired
from facts.http import within
from oidc.errors import AwsError

AT_ONCE = 8
"""Accounts. IAM limits the calls to each account, and STS the calls from the account that assumes the roles:
600 a second (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html)."""

ACCOUNT_SECONDS = 300.0
"""For one account, with thousands of roles and every pause that AWS asks for."""

Progress = Callable[[str], None]
"""Called with the key of each finished account, in the caller's thread."""


Facts = TypeVar("Facts")


@dataclass(frozen=True, slots=True)
class Answered(Generic[Facts]):
    """An account that answered."""

    key: str
    facts: Facts


@dataclass(frozen=True, slots=True)
class Failed:
    """An account that did not answer."""

    key: str
    error: AwsError


def ask_each(
    plans: Iterable[AccountPlan],
    settings: CallSettings,
    ask: Callable[[Caller, AccountPlan], Facts],
    *,
    progress: Progress = lambda _key: None,
    at_once: int = AT_ONCE,
    seconds: float = ACCOUNT_SECONDS,
    callers: AccountClients | None = None,
) -> tuple[Answered[Facts] | Failed, ...]:
    """Ask every account; return the answer or the failure of each, sorted by key.

    Args:
        plans: The plans of the accounts.
        settings: The settings for calls to AWS.
        ask: Asks one account.
        progress: See ``Progress``.
        at_once: How many accounts are asked at the same time.
        seconds: The time limit for each account.
        callers: Those of an earlier call, so that no profile prompts again.
    """
    outcomes: list[Answered[Facts] | Failed] = []
    for outcome in answers(plans, settings, ask, at_once=at_once, seconds=seconds, callers=callers):
        outcomes.append(outcome)
        progress(outcome.key)
    return tuple(sorted(outcomes, key=lambda outcome: outcome.key))


def answers(
    plans: Iterable[AccountPlan],
    settings: CallSettings,
    ask: Callable[[Caller, AccountPlan], Facts],
    *,
    at_once: int = AT_ONCE,
    seconds: float = ACCOUNT_SECONDS,
    callers: AccountClients | None = None,
) -> Iterator[Answered[Facts] | Failed]:
    """Ask every account; yield the answer or the failure of each as it comes. See ``ask_each``."""
    own = AccountClients(settings, shared=True) if callers is None else None
    entered, waiting = callers or own or AccountClients(settings), SimpleQueue[AccountPlan]()
    done = SimpleQueue[Answered[Facts] | Failed | Exception]()
    asked = list(plans)
    for plan in asked:
        waiting.put(plan)

    def work() -> None:
        with suppress(Empty):
            while True:
                done.put(_caught(entered, waiting.get_nowait(), ask, seconds))

    # Not a pool: after an interruption, a command would wait for the answers of its threads.
    for number in range(min(at_once, len(asked))):
        Thread(target=work, name=f"aws-account-{number}", daemon=True).start()
    for _ in asked:
        outcome = done.get()
        if not isinstance(outcome, Answered | Failed):
            raise outcome
        yield outcome
    if own is not None:
        own.close()


def _caught(
    callers: AccountClients, plan: AccountPlan, ask: Callable[[Caller, AccountPlan], Facts], seconds: float
) -> Answered[Facts] | Failed | Exception:
    try:
        return _ask(callers, plan, ask, seconds)
    except Exception as error:  # noqa: BLE001 - raised again in the caller's thread
        return error


def _ask(
    callers: AccountClients, plan: AccountPlan, ask: Callable[[Caller, AccountPlan], Facts], seconds: float
) -> Answered[Facts] | Failed:
    try:
        return Answered(plan.key, within(seconds, lambda: _asked(callers, plan, ask)))
    except AwsError as error:
        return Failed(plan.key, error)
    except TimeoutError:
        what = f"the account did not answer everything within {seconds:.0f} seconds"
        return Failed(plan.key, AwsError(what, do="run the same command again"))


def _asked(callers: AccountClients, plan: AccountPlan, ask: Callable[[Caller, AccountPlan], Facts]) -> Facts:
    """Ask an account; once more if the session of its role ends meanwhile."""
    try:
        return _entered(callers, plan, ask)
    except AwsError as error:
        if plan.access.role_arn is None or not is_expired(error):
            raise
    return _entered(callers, plan, ask)


def _entered(callers: AccountClients, plan: AccountPlan, ask: Callable[[Caller, AccountPlan], Facts]) -> Facts:
    with closing(callers.enter(plan.access, plan.partition)) as caller:
        check_account(caller, plan.id)
        return ask(caller, plan)
