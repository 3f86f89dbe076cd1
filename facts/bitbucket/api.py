"""Requests to Bitbucket's REST API 2.0: credentials, pages, and refusals.

Source: https://developer.atlassian.com/cloud/bitbucket/rest/intro/.
"""

import json
import threading
from collections.abc import Callable
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
from facts.bitbucket.pace import ANONYMOUS_PER_HOUR, KNOWN_PER_HOUR, HourlyPace
from facts.bitbucket.pages import MAX_PAGES, PagedList, read_pages
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

A = TypeVar("A", bound=BitbucketAnswer)


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
        self._pace = HourlyPace(
            KNOWN_PER_HOUR if credentials.source else ANONYMOUS_PER_HOUR, settings.clock, settings.on_wait
        )
        self._transport = Transport(
            settings.ca_file,
            settings.seconds,
            retries=_RETRIES,
            proxies=None if settings.proxy is None else {"http": settings.proxy},
            pace=self._pace,
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
        paged = self.paged(path, otherwise=otherwise)
        return tuple(self.valid(value, path, kind) for value in paged.whole())

    def paged(
        self, path: str, *, fields: str = "", max_pages: int = MAX_PAGES, otherwise: frozenset[int] = frozenset()
    ) -> PagedList:
        """Return the values of a list as they come, though some may be missing; empty for 404.

        Args:
            path: As for ``listed``.
            fields: The fields to ask for, as ``read_pages`` takes them.
            max_pages: A longer list is an error.
            otherwise: As for ``listed``.
        """

        def page(url: str) -> PageAnswer | None:
            reply = self._answer(url, otherwise=otherwise)
            return self.parsed(reply, PageAnswer) if reply is not None else None

        return read_pages(self._address.url + path, page, fields=fields, max_pages=max_pages)

    def seconds_for(self, requests: int) -> float:
        """Return the seconds after which the hourly limit allows this many more requests, as far as is known."""
        return self._pace.seconds_for(requests)

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

    def valid(self, value: object, path: str, kind: type[A]) -> A:
        """Return one value of the list at a path; raises BitbucketError if it is not as documented."""
        try:
            return kind.model_validate(value)
        except ValidationError as error:
            raise not_as_documented(self._address.url + path, error) from None

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
