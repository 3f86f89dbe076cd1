"""A bound on the whole time of something whose parts are bounded only one by one, or not at all."""

import os
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import TypeVar

import certifi
import requests
from requests.auth import AuthBase
from requests.utils import get_environ_proxies

from facts.issuer.failures import REQUEST_FAILURES

T = TypeVar("T")


def within(seconds: float, work: Callable[[], T]) -> T:
    """Return what ``work`` returns, or raise what it raises, after at most this many seconds.

    A timeout of a socket bounds each of its operations, not all of them: a host that sends one byte now and then, or a
    slow name server, holds up its caller for as long as it likes. So the work runs in a thread of its own, which is
    left behind when it takes too long and holds up neither the caller nor the end of the process.

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


TRANSIENT_STATUSES = frozenset({429, 500, 502, 503, 504})
"""Answers that another try may change.

Sources: https://www.rfc-editor.org/rfc/rfc6585#section-4 and https://www.rfc-editor.org/rfc/rfc9110#section-15.6.
"""

PAUSES = (0.5, 1.5)
"""Seconds before the second and the third try, which is the last one."""

LONGEST_RETRY_AFTER = 5.0
"""Seconds; whoever asks for more of them is not asked again in this run."""


@dataclass(frozen=True)
class Clock:
    """Time as it passes for one fetch; a test gives another one.

    Attributes:
        now: Seconds since any moment, never going back.
        sleep: Waits for so many seconds.
    """

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


REAL_TIME = Clock()


def pause_for_status(status: int, headers: Mapping[str, str], pause: float) -> float | None:
    """Return the seconds to wait after an answer, or ``None`` if it is final.

    Args:
        status: Of the answer.
        headers: Of the answer. ``Retry-After`` in seconds is honoured; in its form of a date it is not looked at
            (https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3).
        pause: The seconds to wait where the answer names none.
    """
    if status not in TRANSIENT_STATUSES:
        return None
    asked = headers.get("Retry-After", "").strip()
    if not (asked.isascii() and asked.isdigit()):
        return pause
    # More digits than a small number has are never small; so a hostile number is not even read.
    seconds = float(asked) if len(asked) <= len("1000") else float("inf")
    return max(seconds, pause) if seconds <= LONGEST_RETRY_AFTER else None


USER_AGENT = "bitbucket-aws-oidc"
MAX_BYTES = 8_000_000
"""Of one answer: a page of a hundred repositories with all that Bitbucket tells of them has half a million."""

_CHUNK_BYTES = 8_192
HEADERS = {"User-Agent": USER_AGENT, "Accept": "application/json", "Accept-Encoding": "identity"}

FAILURES = (*REQUEST_FAILURES, TimeoutError)
"""What ``WebClient.ask`` raises."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What one request gave.

    Attributes:
        url: That was asked for.
        status: 200 and so on.
        headers: By name, whatever its case.
        body: Whole, or a little more than ``MAX_BYTES`` of it.
    """

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_too_large(self) -> bool:
        """Tell whether the body was not read to its end."""
        return len(self.body) > MAX_BYTES


@dataclass(frozen=True)
class WebClient:
    """Sends requests, one session for each thread.

    Redirects are not followed, cookies are not kept, and no login is taken from a .netrc file by itself: what is sent
    where is decided by the caller alone. Proxies of the environment are used, and the CAs that ``REQUESTS_CA_BUNDLE``
    or ``CURL_CA_BUNDLE`` name are trusted, as ``requests`` does by itself.

    Attributes:
        ca_file: A PEM file of the CAs to trust in place of all others.
        seconds: That a request may take, from the look-up of the name to the last byte.
        proxy: To take in place of the environment's, for URLs that begin with ``http://``.
    """

    ca_file: Path | None = None
    seconds: float = 20.0
    proxy: str | None = None
    _local: threading.local = field(default_factory=threading.local)

    def ask(
        self,
        url: str,
        *,
        auth: AuthBase | None = None,
        form: Mapping[str, str] | None = None,
        method: str = "GET",
        document: bytes | None = None,
    ) -> Reply:
        """Send a GET, or with ``form`` a POST.

        Args:
            url: Where to.
            auth: What the request carries, or ``None`` for nothing.
            form: Fields of a form, or ``None``.
            method: Of the request, where there is no form.
            document: JSON to send, or ``None``.

        Raises:
            Exception: One of ``FAILURES``.
        """
        session = self._session()
        request = requests.Request(method if form is None else "POST", url, dict(HEADERS), data=form, auth=auth)
        if document is not None:
            request.data = document
            request.headers["Content-Type"] = "application/json"
        try:
            return within(self.seconds, lambda: self._ask(session, request))
        except TimeoutError:
            self._local.session = None  # its thread may be at it for a while yet
            raise

    def _ask(self, session: requests.Session, request: requests.Request) -> Reply:
        url = str(request.url)
        with session.send(
            session.prepare_request(request),
            proxies=get_environ_proxies(url) if self.proxy is None else {"http": self.proxy},
            verify=str(self._trusted()),
            timeout=self.seconds,
            allow_redirects=False,
            stream=True,
        ) as response:
            return Reply(url, response.status_code, response.headers, bounded_body(response, MAX_BYTES))

    def _trusted(self) -> Path | str:
        named = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
        return self.ca_file or named or certifi.where()

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = requests.Session()
            session.trust_env = False
            session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
            self._local.session = session
        return session


def bounded_body(response: requests.Response, most: int) -> bytes:
    """Return the body of an answer that is streamed, or a little more than ``most`` bytes of it."""
    body = bytearray()
    for chunk in response.iter_content(_CHUNK_BYTES):
        body += chunk
        if len(body) > most:
            break
    return bytes(body)
