"""A request as the emulated Bitbucket sees it, and its answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from types import MappingProxyType

Document = Mapping[str, object]
_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Request:
    """A request.

    Attributes:
        path: Percent-encoded, without query.
        query: Without its question mark.
        headers: By name, whatever its case.
        origin: Scheme and authority that it was sent to, ``https://127.0.0.1:8443``: what URLs in answers begin with.
        method: ``GET``, ``HEAD`` or ``POST``.
        body: Of a POST.
    """

    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=lambda: _NO_HEADERS)
    origin: str = "https://api.bitbucket.org"
    method: str = "GET"
    body: bytes = b""


@dataclass(frozen=True)
class Answer:
    """A status and a document, which goes out as JSON; a text goes out as HTML."""

    status: HTTPStatus
    document: Document | str
    headers: Mapping[str, str] = field(default_factory=lambda: _NO_HEADERS)


def error_answer(status: HTTPStatus, message: str, **detail: object) -> Answer:
    """Return an error in the form of Bitbucket's REST API (https://developer.atlassian.com/cloud/bitbucket/rest/intro/)."""
    more = {"detail": detail} if detail else {}
    return Answer(status, {"type": "error", "error": {"message": message, **more}})
