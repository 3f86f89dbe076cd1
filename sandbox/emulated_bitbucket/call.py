"""One call of the emulated REST API, as its handlers see it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import TypeAlias

from sandbox.emulated_bitbucket.contents import EmulatedRepository
from sandbox.emulated_bitbucket.exchange import Answer, Document, Request, error_answer
from sandbox.emulated_bitbucket.step import EmulatedWorkspace


@dataclass(frozen=True)
class Call:
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


Paged: TypeAlias = Callable[[Request, Sequence[Document]], Answer]
"""Answers with the page of a list that a request asks for."""


def no_repository(call: Call) -> Answer:
    """Answer a call about a repository that is not there: one that was renamed is found by its former name."""
    workspace = call.workspace()
    for one in workspace.repositories if workspace else ():
        if workspace and call.names[1] in one.former_slugs:
            renamed = call.request.path.replace(f"/{call.names[1]}", f"/{one.slug}", 1)
            return Answer(HTTPStatus.MOVED_PERMANENTLY, "", {"Location": f"{call.request.origin}{renamed}"})
    return error_answer(HTTPStatus.NOT_FOUND, f"Repository {'/'.join(call.names[:2])} not found")
