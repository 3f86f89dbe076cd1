"""The calls of Bitbucket's REST API 2.0 that look up names.

Source: https://developer.atlassian.com/cloud/bitbucket/rest/intro/.
"""

from dataclasses import dataclass
from typing import Protocol, TypeVar
from urllib.parse import quote

from facts.bitbucket.answers import BitbucketAnswer, EnvironmentAnswer, RepositoryAnswer, WorkspaceAnswer
from facts.bitbucket.api import BitbucketApi
from oidc.errors import BitbucketError, RequestLimitError

_WORTH_A_LIST = 10
"""If fewer repositories of a workspace are needed, each is asked for by itself."""
_MAX_PAGES = 500
"""Of the repositories of a workspace: half of the requests of an hour."""
_FIELDS = "next,size,values.uuid,values.full_name,values.workspace.uuid,values.workspace.slug"

A = TypeVar("A", bound=BitbucketAnswer)


@dataclass(frozen=True, slots=True)
class RepositoryList:
    """The repositories of a workspace that the credentials can see.

    Attributes:
        answers: In the order of Bitbucket.
        is_whole: Whether none is missing, by the size that Bitbucket tells.
    """

    answers: tuple[RepositoryAnswer, ...]
    is_whole: bool


class Bitbucket(Protocol):
    """Looks up names: slugs, or UUIDs with braces. ``None`` if there is no such object for these credentials."""

    def workspace(self, name: str) -> WorkspaceAnswer | None:
        """Return a workspace."""

    def repository(self, workspace: str, name: str) -> RepositoryAnswer | None:
        """Return a repository."""

    def repositories(self, workspace: str, wanted: int) -> RepositoryList | None:
        """Return the repositories of a workspace if that takes fewer requests than ``wanted`` single look-ups."""

    def environments(self, workspace: str, repository: str) -> tuple[EnvironmentAnswer, ...]:
        """Return all deployment environments of a repository."""


class BitbucketClient:
    """Asks Bitbucket; may be used by several threads."""

    def __init__(self, api: BitbucketApi) -> None:
        self._api = api

    def workspace(self, name: str) -> WorkspaceAnswer | None:
        """Return a workspace."""
        return self._answer(f"/workspaces/{_part(name)}", WorkspaceAnswer)

    def repository(self, workspace: str, name: str) -> RepositoryAnswer | None:
        """Return a repository; Bitbucket may find a renamed repository by its old name."""
        return self._answer(f"/repositories/{_part(workspace)}/{_part(name)}", RepositoryAnswer)

    def repositories(self, workspace: str, wanted: int) -> RepositoryList | None:
        """Return the repositories of a workspace that the credentials can see, a hundred by one request.

        ``None`` if fewer than 10 are wanted, if the list has as many pages as repositories are wanted (its first page
        tells), or if the list fails: then each repository is looked up by itself. The list is not filtered by ``q``:
        Bitbucket does not document that ``q`` of repositories takes ``slug``.

        Source: https://developer.atlassian.com/cloud/bitbucket/rest/api-group-repositories/#api-repositories-workspace-get.

        Raises:
            RequestLimitError: The limit of requests is used up.
        """
        if wanted < _WORTH_A_LIST:
            return None
        path = f"/repositories/{_part(workspace)}"
        try:
            paged = self._api.paged(path, fields=_FIELDS, max_pages=min(wanted - 1, _MAX_PAGES))
            answers = [self._api.valid(value, path, RepositoryAnswer) for value in paged.values]
            is_whole = paged.size is not None and paged.is_whole
            return RepositoryList(tuple(map(self._api.discreet, answers)), is_whole)
        except RequestLimitError:
            raise
        except BitbucketError:
            return None

    def environments(self, workspace: str, repository: str) -> tuple[EnvironmentAnswer, ...]:
        """Return all deployment environments of a repository; empty if it has no pipelines yet.

        No documented request returns those of several repositories. All fields are asked for, since ``fields`` is not
        documented to give ``restrictions``, which no page documents.

        Without the slash at its end, the URL may be answered with 404 and "There is no API hosted at this URL"
        (https://github.com/BitbucketPHP/Client/issues/65).
        """
        path = f"/repositories/{_part(workspace)}/{_part(repository)}/environments/"
        return tuple(self._api.discreet(answer) for answer in self._api.listed(path, EnvironmentAnswer))

    def _answer(self, path: str, kind: type[A]) -> A | None:
        reply = self._api.send("GET", path)
        return self._api.discreet(self._api.parsed(reply, kind)) if reply is not None else None


def _part(name: str) -> str:
    """Return a slug or UUID as part of a path: ``%7B0b3ff4a1-…%7D``."""
    return quote(name, safe="")
