"""The calls of Bitbucket's REST API 2.0 that look up names.

Source: https://developer.atlassian.com/cloud/bitbucket/rest/intro/.
"""

from typing import Protocol, TypeVar
from urllib.parse import quote

from facts.bitbucket.answers import BitbucketAnswer, EnvironmentAnswer, PageAnswer, RepositoryAnswer, WorkspaceAnswer
from facts.bitbucket.api import BitbucketApi
from facts.bitbucket.pages import MAX_PAGES, PAGE_LENGTH
from oidc.errors import BitbucketError

_WORTH_A_LIST = 10
"""If fewer repositories of a workspace are needed, each is asked for by itself."""

A = TypeVar("A", bound=BitbucketAnswer)


class Bitbucket(Protocol):
    """Looks up names: slugs, or UUIDs with braces. ``None`` if there is no such object for these credentials."""

    def workspace(self, name: str) -> WorkspaceAnswer | None:
        """Return a workspace."""

    def repository(self, workspace: str, name: str) -> RepositoryAnswer | None:
        """Return a repository."""

    def repositories(self, workspace: str, wanted: int) -> tuple[RepositoryAnswer, ...]:
        """Return all repositories of a workspace if that is quicker than ``wanted`` single look-ups; else nothing."""

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

    def repositories(self, workspace: str, wanted: int) -> tuple[RepositoryAnswer, ...]:
        """Return all repositories of a workspace that the credentials can see, or nothing.

        It returns nothing if the list takes as many requests as ``wanted`` single look-ups, or if the list fails: each
        repository can still be looked up by itself.
        """
        if wanted < _WORTH_A_LIST:
            return ()
        path = f"/repositories/{_part(workspace)}"
        try:
            first = self._answer(f"{path}?pagelen=1", PageAnswer)
            pages = -(-first.size // PAGE_LENGTH) if first is not None and first.size is not None else MAX_PAGES
            if pages >= min(wanted, MAX_PAGES):
                return ()
            return tuple(self._api.discreet(answer) for answer in self._api.listed(path, RepositoryAnswer))
        except BitbucketError:
            return ()

    def environments(self, workspace: str, repository: str) -> tuple[EnvironmentAnswer, ...]:
        """Return all deployment environments of a repository; empty if it has no pipelines yet.

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
