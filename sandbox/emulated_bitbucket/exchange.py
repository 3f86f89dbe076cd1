"""A request as the emulated Bitbucket sees it, and its answer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from types import MappingProxyType
from typing import TypeAlias

from sandbox.emulated_bitbucket.workspaces import EmulatedRepository, EmulatedWorkspace

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
class HttpAnswer:
    """A status and a document, which goes out as JSON; a text goes out as HTML."""

    status: HTTPStatus
    document: Document | str
    headers: Mapping[str, str] = field(default_factory=lambda: _NO_HEADERS)


def error_answer(status: HTTPStatus, message: str, **detail: object) -> HttpAnswer:
    """Return an error in the form of Bitbucket's REST API (https://developer.atlassian.com/cloud/bitbucket/rest/intro/)."""
    more = {"detail": detail} if detail else {}
    return HttpAnswer(status, {"type": "error", "error": {"message": message, **more}})


@dataclass(frozen=True)
class RestCall:
    """One call: what asks, and the workspaces there are."""

    request: Request
    names: tuple[str, ...]
    workspaces: tuple[EmulatedWorkspace, ...]

    def workspace(self) -> EmulatedWorkspace | None:
        """Return the workspace that the path names by slug or UUID."""
        return next((one for one in self.workspaces if self.names[0] in (one.slug, one.uuid)), None)

    def repository(self) -> EmulatedRepository | None:
        """Return the repository that the path names by slug or UUID."""
        found = self.workspace()
        return (
            next((one for one in found.repositories if self.names[1] in (one.slug, one.uuid)), None) if found else None
        )


Paged: TypeAlias = Callable[[Request, Sequence[Document]], HttpAnswer]
"""Answers with the page of a list that a request asks for."""


def no_repository(call: RestCall) -> HttpAnswer:
    """Answer a call about a repository that is not there: one that was renamed is found by its former name."""
    workspace = call.workspace()
    for one in workspace.repositories if workspace else ():
        if workspace and call.names[1] in one.former_slugs:
            renamed = call.request.path.replace(f"/{call.names[1]}", f"/{one.slug}", 1)
            return HttpAnswer(HTTPStatus.MOVED_PERMANENTLY, "", {"Location": f"{call.request.origin}{renamed}"})
    return error_answer(HTTPStatus.NOT_FOUND, f"Repository {'/'.join(call.names[:2])} not found")
