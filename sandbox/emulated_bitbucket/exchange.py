"""Requests to the emulated Bitbucket, and its answers."""

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
        path: The path, percent-encoded, without query.
        query: The query, without the question mark.
        headers: The headers by name, in any case.
        origin: The scheme and authority of the request, ``https://127.0.0.1:8443``; URLs in answers begin with it.
        method: ``GET``, ``HEAD``, ``POST``, ``PUT`` or ``DELETE``.
        body: The body of a POST or PUT.
    """

    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=lambda: _NO_HEADERS)
    origin: str = "https://api.bitbucket.org"
    method: str = "GET"
    body: bytes = b""


@dataclass(frozen=True)
class HttpAnswer:
    """A status and a document, sent as JSON, or as HTML if it is a text."""

    status: HTTPStatus
    document: Document | str
    headers: Mapping[str, str] = field(default_factory=lambda: _NO_HEADERS)


def error_answer(status: HTTPStatus, message: str, **detail: object) -> HttpAnswer:
    """Return an error in the form of Bitbucket's REST API (https://developer.atlassian.com/cloud/bitbucket/rest/intro/)."""
    more = {"detail": detail} if detail else {}
    return HttpAnswer(status, {"type": "error", "error": {"message": message, **more}})


@dataclass(frozen=True)
class RestCall:
    """One call of the REST API.

    Attributes:
        request: The request.
        names: The variable parts of the path, decoded: workspace, repository and so on.
        workspaces: The existing workspaces.
    """

    request: Request
    names: tuple[str, ...]
    workspaces: tuple[EmulatedWorkspace, ...]

    def workspace(self) -> EmulatedWorkspace | None:
        """Return the workspace that the path names by slug or UUID."""
        return next((known for known in self.workspaces if self.names[0] in (known.slug, known.uuid)), None)

    def repository(self) -> EmulatedRepository | None:
        """Return the repository that the path names by slug or UUID."""
        workspace = self.workspace()
        repositories = workspace.repositories if workspace else ()
        return next((known for known in repositories if self.names[1] in (known.slug, known.uuid)), None)


Paged: TypeAlias = Callable[[Request, Sequence[Document]], HttpAnswer]
"""Answers with the requested page of a list."""


def no_repository(call: RestCall) -> HttpAnswer:
    """Answer a call about a repository that does not exist; redirect from a former name of a repository."""
    workspace = call.workspace()
    for repository in workspace.repositories if workspace else ():
        if call.names[1] in repository.former_slugs:
            renamed = call.request.path.replace(f"/{call.names[1]}", f"/{repository.slug}", 1)
            return HttpAnswer(HTTPStatus.MOVED_PERMANENTLY, "", {"Location": f"{call.request.origin}{renamed}"})
    return error_answer(HTTPStatus.NOT_FOUND, f"Repository {'/'.join(call.names[:2])} not found")
