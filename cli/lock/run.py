"""The sources that `bitbucket-oidc lock` asks, from its options and environment, and its report."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from config.findings import Finding, Level, has_errors, one_line, shown
from config.inventory_files import LOCK_NAME
from config.load import Loaded
from config.lock.comparison import LockChange, compare_locks
from config.lock.models import Part
from config.lock.questions import Questions, is_answered
from facts import atlassian_ranges
from facts.bitbucket.api import API, BitbucketApi, BitbucketSettings
from facts.bitbucket.client import BitbucketClient
from facts.bitbucket.credentials import Credentials, find_credentials
from facts.bitbucket.failures import HOW
from facts.bitbucket.judging import NamedUuid
from facts.issuer.certificates import Chain, fetch_chains
from facts.issuer.connect import IssuerConnect
from facts.issuer.thumbprints import FetchChain
from facts.lock_refresh import Refreshed, World, wants_ranges
from facts.web_address import WebAddress, checked_ca_file
from review.terminal import console


def world_of(
    bitbucket_url: str | None,
    ranges_url: str | None,
    ca_file: Path | None,
    *,
    parts: frozenset[Part],
    tell: Callable[[str], None],
) -> World:
    """Return the sources of the answers.

    A Bitbucket on this machine replaces the real one and its issuers: with TLS and a CA file, the issuers' certificates
    come from it too.

    Args:
        bitbucket_url: URL of the REST API, or ``None`` for the real one.
        ranges_url: URL of the address ranges, or ``None`` for the real one.
        ca_file: PEM file of the CAs to trust.
        parts: The parts to look up; only names need credentials.
        tell: Shows a note to the user.

    Raises:
        UsageError: A URL, the CA file or the credentials cannot be used.
    """
    address = WebAddress.parse(API if bitbucket_url is None else bitbucket_url, named="the URL of Bitbucket")
    ranges = WebAddress.parse(
        atlassian_ranges.URL if ranges_url is None else ranges_url, named="the URL of the address ranges"
    )
    trusted = checked_ca_file(ca_file) if ca_file is not None else None
    if address.is_loopback and parts & {Part.WORKSPACES, Part.ISSUERS}:
        tell("note: this is a Bitbucket on this machine, not the real one; do not commit the lock")
    asks_names = Part.WORKSPACES in parts
    credentials = find_credentials(os.environ, address.origin[1]) if asks_names else Credentials()
    if asks_names and not credentials.source:
        tell(f"note: without credentials, Bitbucket shows only public workspaces and repositories; {HOW}")

    def on_wait(seconds: float) -> None:
        tell(f"waiting {seconds / 60:.0f} minutes: Bitbucket's hourly limit of requests is used up")

    settings = BitbucketSettings(address, trusted, on_wait=on_wait)
    return World(
        BitbucketClient(BitbucketApi(credentials, settings)),
        _fetch_chain(address, trusted),
        lambda: atlassian_ranges.fetch_ranges(ranges, ca_file=trusted),
    )


def _fetch_chain(address: WebAddress, ca_file: Path | None) -> FetchChain | None:
    if address.is_loopback and (address.origin[0] != "https" or ca_file is None):
        return None
    connect = IssuerConnect(address.connect_to, ca_file) if address.is_loopback and ca_file is not None else None

    def fetch_chain(issuer: str, alike: Sequence[str]) -> Chain:
        return fetch_chains([issuer], alike={issuer: alike}, connect=connect)[issuer]

    return fetch_chain


@contextmanager
def progress(doing: str) -> Iterator[Callable[[int, int], None]]:
    """Yield a function of the finished and the total number; on a terminal it moves a progress bar."""
    screen = console(stderr=True)
    if not screen.is_terminal or screen.is_dumb_terminal or sys.stderr is None:
        yield lambda _done, _total: None
        return
    columns = (TextColumn(doing), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=screen, transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


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
    """

    changes: tuple[LockChange, ...]
    findings: tuple[Finding, ...]
    uuids: tuple[NamedUuid, ...]
    is_check: bool
    is_written: bool
    is_needed: bool
    failed: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, loaded: Loaded, questions: Questions, refreshed: Refreshed, *, is_check: bool, asks_aws: bool
    ) -> "LockReport":
        """Compare the old lock with the answers."""
        is_needed = asks_aws or not is_answered(questions) or wants_ranges(loaded.without_lock)
        is_needed = is_needed or loaded.lock.source is not None
        findings = tuple(sorted(fault.at(loaded.sources.place(fault.path)) for fault in refreshed.discrepancies))
        changes = compare_locks(loaded.lock.lock, refreshed.lock) if is_needed or not is_check else ()
        return cls(changes, findings, refreshed.uuids, is_check, is_written=False, is_needed=is_needed)

    def after_writing(self, *, is_written: bool) -> "LockReport":
        """Return the same report; ``is_written`` tells whether the file was written."""
        return replace(self, is_written=is_written)

    def with_accounts(self, failed: Sequence[tuple[str, str]], notes: Sequence[str]) -> "LockReport":
        """Return the same report with the accounts that did not answer, and notes on the others."""
        return replace(self, failed=tuple(failed), notes=tuple(notes))

    @property
    def is_empty(self) -> bool:
        """Tell whether accounts failed and nothing new was answered."""
        return bool(self.failed) and not self.changes

    @property
    def has_errors(self) -> bool:
        """Tell whether a difference is an error."""
        return has_errors(self.findings)

    def exit_code(self, *, strict: bool) -> int:
        """Return 1 for an error, with ``--check`` for a change, with ``strict`` for a warning; else 0.

        Return 3 if an account did not answer, since its answer is not known.
        """
        if self.failed:
            return 3
        return int(self.has_errors or (self.is_check and bool(self.changes)) or (strict and bool(self.findings)))

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON; the keys are public, and documented in ``docs/reference/commands.md``."""
        return {
            "agrees": not self.changes and not self.has_errors and not self.failed,
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
    if report.is_empty:
        return f"{LOCK_NAME} is not changed: accounts did not answer"
    return _outcome(report)


def _outcome(report: LockReport) -> str:
    count = f"{len(report.changes)} change{'' if len(report.changes) == 1 else 's'}"
    if report.is_written:
        return f"{LOCK_NAME} is written, {count}: review it and commit it"
    if not report.is_needed:
        return "the inventory has every UUID itself, so it needs no lock"
    if report.changes:
        return f"{LOCK_NAME} is out of date: {count}; `bitbucket-oidc lock` writes them"
    return f"{LOCK_NAME} is up to date"
