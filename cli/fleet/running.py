"""What `fleet preview`, `up` and `destroy` have in common: ask, decide, run, report."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import FrameType
from typing import TYPE_CHECKING

import click

from access.plan import AccessPlan
from access.update_preview import LossLimits
from cli.extras import DISTRIBUTION
from cli.fleet.asking import World
from cli.fleet.loading import Choice, LoadedFleet, load_fleet
from cli.fleet.machine import this_machine
from cli.fleet.options import Asked, refuse_unwritable, write
from cli.fleet.progress import run_progress
from cli.fleet.summary import exit_code, show_summary
from config.findings import one_line
from fleet.backend import stack_states
from fleet.decide import Decision, FleetAccount, RunRules, decide
from fleet.healing import break_dead_locks, mend_attributes
from fleet.parallel import parallel_here
from fleet.report import AccountReport, Command, Result, RunReport, report_text, totals_of
from fleet.run import RunSettings, run_fleet
from fleet.stack_job import Operation, StackJob, StackResult
from oidc.errors import BitbucketOidcError

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


@dataclass(frozen=True, slots=True)
class Recorder:
    """Makes the run report of a command.

    Attributes:
        fleet: The fleet.
        command: The command.
        started: When it began.
        began: The same, by the monotonic clock.
    """

    fleet: LoadedFleet
    command: Command
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    began: float = field(default_factory=time.monotonic)

    def report(self, accounts: Sequence[AccountReport], *, interrupted: bool = False) -> RunReport:
        """Return the report at this moment."""
        from importlib.metadata import version  # noqa: PLC0415 - only a report needs it

        return RunReport(
            command=self.command,
            version=version(DISTRIBUTION),
            plan=self.fleet.digest,
            started=self.started,
            seconds=round(time.monotonic() - self.began, 1),
            interrupted=interrupted,
            parts=(self.fleet.choice.part,),
            fleet=len(self.fleet.plan.accounts),
            totals=totals_of(accounts),
            accounts=tuple(sorted(accounts, key=lambda account: account.account)),
        )

    @contextmanager
    def also_if_it_fails(self, asked: Asked) -> Iterator[None]:
        """Write a report in which no account started, if nothing could be asked or somebody ended the command."""
        try:
            yield
        except (BitbucketOidcError, KeyboardInterrupt, click.Abort) as error:
            reason = error.what if isinstance(error, BitbucketOidcError) else "the run was stopped"
            do = error.do if isinstance(error, BitbucketOidcError) else ""
            accounts = [_not_asked(self.fleet, key, reason, do) for key in self.fleet.wave_of]
            write(asked.report, self.report(accounts, interrupted=not isinstance(error, BitbucketOidcError)))
            raise


def _not_asked(fleet: LoadedFleet, key: str, reason: str, do: str) -> AccountReport:
    return AccountReport(
        account=key,
        id=fleet.loaded.inventory.accounts[key].id,
        stack=key,
        wave=fleet.wave_of[key],
        standing=None,
        result=Result.NOT_STARTED,
        reason=reason,
        do=do,
    )


@contextmanager
def asking(
    asked: Asked, command: Command, *, may_name_stacks: bool = False
) -> Iterator[tuple[LoadedFleet, World, Recorder]]:
    """Yield the fleet, the world and the recorder of a command; a failure inside is reported.

    Args:
        asked: The options of the command.
        command: Its name.
        may_name_stacks: Whether --account may also name stacks that no account has.
    """
    refuse_unwritable(asked.report)
    machine = this_machine()
    choice = Choice(asked.selection, asked.waves, asked.shard, may_name_stacks)
    fleet = load_fleet(asked.inventory, choice, is_sandbox=machine.endpoint is not None)
    recorder = Recorder(fleet, command)
    with recorder.also_if_it_fails(asked):
        yield fleet, World.of(fleet, machine, asked.reading_role), recorder


def run_and_report(
    asked: Asked, options: RunOptions, world: World, accounts: Sequence[FleetAccount], recorder: Recorder
) -> int:
    """Run the accounts that need it, show and write the report, and return the exit code."""
    decisions = decide(accounts, RunRules(options.operation, options.every, options.limits, options.reviewed))
    settings = RunSettings(options.operation, options.parallel or parallel_here(), options.max_failures)
    number = sum(decision.result is None for decision in decisions)
    engine = _prepared(world, decisions) if number else None
    if engine is not None:
        click.echo(f"{number:,} of {len(decisions):,} run, at most {settings.parallel} at the same time", err=True)

    def run_stack(account: FleetAccount) -> StackResult:
        assert engine is not None  # noqa: S101 - there is one if anything runs
        if account.status.is_locked and options.operation is not Operation.PREVIEW:
            _tell(account.key, *break_dead_locks(world.backend, account.status))
        result = engine.run(job_of(account, world.fleet.plan), options.operation, lambda _step: None)
        if options.remove_stacks and result.ok:
            stack_states(world.machine).remove(account.key)
        return result

    with stopping(engine) as stop, run_progress(number) as progress:
        end = run_fleet(decisions, settings, run_stack, progress, stop)
    return finish(asked, recorder.report(end.accounts, interrupted=end.interrupted))


def _prepared(world: World, decisions: Sequence[Decision]) -> "StackRunner":
    """Return the engine, ready to run; what killed runs left beside the states is removed first."""
    for decision in decisions:
        _tell(decision.account.key, mend_attributes(world.backend, decision.account.status))
    engine = world.engine
    engine.prepare()
    return engine


def _tell(key: str, *sentences: str) -> None:
    for sentence in filter(None, sentences):
        click.echo(one_line(f"{key}: {sentence}"), err=True)


def finish(asked: Asked, report: RunReport) -> int:
    """Write and show a report, and return the exit code of its command."""
    write(asked.report, report)
    if asked.is_json:
        click.echo(report_text(report), nl=False)
    show_summary(report)
    return exit_code(report)


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
