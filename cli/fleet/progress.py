"""The progress of a run: a bar on a terminal, else plain lines."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from cli.fleet.summary import in_words, steps_in_words
from config.findings import one_line
from fleet.report import UNDONE, AccountReport, Result
from review.terminal import console

_EVERY_SECONDS = 30.0
"""Between two lines about the whole, without a terminal."""

_TOLD = frozenset({Result.SUCCEEDED, Result.FAILED, Result.REFUSED})
"""The results that get a line each."""


class RunProgress:
    """Counts the accounts of a run, and shows those that failed or changed.

    Args:
        total: The number of accounts that run.
        bar: The bar of a terminal, or ``None`` for plain lines.
    """

    def __init__(self, total: int, bar: Progress | None) -> None:
        self._total, self._bar = total, bar
        self._task = None if bar is None else bar.add_task("", total=total, running=0, failed=0)
        self._running: set[str] = set()
        self._done = self._failed = 0
        self._began = time.monotonic()
        self._lock = threading.Lock()

    def started(self, key: str) -> None:
        """Count an account that runs."""
        with self._lock:
            self._running.add(key)
            self._update()

    def ended(self, report: AccountReport) -> None:
        """Count an account that has its result; show it if it failed or changed."""
        with self._lock:
            self._done += report.account in self._running
            self._running.discard(report.account)
            self._failed += report.result in UNDONE and report.result is not Result.NOT_STARTED
            if report.result in _TOLD and (self._bar is None or report.is_failure):
                self._say(account_line(report))
            self._update()

    def tell(self) -> None:
        """Show a line about the whole, without a terminal."""
        with self._lock:
            if self._bar is None and self._done < self._total:
                self._say(self._line())

    def _line(self) -> str:
        seconds = time.monotonic() - self._began
        left = f", about {in_words(seconds / self._done * (self._total - self._done))} left" if self._done else ""
        counts = (
            f"{self._done:,} of {self._total:,} accounts done, {len(self._running)} running, {self._failed:,} failed"
        )
        return f"{counts}; {in_words(seconds)}{left}"

    def _update(self) -> None:
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=self._done, running=len(self._running), failed=self._failed)

    def _say(self, line: str) -> None:
        if self._bar is not None:
            self._bar.console.print(line, markup=False, highlight=False, soft_wrap=True)
        else:
            click.echo(line, err=True)


def account_line(report: AccountReport) -> str:
    """Return ``prod-eu: succeeded: 3 create, 1 update; 12 s``."""
    what = f"{report.reason}; {report.do}" if report.reason and report.do else report.reason
    parts = [report.account, report.result.value, what if report.is_failure else steps_in_words(report.counts)]
    seconds = f"; {in_words(report.seconds)}" if report.seconds else ""
    return one_line(": ".join(filter(None, parts)) + seconds)


@contextmanager
def run_progress(total: int) -> Iterator[RunProgress]:
    """Yield the progress of ``total`` accounts that run, on standard error."""
    screen = console(stderr=True)
    if screen.is_terminal and not screen.is_dumb_terminal:
        columns = (
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[running]} running, {task.fields[failed]} failed", markup=False),
            TimeElapsedColumn(),
            TextColumn("left:"),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=screen, transient=True) as bar:
            yield RunProgress(total, bar)
        return
    progress, ended = RunProgress(total, None), threading.Event()

    def tell_now_and_then() -> None:
        while not ended.wait(_EVERY_SECONDS):
            progress.tell()

    teller = threading.Thread(target=tell_now_and_then, name="progress", daemon=True)
    teller.start()
    try:
        yield progress
    finally:
        ended.set()
        teller.join()
