"""Send requests to the hosts of issuers, and again after what may pass."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import requests
from requests.utils import get_environ_proxies

from facts.http import HEADERS, PAUSES, Clock, bounded_body, pause_for_status
from facts.issuer.connect import IssuerConnect
from facts.issuer.discovery_document import MAX_DOCUMENT_BYTES
from facts.issuer.failures import REQUEST_FAILURES, is_transient, request_failure

_CONNECT_SHARE = 1 / (len(PAUSES) + 1)
"""Of an issuer's time, for one TCP connection: so that one which is not taken in time can be tried again."""


@dataclass(frozen=True)
class Reply:
    """What one request gave: status code, headers, and at most a little more than the allowed size of body."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    tries: int = 1


@dataclass(frozen=True)
class Transport:
    """Sends requests with the trust, the proxies and the time limit of one fetch."""

    session: requests.Session
    trusted: Path
    timeout: float
    connect: IssuerConnect | None
    clock: Clock

    @property
    def address(self) -> str:
        """Where connections go to if not to the hosts' own addresses, for messages."""
        return self.connect.address if self.connect else ""

    def send(self, method: str, url: str, *, until: float, any_status: bool = False) -> Reply:
        """Send one request, and again after what may pass.

        Args:
            method: ``GET`` or ``HEAD``.
            url: What to ask for.
            until: When the issuer's time is over; no pause reaches beyond it.
            any_status: Whether every answer will do.

        Raises:
            IssuerError: None of the tries gave an answer.
        """
        outcome = self._try(method, url)
        tries = 1
        for pause in PAUSES:
            seconds = None if any_status and isinstance(outcome, Reply) else _pause_after(outcome, pause)
            if seconds is None or self.clock.now() + seconds >= until:
                break
            self.clock.sleep(seconds)
            outcome = self._try(method, url)
            tries += 1
        if isinstance(outcome, Reply):
            return replace(outcome, tries=tries)
        raise request_failure(url, outcome, address=self.address, tries=tries) from outcome

    def _try(self, method: str, url: str) -> "Reply | Exception":
        try:
            return self._send_once(method, url)
        except REQUEST_FAILURES as error:
            return error

    def _send_once(self, method: str, url: str) -> Reply:
        with self.session.request(
            method,
            url,
            headers=HEADERS,
            proxies={} if self.connect else get_environ_proxies(url),
            verify=str(self.trusted),
            timeout=(self.timeout * _CONNECT_SHARE, self.timeout),
            allow_redirects=False,
            stream=True,
        ) as response:
            return Reply(response.status_code, response.headers, bounded_body(response, MAX_DOCUMENT_BYTES))


def _pause_after(outcome: Reply | Exception, pause: float) -> float | None:
    if isinstance(outcome, Reply):
        return pause_for_status(outcome.status, outcome.headers, pause)
    return pause if is_transient(outcome) else None
