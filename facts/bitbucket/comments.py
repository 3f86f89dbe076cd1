"""Keep one comment of ours on a pull request up to date, despite other comments and parallel runs.

Two things identify our comment: an invisible line of Markdown (a link definition without a reference, see
https://spec.commonmark.org/0.31.2/#link-reference-definitions) at the beginning and at the end of the comment, and the
account that wrote it. Anybody can copy the line, but only its author may change a comment.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from pydantic import Field, StrictBool, StrictInt, StrictStr

from config.pipeline_run import PipelineRun
from facts.bitbucket.answers import BitbucketAnswer
from facts.bitbucket.api import BitbucketApi
from oidc.errors import BitbucketError

_MOST_TRIED = 10
"""Comments that carry our line and may be somebody else's are tried to change; so many, so that nobody can have us ask
without end."""


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment on a pull request.

    Attributes:
        number: Its id; later ones have greater ids.
        raw: What its author wrote.
        author: UUID of the account, or ``None`` where the account is gone.
        is_top_level: Whether it is neither a reply nor on a line of the change, and not deleted.
    """

    number: int
    raw: str
    author: str | None
    is_top_level: bool


class Comments(Protocol):
    """The comments of one pull request. Every method raises BitbucketError for any other answer than these."""

    def whoami(self) -> str | None:
        """Return the UUID of the account that asks, or ``None`` where the credentials do not tell."""

    def all(self) -> Sequence[Comment]:
        """Return all comments."""

    def create(self, raw: str) -> Comment:
        """Write a comment."""

    def update(self, number: int, raw: str) -> Comment | None:
        """Change a comment; ``None`` where it is gone, or somebody else's."""

    def delete(self, number: int) -> None:
        """Delete a comment, if it is there and ours."""


class Outcome(StrEnum):
    """What became of the comment."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    NEWER = "newer"
    """A later pipeline has written it already; it is left as it is."""


@dataclass(frozen=True, slots=True)
class Marker:
    """What marks a comment as ours.

    Attributes:
        key: Tells several comments of ours on one pull request apart: letters, digits, ``_``, ``.`` and ``-``.
        build: The number of the pipeline that wrote it; 0 outside of one.
    """

    key: str
    build: int

    def around(self, text: str) -> str:
        """Return a comment with this marker."""
        line = f"[//]: # (bitbucket-oidc {self.key} {self.build})"
        return f"{line}\n\n{text.strip()}\n\n{line}"

    def build_of(self, raw: str) -> int | None:
        """Return the number of the pipeline that wrote a comment with this key, or ``None`` for any other comment."""
        lines = [line for line in raw.splitlines() if line.strip()]
        for line in (*lines[:1], *lines[-1:]):
            found = _LINE.fullmatch(line.strip())
            if found and found[1] == self.key:
                return int(found[2])
        return None


_LINE = re.compile(r"\[//\]: # \(bitbucket-oidc ([A-Za-z0-9_.-]{1,50}) ([0-9]{1,15})\)", re.ASCII)


def keep_one_comment(comments: Comments, marker: Marker, text: str) -> Outcome:
    """Write the comment, or update the existing one; of several of ours, the oldest stays.

    Two runs at once may both find no comment. Each reads the list again after writing, and deletes all but the oldest.

    Raises:
        BitbucketError: Bitbucket refused, or could not be reached.
    """
    raw = marker.around(text)
    author = comments.whoami()
    for one in _marked(comments, marker, author)[:_MOST_TRIED]:
        is_newer = (marker.build_of(one.raw) or 0) > marker.build
        if author is not None and (is_newer or one.raw.strip() == raw):
            return _settled(comments, marker, one, raw)
        # If our account is unknown, a comment is ours if it can be changed; a newer one is rewritten with its own text.
        if (changed := comments.update(one.number, one.raw if is_newer else raw)) is not None:
            return _settled(comments, marker, changed, raw, Outcome.UPDATED)
    return _settled(comments, marker, comments.create(raw), raw, Outcome.CREATED)


def _marked(comments: Comments, marker: Marker, author: str | None) -> list[Comment]:
    found = [one for one in comments.all() if one.is_top_level and marker.build_of(one.raw) is not None]
    return sorted((one for one in found if author in (None, one.author)), key=lambda one: one.number)


def _settled(
    comments: Comments, marker: Marker, written: Comment, raw: str, outcome: Outcome = Outcome.UNCHANGED
) -> Outcome:
    """Leave one comment: the oldest of those that the author of ours wrote, with what the latest pipeline says."""
    ours = _marked(comments, marker, written.author) if written.author else [written]
    latest = max([written, *ours], key=lambda one: (marker.build_of(one.raw) or 0, one.number == written.number))
    if len(ours) > 1:
        kept = next((one for one in ours if comments.update(one.number, latest.raw) is not None), written)
        for one in ours:
            if one.number != kept.number:
                comments.delete(one.number)
        outcome = Outcome.UPDATED
    return outcome if latest.raw.strip() == raw else Outcome.NEWER


_NOT_OURS = frozenset({403, 410})
"""What changing a comment of somebody else's, or one that is deleted, is answered with; besides 404."""

_NOT_TOLD = frozenset({401, 403})
"""Access tokens of a repository have no account to show."""


class _Account(BitbucketAnswer):
    uuid: StrictStr


class _Content(BitbucketAnswer):
    raw: StrictStr = ""


class _Comment(BitbucketAnswer):
    id: StrictInt
    content: _Content = Field(default_factory=_Content)
    user: _Account | None = None
    deleted: StrictBool = False
    parent: BitbucketAnswer | None = None
    inline: BitbucketAnswer | None = None

    def comment(self) -> Comment:
        is_top_level = not self.deleted and self.parent is None and self.inline is None
        return Comment(self.id, self.content.raw, self.user.uuid if self.user else None, is_top_level)


class PullRequestComments:
    """The comments of one pull request; ``Comments`` of ``facts/bitbucket/comments.py`` says what each method does.

    Args:
        api: Asks Bitbucket.
        run: Whose pull request.
        number: Of the pull request.
    """

    def __init__(self, api: BitbucketApi, run: PipelineRun, number: int) -> None:
        self._api = api
        self._path = f"/{run.path}/pullrequests/{number}/comments"
        self._missing = f"there is no pull request {number} of {run.workspace}/{run.repository}, or it is not shown"

    def whoami(self) -> str | None:
        """Return the UUID of the account that asks, or ``None`` where the credentials do not tell."""
        reply = self._api.send("GET", "/user", otherwise=_NOT_TOLD)
        return self._api.parsed(reply, _Account).uuid if reply else None

    def all(self) -> list[Comment]:
        """Return all comments."""
        return [found.comment() for found in self._api.listed(self._path, _Comment)]

    def create(self, raw: str) -> Comment:
        """Write a comment."""
        reply = self._api.send("POST", self._path, {"content": {"raw": raw}})
        if reply is None:
            do = "check that the credentials may see it: their scope is pullrequest"
            raise BitbucketError(self._missing, do=do)
        return self._api.parsed(reply, _Comment).comment()

    def update(self, number: int, raw: str) -> Comment | None:
        """Change a comment; ``None`` where it is gone, or somebody else's."""
        document = {"content": {"raw": raw}}
        reply = self._api.send("PUT", f"{self._path}/{number}", document, otherwise=_NOT_OURS)
        return self._api.parsed(reply, _Comment).comment() if reply else None

    def delete(self, number: int) -> None:
        """Delete a comment, if it is there and ours."""
        self._api.send("DELETE", f"{self._path}/{number}", otherwise=_NOT_OURS)
