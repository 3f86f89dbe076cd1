"""Bitbucket's REST API 2.0, as far as names are resolved by it.

Source: https://developer.atlassian.com/cloud/bitbucket/rest/intro/.
"""

from typing import Protocol, TypeVar
from urllib.parse import quote

from facts.bitbucket.answers import BitbucketAnswer, EnvironmentAnswer, PageAnswer, RepositoryAnswer, WorkspaceAnswer
from facts.bitbucket.api import BitbucketApi
from facts.bitbucket.pages import MAX_PAGES, PAGE_LENGTH
from oidc.errors import BitbucketError

_WORTH_A_LIST = 10
"""Repositories of one workspace that are asked for one by one, whatever the workspace has."""

A = TypeVar("A", bound=BitbucketAnswer)


class Bitbucket(Protocol):
    """What is asked; a name is a slug or a UUID with its braces. ``None`` is for what is not there, or not seen."""

    def workspace(self, name: str) -> WorkspaceAnswer | None:
        """Return a workspace."""

    def repository(self, workspace: str, name: str) -> RepositoryAnswer | None:
        """Return a repository."""

    def repositories(self, workspace: str, wanted: int) -> tuple[RepositoryAnswer, ...]:
        """Return all repositories of a workspace where that is quicker than to ask for so many of them; else none."""

    def environments(self, workspace: str, repository: str) -> tuple[EnvironmentAnswer, ...]:
        """Return all deployment environments of a repository."""


class BitbucketClient:
    """Asks Bitbucket; may be used by several threads."""

    def __init__(self, api: BitbucketApi) -> None:
        self._api = api

    def workspace(self, name: str) -> WorkspaceAnswer | None:
        """Return a workspace."""
        return self._one(f"/workspaces/{_part(name)}", WorkspaceAnswer)

    def repository(self, workspace: str, name: str) -> RepositoryAnswer | None:
        """Return a repository; a renamed one may be found by its former name."""
        return self._one(f"/repositories/{_part(workspace)}/{_part(name)}", RepositoryAnswer)

    def repositories(self, workspace: str, wanted: int) -> tuple[RepositoryAnswer, ...]:
        """Return all repositories of a workspace that the credentials see, a hundred at a time; or none.

        None where that takes as many requests as to ask for each that is wanted, and where the list is not to be
        relied on: each of them can be asked for by itself then.
        """
        if wanted < _WORTH_A_LIST:
            return ()
        path = f"/repositories/{_part(workspace)}"
        try:
            first = self._one(f"{path}?pagelen=1", PageAnswer)
            pages = -(-first.size // PAGE_LENGTH) if first is not None and first.size is not None else MAX_PAGES
            if pages >= min(wanted, MAX_PAGES):
                return ()
            return tuple(self._api.discreet(one) for one in self._api.listed(path, RepositoryAnswer))
        except BitbucketError:
            return ()

    def environments(self, workspace: str, repository: str) -> tuple[EnvironmentAnswer, ...]:
        """Return all deployment environments of a repository; none where it has no pipelines yet."""
        path = f"/repositories/{_part(workspace)}/{_part(repository)}/environments"
        return tuple(self._api.discreet(one) for one in self._api.listed(path, EnvironmentAnswer))

    def _one(self, path: str, kind: type[A]) -> A | None:
        reply = self._api.send("GET", path)
        return self._api.discreet(self._api.parsed(reply, kind)) if reply is not None else None


def _part(name: str) -> str:
    """Return a slug or UUID as part of a path: ``%7B0b3ff4a1-…%7D``."""
    return quote(name, safe="")
