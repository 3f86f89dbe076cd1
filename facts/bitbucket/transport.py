"""Sending requests to Bitbucket's REST API 2.0: credentials, pace, further tries, redirects, and what is refused.

Source: https://developer.atlassian.com/cloud/bitbucket/rest/intro/.
"""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from pydantic import ValidationError
from requests.auth import AuthBase, HTTPBasicAuth

from facts.bitbucket.answers import BitbucketAnswer, PageAnswer, TokenAnswer, fault_of
from facts.bitbucket.credentials import BearerAuth, Credentials, checked
from facts.bitbucket.failures import refusal
from facts.bitbucket.pace import ANONYMOUS_PER_HOUR, KNOWN_PER_HOUR, Pace
from facts.bitbucket.pages import read_pages
from facts.http import FAILURES, MAX_BYTES, REAL_TIME, TRANSIENT_STATUSES, Clock, Reply, WebClient
from facts.issuer.failures import is_transient, what_happened
from facts.web_address import WebAddress, origin_of
from oidc.errors import BitbucketError

API = "https://api.bitbucket.org/2.0"
_TOKENS = "https://bitbucket.org/site/oauth2/access_token"
"""Where an OAuth consumer gets a token
(https://developer.atlassian.com/cloud/bitbucket/oauth-2/#1--client-credentials-grant--4-4-)."""

_PAUSES = (1.0, 4.0, 15.0)
"""Seconds before further tries, the last of which is the last one."""
_LONGEST_RETRY_AFTER = 120
_REDIRECTS = 3
_SUCCESSES = (200, 201, 204)

A = TypeVar("A", bound=BitbucketAnswer)


def _say_nothing(_seconds: float) -> None:
    pass


@dataclass(frozen=True)
class BitbucketSettings:
    """How Bitbucket is reached.

    Attributes:
        address: Of its API.
        ca_file: PEM of the CAs to trust in place of all others, or ``None``.
        seconds: That one request may take.
        clock: For pauses.
        on_wait: Is told of seconds that are waited for the hourly limit.
        proxy: What plain http goes through, or ``None``.
    """

    address: WebAddress
    ca_file: Path | None = None
    seconds: float = 20.0
    clock: Clock = REAL_TIME
    on_wait: Callable[[float], None] = _say_nothing
    proxy: str | None = None


class Transport:
    """Asks Bitbucket; may be used by several threads.

    Credentials go to the host of the address alone, and for an OAuth consumer to Bitbucket's host of tokens. Every
    method raises BitbucketError for what Bitbucket refuses, and for an answer that is not as documented.
    """

    def __init__(self, credentials: Credentials, settings: BitbucketSettings, web: WebClient | None = None) -> None:
        self._credentials = credentials
        self._settings = settings
        self._web = web or WebClient(settings.ca_file, settings.seconds, settings.proxy)
        per_hour = KNOWN_PER_HOUR if credentials.source else ANONYMOUS_PER_HOUR
        self._pace = Pace(per_hour, settings.clock, settings.on_wait)
        self._auth = credentials.auth
        self._token_lock = threading.Lock()

    def listed(self, path: str, kind: type[A], *, otherwise: frozenset[int] = frozenset()) -> tuple[A, ...]:
        """Return all values of a list: ``/repositories/acme/shop/pullrequests/7/comments``; none where it is missing.

        Args:
            path: Behind the API's own address.
            kind: What each value is.
            otherwise: Statuses for which there is none either, besides 404.
        """
        url = self._settings.address.url + path
        return tuple(self._valid(value, url, kind) for value in self._values(url, otherwise))

    def send(
        self, method: str, path: str, document: object = None, *, otherwise: frozenset[int] = frozenset()
    ) -> Reply | None:
        """Send a request, with a document as JSON, and return what succeeded.

        Args:
            method: ``GET``, ``POST``, ``PUT`` or ``DELETE``.
            path: Behind the API's own address.
            document: As JSON, or ``None`` for nothing.
            otherwise: Statuses for which there is ``None``, besides 404.

        Raises:
            BitbucketError: Any other status that is no success.
        """
        body = None if document is None else json.dumps(document).encode()
        return self._answer(self._settings.address.url + path, method, body, otherwise=otherwise)

    def parsed(self, reply: Reply, kind: type[A]) -> A:
        """Return what an answer holds; raises BitbucketError where that is not as documented."""
        if reply.is_too_large:
            raise BitbucketError(f"{reply.url} was answered with more than {MAX_BYTES // 1_000_000} MB", do=_OTHER)
        try:
            return kind.model_validate_json(reply.body)
        except (ValidationError, RecursionError) as error:
            raise _not_as_documented(reply.url, error) from None

    def discreet(self, answer: A) -> A:
        """Return an answer that repeats no credentials, for what is shown and kept.

        Raises:
            BitbucketError: It repeats them.
        """
        text = str(answer.model_dump())
        if self._credentials.hidden_in(text) != text:
            raise BitbucketError("an answer of Bitbucket repeats the credentials that it was asked with", do=_OTHER)
        return answer

    def _values(self, url: str, otherwise: frozenset[int] = frozenset()) -> list[Any]:
        def page(url: str) -> PageAnswer | None:
            reply = self._answer(url, otherwise=otherwise)
            return self.parsed(reply, PageAnswer) if reply is not None else None

        return read_pages(url, page)

    def _valid(self, value: object, url: str, kind: type[A]) -> A:
        try:
            return kind.model_validate(value)
        except ValidationError as error:
            raise _not_as_documented(url, error) from None

    def _answer(
        self, url: str, method: str = "GET", body: bytes | None = None, *, otherwise: frozenset[int] = frozenset()
    ) -> Reply | None:
        """Return the answer, or ``None`` for 404; a redirect is followed where it stays on the host."""
        for _ in range(_REDIRECTS + 1):
            reply = self._tried(url, auth=self._authorization(), method=method, body=body)
            if reply.status == 404 or reply.status in otherwise:  # noqa: PLR2004 - Not Found
                return None
            if reply.status in _SUCCESSES:
                return reply
            target = self._on_same_host(url, reply)
            if target is None:
                raise refusal(reply, self._credentials, 1)
            url = target
        raise BitbucketError(f"{url} leads from one redirect to the next", do=_OTHER)

    def _on_same_host(self, url: str, reply: Reply) -> str | None:
        location = reply.headers.get("Location", "")
        if reply.status not in (301, 302, 307, 308) or not location:
            return None
        if location.startswith("/") and not location.startswith("//"):
            parts = urlsplit(url)
            location = f"{parts.scheme}://{parts.netloc}{location}"
        is_plain = location.isascii() and location.isprintable() and "@" not in location and " " not in location
        return location if is_plain and origin_of(location) == self._settings.address.origin else None

    def _tried(
        self,
        url: str,
        *,
        auth: AuthBase | None,
        form: dict[str, str] | None = None,
        method: str = "GET",
        body: bytes | None = None,
    ) -> Reply:
        """Send a request, and again after what may pass.

        Raises:
            BitbucketError: There was no answer, or none but failures of the server and the limit of requests.
        """
        for tries, pause in enumerate((*_PAUSES, None), 1):
            self._pace.wait()
            try:
                outcome: Reply | Exception = self._web.ask(url, auth=auth, form=form, method=method, document=body)
            except FAILURES as error:
                outcome = error
            if isinstance(outcome, Reply):
                self._pace.hear(outcome.headers)
            seconds = None if pause is None else _pause_after(outcome, pause)
            if seconds is None:
                return self._result(url, outcome, tries)
            self._settings.clock.sleep(seconds)
        raise AssertionError("the last try has no pause behind it")

    def _result(self, url: str, outcome: Reply | Exception, tries: int) -> Reply:
        if isinstance(outcome, Reply):
            if outcome.status in TRANSIENT_STATUSES:
                raise refusal(outcome, self._credentials, tries)
            return outcome
        what = self._credentials.hidden_in(what_happened(outcome))
        told = f" (tried {tries} times)" if tries > 1 else ""
        raise BitbucketError(
            f"{url} could not be asked: {what}{told}", do="check the network, its proxies and the CAs they need"
        ) from None

    def _authorization(self) -> AuthBase | None:
        if self._credentials.client is None:
            return self._auth
        with self._token_lock:
            if self._auth is None:
                self._auth = self._token(*self._credentials.client)
            return self._auth

    def _token(self, client: str, secret: str) -> AuthBase:
        address = self._settings.address
        scheme, *_ = address.origin
        url = _TOKENS if address.url == API else f"{scheme}://{address.connect_to}{urlsplit(_TOKENS).path}"
        auth = HTTPBasicAuth(client.encode(), secret.encode())
        reply = self._tried(url, auth=auth, form={"grant_type": "client_credentials"})
        if reply.status != 200:  # noqa: PLR2004 - OK
            raise refusal(reply, self._credentials, 1)
        token = checked(self.parsed(reply, TokenAnswer).access_token, f"the answer of {url}")
        self._credentials = self._credentials.also_hiding(token)
        return BearerAuth(token)


_OTHER = "check the URL, and that no proxy answers in place of Bitbucket"


def _not_as_documented(url: str, error: Exception) -> BitbucketError:
    what = fault_of(error) if isinstance(error, ValidationError) else "it is nested too deep"
    return BitbucketError(f"the answer of {url} is not as documented: {what}", do=_OTHER)


def _pause_after(outcome: Reply | Exception, pause: float) -> float | None:
    """Return the seconds to wait before another try, or ``None`` where none may help."""
    if not isinstance(outcome, Reply):
        return pause if is_transient(outcome) or isinstance(outcome, TimeoutError) else None
    if outcome.status not in TRANSIENT_STATUSES:
        return None
    asked = outcome.headers.get("Retry-After", "").strip()
    if not (asked.isascii() and asked.isdigit()):
        return pause  # Bitbucket does not promise the header; its form of a date is not looked at
    if len(asked) > len(str(_LONGEST_RETRY_AFTER)) or int(asked) > _LONGEST_RETRY_AFTER:
        return None
    return max(float(asked), pause)
