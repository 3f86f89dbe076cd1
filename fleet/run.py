"""Run the stacks of a fleet: wave by wave, several at a time, each account isolated from the others."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import groupby
from typing import Protocol

from fleet.decide import Decision, FleetAccount
from fleet.report import AccountReport, Result, reported
from fleet.stack_job import Operation, StackResult
from fleet.status import Standing
from oidc.errors import BitbucketOidcError

RunStack = Callable[[FleetAccount], StackResult]


class Listener(Protocol):
    """Hears of each account."""

    def started(self, key: str) -> None:
        """An account begins to run; called from several threads."""

    def ended(self, report: AccountReport) -> None:
        """An account has its result, whether it ran or not."""


@dataclass(frozen=True, slots=True)
class RunSettings:
    """How a run proceeds.

    Attributes:
        operation: What is done with the accounts. A preview changes nothing, so no wave waits for another.
        parallel: Accounts that run at the same time, at least 1.
        max_failures: Failed accounts that are tolerated: waves go on after them, and one more keeps every further
            account from starting. ``None``: no wave begins after a failure, and the accounts of one wave all start.
    """

    operation: Operation
    parallel: int
    max_failures: int | None = None


@dataclass(frozen=True, slots=True)
class RunEnd:
    """The end of a run.

    Attributes:
        accounts: The report of each account, in the order of the decisions.
        interrupted: Whether somebody ended the run.
    """

    accounts: tuple[AccountReport, ...]
    interrupted: bool


def run_fleet(
    decisions: Sequence[Decision], settings: RunSettings, run_stack: RunStack, listener: Listener, stop: threading.Event
) -> RunEnd:
    """Run the accounts that need it; a wave begins when the one before is whole.

    A wave is whole if no account failed or was refused, or at most as many as ``settings`` tolerates.

    Args:
        decisions: In the order of the waves, with the accounts of a wave one after the other.
        settings: What is done, how many run at the same time, and how many may fail.
        run_stack: Runs one stack; called from several threads.
        listener: Hears of each account.
        stop: Once it is set, nothing new starts, and the accounts that run come to their end.
    """
    run = _FleetRun(settings, run_stack, listener, stop)
    for wave, group in groupby(decisions, key=lambda decision: decision.account.wave):
        run.wave(wave, tuple(group))
    reports = {report.account: report for report in run.reports}
    return RunEnd(tuple(reports[decision.account.key] for decision in decisions), stop.is_set())


class _FleetRun:
    """A run of the fleet in progress: its reports so far, and whether further accounts may start."""

    def __init__(self, settings: RunSettings, run_stack: RunStack, listener: Listener, stop: threading.Event) -> None:
        self.reports: list[AccountReport] = []
        self._settings, self._run_stack, self._listener, self._stop = settings, run_stack, listener, stop
        self._failures = 0
        self._unwhole_wave = ""

    def wave(self, name: str | None, decisions: Sequence[Decision]) -> None:
        """Report the accounts of a wave that need no run, and run the others."""
        for decision in decisions:
            if decision.result is not None:
                self._end(_without_run(decision.account, decision.result, decision.reason, decision.do))
        waiting = deque(decision for decision in decisions if decision.result is None)
        self._run_all(waiting)
        why = self._why_none_starts()
        for decision in waiting:
            self._end(_without_run(decision.account, Result.NOT_STARTED, why, _AGAIN))
        is_whole = not self._failures or self._settings.max_failures is not None
        if not is_whole and not self._unwhole_wave and self._settings.operation is not Operation.PREVIEW:
            self._unwhole_wave = f"wave {name} is not whole: {_accounts(self._failures)} failed"

    def _why_none_starts(self) -> str:
        """Return why no further account may start, or the empty string."""
        if self._stop.is_set():
            return "the run was stopped"
        most = self._settings.max_failures
        if most is not None and self._failures > most:
            return f"{_accounts(self._failures)} failed, and --max-failures tolerates {most:,}"
        return self._unwhole_wave

    def _run_all(self, waiting: "deque[Decision]") -> None:
        """Run accounts until none waits or none may start; what did not start stays in ``waiting``."""
        running: set[Future[AccountReport]] = set()
        with ThreadPoolExecutor(self._settings.parallel, thread_name_prefix="account") as pool:
            while running or (waiting and not self._why_none_starts()):
                while waiting and len(running) < self._settings.parallel and not self._why_none_starts():
                    running.add(pool.submit(self._run_account, waiting.popleft()))
                ended, running = wait(running, return_when=FIRST_COMPLETED)
                for future in ended:
                    self._end(future.result())

    def _run_account(self, decision: Decision) -> AccountReport:
        account = decision.account
        self._listener.started(account.key)
        began = time.monotonic()
        try:
            result = self._run_stack(account)
        except BitbucketOidcError as error:
            result = StackResult(account.key, ok=False, reason=error.what, do=error.do)
        except Exception as error:  # noqa: BLE001 - a defect in the run of one account must not stop the others
            what = f"unexpected {type(error).__name__}: {error}"
            result = StackResult(account.key, ok=False, reason=what, do="this is a defect of the program: report it")
        return self._with_run(decision, result, time.monotonic() - began)

    def _with_run(self, decision: Decision, result: StackResult, seconds: float) -> AccountReport:
        status = decision.account.status
        refused = decision.is_refused and result.ok
        ended = Result.FAILED if not result.ok else Result.REFUSED if refused else self._result_of_success(result)
        report = _without_run(decision.account, ended, result.reason or decision.reason, result.do or decision.do)
        digests = {Operation.PREVIEW: status.digest_before, Operation.UP: status.digest, Operation.DESTROY: None}
        return report.model_copy(
            update={
                "counts": dict(result.counts),
                "seconds": round(seconds, 1),
                "retries": result.retries,
                # A run that succeeded has mended the rest.
                "notes": status.not_taken_up if ended is Result.SUCCEEDED else report.notes,
                "digest_after": digests[self._settings.operation] if result.ok else status.digest_before,
            }
        )

    def _result_of_success(self, result: StackResult) -> Result:
        if self._settings.operation is not Operation.PREVIEW:
            return Result.SUCCEEDED
        return (
            Result.TO_DO if any(number for what, number in result.counts.items() if what != "same") else Result.IN_LINE
        )

    def _end(self, report: AccountReport) -> None:
        self.reports.append(report)
        self._failures += report.result in (Result.FAILED, Result.REFUSED)
        self._listener.ended(report)


_AGAIN = "run the same command again: it does the rest"


def _accounts(number: int) -> str:
    return f"{number:,} account{'' if number == 1 else 's'}"


def _without_run(account: FleetAccount, result: Result, reason: str = "", do: str = "") -> AccountReport:
    """Return the report of an account in which nothing ran."""
    status = account.status
    return AccountReport(
        account=account.key,
        id=account.id,
        stack=account.key,
        wave=account.wave,
        standing=status.standing,
        result=result,
        reason=reason,
        do=do,
        notes=(*status.needs, *status.not_taken_up),
        changes=reported(status.changes),
        drift=reported(status.drift),
        digest_before=status.digest_before,
        digest_after=status.digest_before,
    )


def status_report(account: FleetAccount) -> AccountReport:
    """Return the report of an account for `fleet status`."""
    status = account.status
    result = {Standing.IN_LINE: Result.IN_LINE, Standing.UNREACHABLE: Result.FAILED}.get(status.standing, Result.TO_DO)
    return _without_run(account, result, status.reason, status.do)
