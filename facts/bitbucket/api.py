"""Requests to Bitbucket's REST API 2.0: credentials, rate limit, pages, and refusals.

Source: https://developer.atlassian.com/cloud/bitbucket/rest/intro/.
"""

import json
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import requests
from pydantic import ValidationError
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase, HTTPBasicAuth

from facts.bitbucket.answers import BitbucketAnswer, PageAnswer, TokenAnswer
from facts.bitbucket.credentials import BearerAuth, Credentials, checked
from facts.bitbucket.failures import NOT_BITBUCKET, not_as_documented, refusal, says_missing
from facts.bitbucket.pages import read_pages
from facts.http import MAX_BYTES, REAL_TIME, Clock, Reply, Retries, Transport
from facts.web_address import WebAddress
from oidc.errors import BitbucketError
from oidc.hidden_secrets import LONGEST

API = "https://api.bitbucket.org/2.0"
_TOKENS = "https://bitbucket.org/site/oauth2/access_token"
"""Where an OAuth consumer gets a token
(https://developer.atlassian.com/cloud/bitbucket/oauth-2/#1--client-credentials-grant--4-4-)."""

_RETRIES = Retries((1.0, 4.0, 15.0), longest_retry_after=120, after_time_limit=True)
_REDIRECTS = 3
_SUCCESSES = (200, 201, 204)
_ANONYMOUS_PER_HOUR, _KNOWN_PER_HOUR, _MOST_PER_HOUR = 60, 1_000, 10_000
_SPARED = 0.9
"""The share of the limit to use: other programs may use the same credentials."""
_HOUR = 3600.0

A = TypeVar("A", bound=BitbucketAnswer)


class HourlyPace:
    """Delays each request until the hourly limit allows it, for any number of threads.

    Source: https://support.atlassian.com/bitbucket-cloud/docs/api-request-limits/: 60 requests without credentials,
    1,000 with credentials, up to 10,000 with access tokens of large workspaces; the headers ``X-RateLimit-Limit`` and
    ``X-RateLimit-NearLimit`` give the limit.

    Args:
        per_hour: The initial limit.
        clock: For waiting.
        on_wait: Called with the seconds that a request waits.
    """

    def __init__(self, per_hour: int, clock: Clock, on_wait: Callable[[float], None]) -> None:
        self._per_hour = per_hour
        self._clock = clock
        self._on_wait = on_wait
        self._sent: deque[float] = deque()
        self._is_near = False
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Wait until the limit allows one more request."""
        with self._lock:
            seconds = self._seconds()
            if seconds > 0:
                self._on_wait(seconds)
                self._clock.sleep(seconds)
            self._sent.append(self._clock.now())

    def hear(self, headers: Mapping[str, str]) -> None:
        """Read the limit, and whether it is near, from an answer."""
        limit = headers.get("X-RateLimit-Limit", "")
        with self._lock:
            if limit.isascii() and limit.isdigit() and len(limit) <= len(str(_MOST_PER_HOUR)) and int(limit):
                self._per_hour = min(int(limit), _MOST_PER_HOUR)
            self._is_near = headers.get("X-RateLimit-NearLimit", "").strip().lower() == "true"

    def _seconds(self) -> float:
        now = self._clock.now()
        while self._sent and now - self._sent[0] >= _HOUR:
            self._sent.popleft()
        room = max(1, int(self._per_hour * _SPARED))
        if len(self._sent) >= room:
            return self._sent[len(self._sent) - room] + _HOUR - now
        if self._is_near and self._sent:
            # Bitbucket does not tell the remaining number, so requests go at the limit's average pace.
            return max(0.0, self._sent[-1] + _HOUR / self._per_hour - now)
        return 0.0


@dataclass(frozen=True)
class BitbucketSettings:
    """The connection settings for Bitbucket.

    Attributes:
        address: The address of its API.
        ca_file: PEM file with the only CAs to trust, or ``None``.
        seconds: The time limit of one request.
        clock: For pauses.
        on_wait: Called with the seconds of a wait for the hourly limit.
        proxy: The proxy for plain http, or ``None``.
        adapter: Makes connections.
    """

    address: WebAddress
    ca_file: Path | None = None
    seconds: float = 20.0
    clock: Clock = REAL_TIME
    on_wait: Callable[[float], None] = lambda _seconds: None
    proxy: str | None = None
    adapter: HTTPAdapter = field(default_factory=HTTPAdapter)


class BitbucketApi:
    """Asks Bitbucket; may be used by several threads.

    Credentials go only to the host of the address, and for an OAuth consumer to Bitbucket's token host. Every method
    raises BitbucketError if Bitbucket refuses the request, or if the answer is not as documented.
    """

    def __init__(self, credentials: Credentials, settings: BitbucketSettings) -> None:
        self._credentials = credentials
        self._address = settings.address
        per_hour = _KNOWN_PER_HOUR if credentials.source else _ANONYMOUS_PER_HOUR
        self._transport = Transport(
            settings.ca_file,
            settings.seconds,
            retries=_RETRIES,
            proxies=None if settings.proxy is None else {"http": settings.proxy},
            pace=HourlyPace(per_hour, settings.clock, settings.on_wait),
            clock=settings.clock,
            adapter=settings.adapter,
        )
        self._auth = credentials.auth
        self._token_lock = threading.Lock()

    def listed(self, path: str, kind: type[A], *, otherwise: frozenset[int] = frozenset()) -> tuple[A, ...]:
        """Return all values of a list, such as ``/repositories/acme/shop/pullrequests/7/comments``; empty for 404.

        Args:
            path: The path after the API's address.
            kind: The type of each value.
            otherwise: Statuses besides 404 for which the result is empty.
        """
        url = self._address.url + path

        def page(url: str) -> PageAnswer | None:
            reply = self._answer(url, otherwise=otherwise)
            return self.parsed(reply, PageAnswer) if reply is not None else None

        return tuple(self._valid(value, url, kind) for value in read_pages(url, page))

    def send(
        self, method: str, path: str, document: object = None, *, otherwise: frozenset[int] = frozenset()
    ) -> Reply | None:
        """Send a request, with a document as JSON, and return the successful answer.

        Args:
            method: ``GET``, ``POST``, ``PUT`` or ``DELETE``.
            path: The path after the API's address.
            document: As JSON, or ``None`` for no body.
            otherwise: Statuses besides 404 for which the result is ``None``.

        Raises:
            BitbucketError: Any other status except success.
        """
        body = None if document is None else json.dumps(document).encode()
        return self._answer(self._address.url + path, method, body, otherwise=otherwise)

    def parsed(self, reply: Reply, kind: type[A]) -> A:
        """Return the content of an answer; raises BitbucketError if it is not as documented."""
        if reply.is_too_large:
            raise BitbucketError(
                f"the answer of {reply.url} is larger than {MAX_BYTES // 1_000_000} MB", do=NOT_BITBUCKET
            )
        try:
            return kind.model_validate_json(reply.body)
        except (ValidationError, RecursionError) as error:
            raise not_as_documented(reply.url, error) from None

    def discreet(self, answer: A) -> A:
        """Return an answer that does not contain the credentials, since answers are shown and stored.

        Raises:
            BitbucketError: The answer contains the credentials.
        """
        text = str(answer.model_dump())
        if self._credentials.hidden_in(text) != text:
            what = (
                f"an answer of Bitbucket contains the credentials of the request, or more than {LONGEST:,} characters"
            )
            raise BitbucketError(what, do=NOT_BITBUCKET)
        return answer

    def _valid(self, value: object, url: str, kind: type[A]) -> A:
        try:
            return kind.model_validate(value)
        except ValidationError as error:
            raise not_as_documented(url, error) from None

    def _answer(
        self, url: str, method: str = "GET", body: bytes | None = None, *, otherwise: frozenset[int] = frozenset()
    ) -> Reply | None:
        """Return the answer, or ``None`` if there is no such object; follow a redirect only on the same host."""
        request = requests.Request(method, url, data=body, auth=self._authorization())
        if body is not None:
            request.headers["Content-Type"] = "application/json"
        reply = self._sent(request, redirects=_REDIRECTS)
        if says_missing(reply) or reply.status in otherwise:
            return None
        if reply.status in _SUCCESSES:
            return reply
        raise refusal(reply, self._credentials)

    def _sent(self, request: requests.Request, *, redirects: int) -> Reply:
        outcome = self._transport.send(request, redirects=redirects)
        if isinstance(outcome, Reply):
            return replace(
                outcome, url=self._credentials.hidden_in(outcome.url)
            )  # the URL of a redirect is the server's
        is_redirected = isinstance(outcome.error, requests.TooManyRedirects)
        raise BitbucketError(
            self._credentials.hidden_in(f"{outcome.url} could not be reached: {outcome.what}"),
            do=NOT_BITBUCKET if is_redirected else "check the network, the proxies and the CAs they need",
        )

    def _authorization(self) -> AuthBase | None:
        if self._credentials.client is None:
            return self._auth
        with self._token_lock:
            if self._auth is None:
                self._auth = self._token(*self._credentials.client)
            return self._auth

    def _token(self, client: str, secret: str) -> AuthBase:
        scheme, *_ = self._address.origin
        url = _TOKENS if self._address.url == API else f"{scheme}://{self._address.connect_to}{urlsplit(_TOKENS).path}"
        auth = HTTPBasicAuth(client.encode(), secret.encode())
        form = {"grant_type": "client_credentials"}
        reply = self._sent(requests.Request("POST", url, data=form, auth=auth), redirects=0)
        if reply.status != 200:  # noqa: PLR2004 - OK
            raise refusal(reply, self._credentials)
        token = checked(self.parsed(reply, TokenAnswer).access_token, f"the answer of {url}")
        self._credentials = self._credentials.also_hiding(token)
        return BearerAuth(token)
