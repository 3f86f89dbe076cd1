"""What `bitbucket-oidc lock` shows: changes and UUIDs on standard output, what is otherwise on standard error."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from cli.terminal import console
from config.findings import Place, one_line, shown
from config.inventory_files import LOCK_NAME
from config.load import Loaded
from config.lock.comparison import LockChange, compare_locks
from config.lock.discrepancies import Discrepancy
from config.lock.questions import Questions, is_answered
from facts.bitbucket.judging import NamedUuid
from facts.lock_refresh import Refreshed, wants_ranges


@contextmanager
def progress(doing: str) -> Iterator[Callable[[int, int], None]]:
    """Give what is told how many of how many names or accounts are done: a bar on a terminal, nothing elsewhere."""
    screen = console(stderr=True)
    if not screen.is_terminal or screen.is_dumb_terminal or sys.stderr is None:
        yield lambda _done, _total: None
        return
    columns = (TextColumn(doing), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=screen, transient=True) as moving:
        task = moving.add_task("", total=None)
        yield lambda done, total: moving.update(task, completed=done, total=total)


@dataclass(frozen=True, slots=True)
class Report:
    """What a run found.

    Attributes:
        changes: Between the lock there was and the new one.
        found: What is otherwise, each with its place.
        uuids: What each UUID of inventory and lock is in Bitbucket.
        is_check: Whether nothing was to be written.
        written: Whether the file was written.
        is_needed: Whether the inventory can do without a lock, and has none.
        failed: Accounts that did not answer, by key, each with why; the lock has of them what it had.
        notes: What could not be read, or was left out, and is no failure.
    """

    changes: tuple[LockChange, ...]
    found: tuple[tuple[Place, Discrepancy], ...]
    uuids: tuple[NamedUuid, ...]
    is_check: bool
    written: bool
    is_needed: bool
    failed: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, loaded: Loaded, questions: Questions, refreshed: Refreshed, *, is_check: bool, asks_aws: bool
    ) -> "Report":
        """Compare what was with what is."""
        is_needed = asks_aws or not is_answered(questions) or wants_ranges(loaded.written)
        is_needed = is_needed or loaded.lock.source is not None
        placed = tuple(sorted(((loaded.sources.place(one.path), one) for one in refreshed.discrepancies), key=_order))
        changes = compare_locks(loaded.lock.lock, refreshed.lock) if is_needed or not is_check else ()
        return cls(changes, placed, refreshed.uuids, is_check, written=False, is_needed=is_needed)

    def after_writing(self, *, written: bool) -> "Report":
        """Return the same, with whether the file was written."""
        return replace(self, written=written)

    def with_accounts(self, failed: Sequence[tuple[str, str]], notes: Sequence[str]) -> "Report":
        """Return the same, with the accounts that did not answer, and what is said of the others."""
        return replace(self, failed=tuple(failed), notes=tuple(notes))

    @property
    def is_empty(self) -> bool:
        """Tell whether nobody answered anything new, and somebody should have."""
        return bool(self.failed) and not self.changes

    @property
    def has_errors(self) -> bool:
        """Tell whether something that is otherwise is an error."""
        return any(one.level == "error" for _, one in self.found)

    def exit_code(self, *, strict: bool) -> int:
        """Return 1 for an error, with ``--check`` for a change, with ``strict`` for a warning; else 0.

        3 where an account did not answer: what it would have said is not known.
        """
        if self.failed:
            return 3
        return int(self.has_errors or (self.is_check and bool(self.changes)) or (strict and bool(self.found)))

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON; the keys are public, and documented in ``docs/reference/commands.md``."""
        return {
            "agrees": not self.changes and not self.has_errors and not self.failed,
            "written": self.written,
            "changes": [change.to_json() for change in self.changes],
            "findings": [one.to_json(place) for place, one in self.found],
            "uuids": [
                {
                    "uuid": one.uuid,
                    "kind": one.kind,
                    "name": "/".join(one.name),
                    "today": one.today and shown(one.today),
                }
                for one in self.uuids
            ],
            "failed": [{"account": key, "message": shown(why)} for key, why in self.failed],
            "notes": [shown(note) for note in self.notes],
        }


def _order(placed: tuple[Place, Discrepancy]) -> tuple[Place, str, str]:
    place, one = placed
    return place, one.rule, one.message


def show(report: Report) -> None:
    """Print it for people."""
    for place, one in report.found:
        click.echo(one.line(place), err=True)
    if report.is_check:
        for uuid in report.uuids:
            today = (
                f"{uuid.kind} {uuid.today}" if uuid.today else f"nothing in Bitbucket, and {'/'.join(uuid.name)} here"
            )
            click.echo(shown(f"{uuid.uuid} is {today}"))
    for note in report.notes:
        click.echo(f"note: {one_line(note)}", err=True)
    for key, why in report.failed:
        click.echo(f"error: account {key}: {one_line(why)}; what the lock has of it stays", err=True)
    for change in report.changes:
        click.echo(f"{_MARKS[change.kind]} {change}")
    click.echo(_end(report), err=True)


_MARKS = {"added": "+", "removed": "-", "changed": "~"}


def _end(report: Report) -> str:
    errors = sum(one.level == "error" for _, one in report.found)
    if errors and report.is_check:
        return f"{errors} error{'' if errors == 1 else 's'}: the inventory or its lock is not what the world says"
    if errors:
        return f"{LOCK_NAME} is left as it is: correct what is above first"
    if report.is_empty:
        return f"{LOCK_NAME} is left as it is: accounts did not answer"
    return _outcome(report)


def _outcome(report: Report) -> str:
    count = f"{len(report.changes)} change{'' if len(report.changes) == 1 else 's'}"
    if report.written:
        return f"{LOCK_NAME} is written, {count}: review it and commit it"
    if not report.is_needed:
        return "the inventory names every UUID itself, and there is no lock to compare with"
    if report.changes:
        return f"{LOCK_NAME} differs from the world: {count}; `bitbucket-oidc lock` writes them"
    return f"{LOCK_NAME} is as the world is"
