"""Open the fleet of a command, and write and show the run report at its end."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import click

from cli.extras import DISTRIBUTION
from cli.fleet.loading import Choice, LoadedFleet, load_fleet
from cli.fleet.machine import this_machine
from cli.fleet.open_fleet import OpenFleet
from cli.fleet.options import FleetOptions, refuse_unwritable, write
from cli.fleet.summary import exit_code, show_summary
from fleet.report import AccountReport, Command, Result, RunReport, report_text, totals_of
from oidc.errors import BitbucketOidcError


@dataclass(frozen=True, slots=True)
class Reporter:
    """Makes the run report of a command; keeps when it began.

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
    def also_if_it_fails(self, given: FleetOptions) -> Iterator[None]:
        """Write a report in which no account started, if nothing could be asked or somebody ended the command."""
        try:
            yield
        except (BitbucketOidcError, KeyboardInterrupt, click.Abort) as error:
            reason = error.what if isinstance(error, BitbucketOidcError) else "the run was stopped"
            do = error.do if isinstance(error, BitbucketOidcError) else ""
            accounts = [_not_started(self.fleet, key, reason, do) for key in self.fleet.wave_of]
            write(given.report, self.report(accounts, interrupted=not isinstance(error, BitbucketOidcError)))
            raise


def _not_started(fleet: LoadedFleet, key: str, reason: str, do: str) -> AccountReport:
    return AccountReport(
        account=key,
        id=fleet.inputs.inventory.accounts[key].id,
        stack=key,
        wave=fleet.wave_of[key],
        standing=None,
        result=Result.NOT_STARTED,
        reason=reason,
        do=do,
    )


@contextmanager
def opened_fleet(
    given: FleetOptions, command: Command, *, may_name_stacks: bool = False
) -> Iterator[tuple[OpenFleet, Reporter]]:
    """Yield the fleet and the reporter of a command; a report is written if it fails, too.

    Args:
        given: The options of the command.
        command: Its name.
        may_name_stacks: Whether --account may also name stacks that no account has.
    """
    refuse_unwritable(given.report)
    machine = this_machine()
    choice = Choice(given.selection, given.waves, given.shard, may_name_stacks)
    loaded = load_fleet(given.inventory, choice, is_sandbox=machine.endpoint is not None)
    reporter = Reporter(loaded, command)
    with reporter.also_if_it_fails(given):
        yield OpenFleet.of(loaded, machine, given.reading_role), reporter


def finish(given: FleetOptions, report: RunReport) -> int:
    """Write and show a report, and return the exit code of its command."""
    write(given.report, report)
    if given.is_json:
        click.echo(report_text(report), nl=False)
    show_summary(report)
    return exit_code(report)
