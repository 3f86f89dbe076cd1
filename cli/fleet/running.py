"""Run accounts for `fleet preview`, `up` and `destroy`: decide, run, report."""

import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import TYPE_CHECKING

import click

from access.plan import AccessPlan
from access.update_preview import LossLimits
from cli.fleet.open_fleet import OpenFleet
from cli.fleet.options import FleetOptions
from cli.fleet.progress import run_progress
from cli.fleet.reporting import Reporter, finish
from config.findings import one_line
from fleet.backend import stack_states
from fleet.decide import Decision, FleetAccount, RunRules, decide
from fleet.healing import break_dead_locks, mend_attributes
from fleet.parallel import parallel_here
from fleet.run import RunSettings, run_fleet
from fleet.stack_job import Operation, StackJob, StackResult

if TYPE_CHECKING:
    from fleet.stack_run import StackRunner


@dataclass(frozen=True, slots=True)
class RunOptions:
    """The options of a run.

    Attributes:
        operation: What to do.
        parallel: Accounts at the same time; ``None`` for the default of this machine.
        max_failures: See ``RunSettings``.
        every: Whether accounts in line run too.
        limits: The accepted losses.
        reviewed: The digests that a review names, by key; ``None`` if none is required.
        remove_stacks: Whether emptied stacks are removed.
    """

    operation: Operation
    parallel: int | None = None
    max_failures: int | None = None
    every: bool = False
    limits: LossLimits = field(default_factory=LossLimits)
    reviewed: Mapping[str, frozenset[str]] | None = None
    remove_stacks: bool = False


def run_and_report(
    given: FleetOptions, options: RunOptions, fleet: OpenFleet, accounts: Sequence[FleetAccount], reporter: Reporter
) -> int:
    """Run the accounts that need it, show and write the report, and return the exit code."""
    decisions = decide(accounts, RunRules(options.operation, options.every, options.limits, options.reviewed))
    settings = RunSettings(options.operation, options.parallel or parallel_here(), options.max_failures)
    number = sum(decision.result is None for decision in decisions)
    engine = _prepared(fleet, decisions) if number else None
    if engine is not None:
        click.echo(f"{number:,} of {len(decisions):,} run, at most {settings.parallel} at the same time", err=True)

    def run_stack(account: FleetAccount) -> StackResult:
        assert engine is not None  # noqa: S101 - there is one if anything runs
        if account.status.is_locked and options.operation is not Operation.PREVIEW:
            _tell(account.key, *break_dead_locks(fleet.backend, account.status))
        result = engine.run(job_of(account, fleet.loaded.plan), options.operation, lambda _step: None)
        if options.remove_stacks and result.ok:
            stack_states(fleet.machine).remove(account.key)
        return result

    with stopping(engine) as stop, run_progress(number) as progress:
        end = run_fleet(decisions, settings, run_stack, progress, stop)
    return finish(given, reporter.report(end.accounts, interrupted=end.interrupted))


def _prepared(fleet: OpenFleet, decisions: Sequence[Decision]) -> "StackRunner":
    """Return the engine, ready to run; what killed runs left beside the states is removed first."""
    for decision in decisions:
        _tell(decision.account.key, mend_attributes(fleet.backend, decision.account.status))
    engine = fleet.engine
    engine.prepare()
    return engine


def _tell(key: str, *sentences: str) -> None:
    for sentence in filter(None, sentences):
        click.echo(one_line(f"{key}: {sentence}"), err=True)


def job_of(account: FleetAccount, plan: AccessPlan) -> StackJob:
    """Return what the engine is asked for in an account."""
    status = account.status
    return StackJob(
        account.key,
        plan.only(frozenset({account.key})),
        secrets_provider_of_state=status.secrets_provider,
        is_new=status.is_new,
        rename_from=status.rename_from,
        take_up=status.take_up,
        clear_pending=status.has_pending,
        unprotect=status.is_protected,
    )


@contextmanager
def stopping(engine: "StackRunner | None") -> Iterator[threading.Event]:
    """Yield an event that the first Ctrl-C sets; the second one, or SIGTERM, also interrupts the stacks that run."""
    stop = threading.Event()

    def handle(number: int, _frame: FrameType | None) -> None:
        # Not `click.echo`: a handler may run while the same stream is written.
        if engine is not None and (stop.is_set() or number == signal.SIGTERM):
            os.write(2, b"\ninterrupting the accounts that run; each saves its state\n")
            engine.interrupt()
        else:
            os.write(2, b"\nstopping: nothing new starts; Ctrl-C again interrupts the accounts that run\n")
        stop.set()

    with _handled((signal.SIGINT, signal.SIGTERM), handle):
        yield stop


@contextmanager
def _handled(signals: Sequence[signal.Signals], handle: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():  # only the main thread may set handlers
        yield
        return
    before = {number: signal.signal(number, handle) for number in signals}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
