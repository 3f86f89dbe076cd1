"""The report of `bitbucket-oidc lock`: what was answered, what differs, and what was written."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import click

from config.findings import Finding, Level, has_errors, one_line, shown
from config.inventory_files import LOCK_NAME
from config.load import Loaded
from config.lock.comparison import LockChange, compare_locks
from config.lock.questions import Questions, is_answered
from facts.bitbucket.judging import NamedUuid
from facts.bitbucket.resolution import Unanswered
from facts.lock_refresh import Refreshed, wants_ranges


@dataclass(frozen=True, slots=True)
class LockReport:
    """The result of a run.

    Attributes:
        changes: From the old lock to the new one.
        findings: Differences from the inventory and the old lock, each with its place.
        uuids: Each UUID of inventory and lock with its name in Bitbucket.
        is_check: Whether ``--check`` was given, so that nothing is written.
        is_written: Whether the file was written.
        is_needed: Whether the inventory has or needs a lock.
        failed: Accounts that did not answer, key and reason; the lock keeps their old entries.
        notes: What could not be read or was left out, and is not a failure.
        unanswered: The names that Bitbucket's limit left unanswered; the lock keeps their old entries.
    """

    changes: tuple[LockChange, ...]
    findings: tuple[Finding, ...]
    uuids: tuple[NamedUuid, ...]
    is_check: bool
    is_written: bool
    is_needed: bool
    failed: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    unanswered: Unanswered | None = None

    @classmethod
    def of(
        cls, loaded: Loaded, questions: Questions, refreshed: Refreshed, *, is_check: bool, asks_aws: bool
    ) -> "LockReport":
        """Compare the old lock with the answers."""
        is_needed = asks_aws or not is_answered(questions) or wants_ranges(loaded.without_lock)
        is_needed = is_needed or loaded.lock.source is not None
        findings = tuple(sorted(fault.at(loaded.sources.place(fault.path)) for fault in refreshed.discrepancies))
        changes = compare_locks(loaded.lock.lock, refreshed.lock) if is_needed or not is_check else ()
        notes = ("no AWS account was asked",) if asks_aws and refreshed.unanswered else ()
        return cls(
            changes,
            findings,
            refreshed.uuids,
            is_check,
            is_written=False,
            is_needed=is_needed,
            notes=notes,
            unanswered=refreshed.unanswered,
        )

    def after_writing(self, *, is_written: bool) -> "LockReport":
        """Return the same report; ``is_written`` tells whether the file was written."""
        return replace(self, is_written=is_written)

    def with_accounts(self, failed: Sequence[tuple[str, str]], notes: Sequence[str]) -> "LockReport":
        """Return the same report with the accounts that did not answer, and notes on the others."""
        return replace(self, failed=tuple(failed), notes=tuple(notes))

    @property
    def is_empty(self) -> bool:
        """Tell whether accounts or names have no answer and nothing new was answered."""
        return self.is_partial and not self.changes

    @property
    def is_partial(self) -> bool:
        """Tell whether accounts or names have no answer."""
        return bool(self.failed) or self.unanswered is not None

    @property
    def has_errors(self) -> bool:
        """Tell whether a difference is an error."""
        return has_errors(self.findings)

    def exit_code(self, *, strict: bool) -> int:
        """Return 1 for an error, with ``--check`` for a change, with ``strict`` for a warning; else 0.

        Return 3 if an account or a name has no answer.
        """
        if self.is_partial:
            return 3
        return int(self.has_errors or (self.is_check and bool(self.changes)) or (strict and bool(self.findings)))

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON; the keys are public, and documented in ``docs/reference/commands.md``."""
        return {
            "agrees": not self.changes and not self.has_errors and not self.is_partial,
            "written": self.is_written,
            "changes": [change.to_json() for change in self.changes],
            "findings": [finding.to_json() for finding in self.findings],
            "uuids": [
                {
                    "uuid": named.uuid,
                    "kind": named.kind,
                    "name": "/".join(named.name),
                    "today": named.today and shown(named.today),
                }
                for named in self.uuids
            ],
            "failed": [{"account": key, "message": shown(why)} for key, why in self.failed],
            "notes": [shown(note) for note in self.notes],
            "unanswered": self.unanswered
            and {
                "names": self.unanswered.names,
                "total": self.unanswered.total,
                "message": shown(str(self.unanswered.error)),
            },
        }


def show(report: LockReport) -> None:
    """Print the report for people."""
    for finding in report.findings:
        click.echo(str(finding), err=True)
    if report.is_check:
        for named in report.uuids:
            today = (
                f"is {named.kind} {named.today}"
                if named.today
                else f"is not in Bitbucket; its name here is {'/'.join(named.name)}"
            )
            click.echo(shown(f"{named.uuid} {today}"))
    for note in report.notes:
        click.echo(f"note: {one_line(note)}", err=True)
    for key, why in report.failed:
        click.echo(f"error: account {key}: {one_line(why)}; the lock keeps its old entries for it", err=True)
    if report.unanswered:
        click.echo(f"error: {one_line(str(report.unanswered.error))}", err=True)
    for change in report.changes:
        click.echo(f"{_MARKS[change.kind]} {change}")
    click.echo(_end(report), err=True)


_MARKS = {"added": "+", "removed": "-", "changed": "~"}


def _end(report: LockReport) -> str:
    errors = sum(finding.level is Level.ERROR for finding in report.findings)
    if errors and report.is_check:
        return f"{errors} error{'' if errors == 1 else 's'}: the inventory or its lock differs from what was looked up"
    if errors:
        return f"{LOCK_NAME} is not changed: fix the errors above first"
    if report.unanswered:
        return _partial_outcome(report, report.unanswered)
    if report.is_empty:
        return f"{LOCK_NAME} is not changed: accounts did not answer"
    return _outcome(report)


def _partial_outcome(report: LockReport, unanswered: Unanswered) -> str:
    names = f"{unanswered.names:,} of {unanswered.total:,} workspaces and repositories"
    if report.is_check:
        return f"{names} were not compared; " + (
            "the others differ as above" if report.changes else "the others agree with the lock"
        )
    kept = f"is written, {_count(report)}" if report.is_written else "is not changed"
    return f"{LOCK_NAME} {kept}; {names} have no new answer: the next run begins with those that the lock lacks"


def _outcome(report: LockReport) -> str:
    if report.is_written:
        return f"{LOCK_NAME} is written, {_count(report)}: review it and commit it"
    if not report.is_needed:
        return "the inventory has every UUID itself, so it needs no lock"
    if report.changes:
        return f"{LOCK_NAME} is out of date: {_count(report)}; `bitbucket-oidc lock` writes them"
    return f"{LOCK_NAME} is up to date"


def _count(report: LockReport) -> str:
    return f"{len(report.changes)} change{'' if len(report.changes) == 1 else 's'}"
