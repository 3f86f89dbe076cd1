"""The one HTTP client, for Bitbucket, issuers and address ranges: it bounds time, size and the number of tries."""

import copy
import math
import os
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol, TypeVar

import certifi
import requests
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies

from facts.http_failures import REQUEST_FAILURES, is_transient, tried, what_happened
from facts.web_address import target_on_same_host

T = TypeVar("T")

MAX_BYTES = 8_000_000
"""The limit of one answer. A page of 100 repositories with all of Bitbucket's fields has half a million bytes."""

TRANSIENT_STATUSES = frozenset({429, 500, 502, 503, 504})
"""Statuses that may be different at the next try.

Sources: https://www.rfc-editor.org/rfc/rfc6585#section-4 and https://www.rfc-editor.org/rfc/rfc9110#section-15.6.
"""

_HEADERS = {"User-Agent": "bitbucket-aws-oidc", "Accept": "application/json", "Accept-Encoding": "identity"}
_CHUNK_BYTES = 8_192


def within(seconds: float, work: Callable[[], T]) -> T:
    """Return what ``work`` returns, or raise what it raises, after at most this many seconds.

    A socket timeout limits each operation, not their sum: a host that sends one byte now and then, or a slow name
    server, can block its caller without end. So the work runs in a separate thread. If it takes too long, the thread is
    abandoned, and delays neither the caller nor the end of the process.

    Raises:
        TimeoutError: The time is over.
    """
    result: Future[T] = Future()

    def run() -> None:
        try:
            result.set_result(work())
        except BaseException as error:  # noqa: BLE001 - raised again by the caller's thread
            result.set_exception(error)

    threading.Thread(target=run, name="time-limited", daemon=True).start()
    return result.result(timeout=seconds)


@dataclass(frozen=True)
class Clock:
    """The time for one fetch; tests use another clock.

    Attributes:
        now: Returns seconds since some moment; it never goes back.
        sleep: Waits for this many seconds.
    """

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


REAL_TIME = Clock()


class Pace(Protocol):
    """Keeps requests under the limit of a server."""

    def wait(self) -> None:
        """Wait until one more request may go."""

    def hear(self, headers: Mapping[str, str]) -> None:
        """Read the limit from an answer."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a request.

    Attributes:
        url: The URL that answered; after a redirect, the last one.
        status: The HTTP status, ``200``.
        headers: By name, ignoring case.
        body: The whole body, or its beginning if it is too large.
        tries: How often the request was sent.
        is_too_large: Whether the body was not read to its end.
    """

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    tries: int = 1
    is_too_large: bool = False

    @property
    def leads_to(self) -> str | None:
        """Where a redirect leads if it stays on the host; else ``None``."""
        is_redirect = self.status in (301, 302, 307, 308)
        return target_on_same_host(self.url, self.headers.get("Location", "")) if is_redirect else None


@dataclass(frozen=True, slots=True)
class NoReply:
    """A request without an answer: ``error`` is one of ``REQUEST_FAILURES``."""

    url: str
    error: Exception
    tries: int = 1

    @property
    def what(self) -> str:
        """What happened: ``it refused the connection (tried 3 times)``."""
        return what_happened(self.error) + tried(self.tries)


@dataclass(frozen=True, slots=True)
class Retries:
    """When a request is sent again.

    Attributes:
        pauses: Seconds before each further try.
        longest_retry_after: Seconds; if a host demands a longer wait, the request is not sent again.
        after_time_limit: Whether a request that took too long is sent again.
    """

    pauses: tuple[float, ...] = (0.5, 1.5)
    longest_retry_after: float = 5.0
    after_time_limit: bool = False

    def pause_after(self, outcome: Reply | NoReply, pause: float) -> float | None:
        """Return the seconds to wait before the next try, or ``None`` if the outcome is final.

        ``Retry-After`` in seconds is honoured; ``Retry-After`` as a date is ignored
        (https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3).
        """
        if isinstance(outcome, NoReply):
            is_over = self.after_time_limit and isinstance(outcome.error, TimeoutError)
            return pause if is_over or is_transient(outcome.error) else None
        if outcome.status not in TRANSIENT_STATUSES:
            return None
        asked = outcome.headers.get("Retry-After", "").strip()
        if not (asked.isascii() and asked.isdigit()):
            return pause
        # A number with more digits is too large in any case, so a hostile one is not parsed.
        seconds = float(asked) if len(asked) <= len("1000") else math.inf
        return max(seconds, pause) if seconds <= self.longest_retry_after else None


@dataclass(frozen=True)
class Transport:
    """Sends requests; may be used by several threads.

    It keeps no cookies and takes no login from a .netrc file: the caller alone decides what is sent where.

    Attributes:
        ca_file: A PEM file with the only CAs to trust; ``None`` for the file that ``REQUESTS_CA_BUNDLE`` or
            ``CURL_CA_BUNDLE`` names, else certifi's.
        seconds: The time limit of a try, from the look-up of the name to the last byte.
        connect_seconds: The time limit of a TCP connection, if it is lower.
        max_bytes: How much of an answer is read.
        retries: When a request is sent again.
        proxies: By scheme, ``{"http": "http://localhost:29418"}``; ``None`` for those of the environment.
        pace: Keeps requests under the limit of a server, or ``None``.
        clock: For pauses.
        adapter: Makes connections, and keeps them open for further requests.
    """

    ca_file: Path | None = None
    seconds: float = 20.0
    connect_seconds: float | None = None
    max_bytes: int = MAX_BYTES
    retries: Retries = Retries()
    proxies: Mapping[str, str] | None = None
    pace: Pace | None = None
    clock: Clock = REAL_TIME
    adapter: HTTPAdapter = field(default_factory=HTTPAdapter)

    def send(
        self, request: requests.Request, *, redirects: int = 0, until: float = math.inf, any_status: bool = False
    ) -> Reply | NoReply:
        """Send a request, and send it again after a temporary failure.

        Args:
            request: With its login, form or document.
            redirects: How many redirects to follow; only on the same host, since the login is sent along.
            until: When the time is over, by the clock; no pause goes beyond it.
            any_status: Whether an answer of any status is final.
        """
        for _ in range(redirects + 1):
            outcome = self._tried(request, until, any_status=any_status)
            if not redirects or isinstance(outcome, NoReply) or outcome.leads_to is None:
                return outcome
            request = copy.copy(request)
            request.url = outcome.leads_to
        return NoReply(str(request.url), requests.TooManyRedirects())

    def _tried(self, request: requests.Request, until: float, *, any_status: bool) -> Reply | NoReply:
        outcome = self._outcome(request, until)
        tries = 1
        for pause in self.retries.pauses:
            is_enough = any_status and isinstance(outcome, Reply)
            seconds = None if is_enough else self.retries.pause_after(outcome, pause)
            if seconds is None or self.clock.now() + seconds >= until:
                break
            self.clock.sleep(seconds)
            outcome = self._outcome(request, until)
            tries += 1
        return replace(outcome, tries=tries)

    def _outcome(self, request: requests.Request, until: float) -> Reply | NoReply:
        if self.pace:
            self.pace.wait()
        try:
            reply = within(min(self.seconds, until - self.clock.now()), lambda: self._reply(request))
        except REQUEST_FAILURES as error:
            return NoReply(str(request.url), error)
        if self.pace:
            self.pace.hear(reply.headers)
        return reply

    def _reply(self, request: requests.Request) -> Reply:
        url = str(request.url)
        named = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
        prepared = request.prepare()
        prepared.headers.update(_HEADERS)
        with self.adapter.send(
            prepared,
            proxies=dict(get_environ_proxies(url) if self.proxies is None else self.proxies),
            verify=str(self.ca_file or named or certifi.where()),
            timeout=(self.connect_seconds or self.seconds, self.seconds),
            stream=True,
        ) as response:
            body = bytearray()
            for chunk in response.iter_content(_CHUNK_BYTES):
                body += chunk
                if len(body) > self.max_bytes:
                    break
            return Reply(
                url, response.status_code, response.headers, bytes(body), is_too_large=len(body) > self.max_bytes
            )
