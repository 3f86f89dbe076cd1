"""The sources that `bitbucket-oidc lock` asks, from its options and environment, and the progress of asking."""

import math
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeElapsedColumn
from rich.text import Text

from config.lock.models import Part
from facts import atlassian_ranges
from facts.bitbucket.api import API, BitbucketApi, BitbucketSettings
from facts.bitbucket.client import BitbucketClient
from facts.bitbucket.credentials import Credentials, find_credentials
from facts.bitbucket.failures import HOW
from facts.issuer.certificates import Chain, fetch_chains
from facts.issuer.connect import IssuerConnect
from facts.issuer.thumbprints import FetchChain
from facts.lock_refresh import World
from facts.web_address import WebAddress, checked_ca_file
from review.terminal import console


def world_of(
    bitbucket_url: str | None,
    ranges_url: str | None,
    ca_file: Path | None,
    *,
    parts: frozenset[Part],
    tell: Callable[[str], None],
    names_left: Callable[[], int],
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
        names_left: Returns the number of names that are not answered yet.

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
        if seconds >= _WORTH_TELLING:
            left = f"{names_left():,} names are left: about {_duration(api.seconds_for(max(1, names_left())))}"
            tell(f"waiting {_duration(seconds)}: Bitbucket's hourly limit of requests is used up; {left}")

    api = BitbucketApi(credentials, BitbucketSettings(address, trusted, on_wait=on_wait))
    return World(
        BitbucketClient(api),
        _fetch_chain(address, trusted),
        lambda: atlassian_ranges.fetch_ranges(ranges, ca_file=trusted),
        api.seconds_for,
    )


_WORTH_TELLING = 60.0
"""Seconds."""


def _duration(seconds: float) -> str:
    """Return ``1 minute``, ``59 minutes`` or ``2.5 hours``."""
    minutes = math.ceil(seconds / 60)
    if minutes >= 120:  # noqa: PLR2004 - two hours
        return f"{minutes / 60:.1f} hours"
    return f"{minutes} minute{'' if minutes == 1 else 's'}"


def _fetch_chain(address: WebAddress, ca_file: Path | None) -> FetchChain | None:
    if address.is_loopback and (address.origin[0] != "https" or ca_file is None):
        return None
    connect = IssuerConnect(address.connect_to, ca_file) if address.is_loopback and ca_file is not None else None

    def fetch_chain(issuer: str, alike: Sequence[str]) -> Chain:
        return fetch_chains([issuer], alike={issuer: alike}, connect=connect)[issuer]

    return fetch_chain


class _TimeLeft(ProgressColumn):
    """The time that the limit of requests delays the rest, if it is a minute or more.

    Args:
        seconds_for: Returns the seconds after which this many more requests are sent.
    """

    def __init__(self, seconds_for: Callable[[int], float]) -> None:
        super().__init__()
        self._seconds_for = seconds_for

    def render(self, task: Task) -> Text:
        """Return ``about 59 minutes left`` or nothing."""
        seconds = self._seconds_for(int(task.remaining)) if task.remaining else 0.0
        return Text(f"about {_duration(seconds)} left" if seconds >= _WORTH_TELLING else "")


@contextmanager
def progress(
    doing: str, seconds_for: Callable[[int], float] = lambda _requests: 0.0
) -> Iterator[Callable[[int, int], None]]:
    """Yield a function of the finished and the total number; on a terminal it moves a progress bar.

    Args:
        doing: What is being done.
        seconds_for: Returns the seconds for this many more requests, by a limit.
    """
    screen = console(stderr=True)
    if not screen.is_terminal or screen.is_dumb_terminal or sys.stderr is None:
        yield lambda _done, _total: None
        return
    columns = (TextColumn(doing), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), _TimeLeft(seconds_for))
    with Progress(*columns, console=screen, transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
