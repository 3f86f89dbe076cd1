"""The behaviour of the emulated REST API: its credentials, its limit of requests, its faults."""

import base64
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

READ_SCOPES = frozenset({"read:workspace:bitbucket", "read:repository:bitbucket", "read:pipeline:bitbucket"})
"""The scopes of an API token."""
READ_SCOPES_OF_OAUTH = frozenset({"account", "repository", "pipeline"})
"""The scopes of access tokens and OAuth consumers."""

SANDBOX_TOKEN = "sandbox"  # noqa: S105 - valid for emulated services alone
"""The access token that the API accepts by default."""


@dataclass
class Behaviour:
    """The behaviour; it may be changed while the API serves.

    Attributes:
        access_tokens: Tokens sent as ``Bearer``, with their scopes.
        api_tokens: Pairs of e-mail and token, with their scopes.
        consumers: Pairs of id and secret of OAuth consumers, with their scopes.
        is_public: Whether everybody may read everything.
        requests_per_hour: The API answers every further request of a rolling hour with 429.
        now: Returns seconds since some moment.
        retry_after: The header ``Retry-After`` of such an answer, or ``None``.
        is_near_limit: Whether answers have the header that the limit is near.
        wrong_host_in_next: The host in ``next``, instead of that of the request (BCLOUD-20796).
        leaves_next_out: Whether pages have no ``next`` (BCLOUD-20639).
        changes_order: Whether the next page after the first is cut from a list in another order; once.
        page_length: The longest page, whatever length is requested.
    """

    access_tokens: dict[str, frozenset[str]] = field(default_factory=lambda: {SANDBOX_TOKEN: READ_SCOPES_OF_OAUTH})
    api_tokens: dict[tuple[str, str], frozenset[str]] = field(default_factory=dict)
    consumers: dict[tuple[str, str], frozenset[str]] = field(default_factory=dict)
    is_public: bool = False
    requests_per_hour: int = 1_000
    now: Callable[[], float] = time.monotonic
    retry_after: str | None = None
    is_near_limit: bool = False
    wrong_host_in_next: str | None = None
    leaves_next_out: bool = False
    changes_order: bool = False
    page_length: int = 100

    def scopes(self, headers: Mapping[str, str]) -> frozenset[str] | None:
        """Return the caller's scopes: empty without credentials, ``None`` for wrong credentials."""
        kind, _, value = (headers.get("Authorization") or "").partition(" ")
        if not kind:
            return frozenset()
        if kind.lower() == "bearer":
            return self.access_tokens.get(value)
        pair = _decoded(value)
        return self.api_tokens.get(pair) if pair is not None else None

    def account_of(self, headers: Mapping[str, str]) -> str:
        """Return the UUID of the calling account; each credential has another account."""
        return f"{{{uuid.uuid5(uuid.NAMESPACE_OID, headers.get('Authorization') or 'nobody')}}}"

    def consumer_of(self, headers: Mapping[str, str]) -> frozenset[str] | None:
        """Return the scopes of the OAuth consumer that requests a token; ``None`` for an unknown one."""
        pair = _decoded((headers.get("Authorization") or "").partition(" ")[2])
        return self.consumers.get(pair) if pair is not None else None


def _decoded(value: str) -> tuple[str, str] | None:
    try:
        login, colon, secret = base64.b64decode(value, validate=True).decode().partition(":")
    except ValueError:
        return None
    return (login, secret) if colon else None
