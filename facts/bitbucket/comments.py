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
"""How many comments with our line are tried, so that copies of the line cannot cause endless requests."""


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment on a pull request.

    Attributes:
        number: Its id; later ones have greater ids.
        raw: What its author wrote.
        author: UUID of the account, or ``None`` if the account is deleted.
        is_top_level: Whether it is not a reply, not on a line of the change, and not deleted.
    """

    number: int
    raw: str
    author: str | None
    is_top_level: bool


class Comments(Protocol):
    """The comments of one pull request. Every method raises BitbucketError for any other answer."""

    def whoami(self) -> str | None:
        """Return the UUID of the credentials' account; ``None`` if Bitbucket does not tell it."""

    def all(self) -> Sequence[Comment]:
        """Return all comments."""

    def create(self, raw: str) -> Comment:
        """Write a comment."""

    def update(self, number: int, raw: str) -> Comment | None:
        """Change a comment; ``None`` if it is deleted or somebody else's."""

    def delete(self, number: int) -> None:
        """Delete a comment, if it still exists and is ours."""


class Outcome(StrEnum):
    """The result for the comment."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    NEWER = "newer"
    """A later pipeline has already written it, so it is not changed."""


@dataclass(frozen=True, slots=True)
class Marker:
    """The mark of our comment.

    Attributes:
        key: Distinguishes our comments on one pull request: letters, digits, ``_``, ``.`` and ``-``.
        build: The number of the pipeline that wrote it; 0 outside a pipeline.
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
            match = _LINE.fullmatch(line.strip())
            if match and match[1] == self.key:
                return int(match[2])
        return None


_LINE = re.compile(r"\[//\]: # \(bitbucket-oidc ([A-Za-z0-9_.-]{1,50}) ([0-9]{1,15})\)", re.ASCII)


def keep_one_comment(comments: Comments, marker: Marker, text: str) -> Outcome:
    """Write the comment, or update the existing one; of several comments of ours, the oldest stays.

    Two runs at once may both find no comment. Each reads the list again after writing, and deletes all but the oldest.

    Raises:
        BitbucketError: Bitbucket refused, or could not be reached.
    """
    raw = marker.around(text)
    author = comments.whoami()
    for comment in _marked(comments, marker, author)[:_MOST_TRIED]:
        is_newer = (marker.build_of(comment.raw) or 0) > marker.build
        if author is not None and (is_newer or comment.raw.strip() == raw):
            return _settled(comments, marker, comment, raw)
        # If our account is unknown, a comment is ours if it can be changed; a newer one keeps its text.
        if (changed := comments.update(comment.number, comment.raw if is_newer else raw)) is not None:
            return _settled(comments, marker, changed, raw, Outcome.UPDATED)
    return _settled(comments, marker, comments.create(raw), raw, Outcome.CREATED)


def _marked(comments: Comments, marker: Marker, author: str | None) -> list[Comment]:
    marked = [
        comment
        for comment in comments.all()
        if comment.is_top_level and marker.build_of(comment.raw) is not None and author in (None, comment.author)
    ]
    return sorted(marked, key=lambda comment: comment.number)


def _settled(
    comments: Comments, marker: Marker, current: Comment, raw: str, outcome: Outcome = Outcome.UNCHANGED
) -> Outcome:
    """Keep the oldest comment of our account, with the text of the latest pipeline; delete the others."""
    ours = _marked(comments, marker, current.author) if current.author else [current]
    latest = max(
        [current, *ours], key=lambda comment: (marker.build_of(comment.raw) or 0, comment.number == current.number)
    )
    if len(ours) > 1:
        kept = next((comment for comment in ours if comments.update(comment.number, latest.raw) is not None), current)
        for comment in ours:
            if comment.number != kept.number:
                comments.delete(comment.number)
        outcome = Outcome.UPDATED
    return outcome if latest.raw.strip() == raw else Outcome.NEWER


_NOT_OURS = frozenset({403, 410})
"""The statuses for a change of a comment that is deleted or somebody else's, besides 404."""

_NOT_TOLD = frozenset({401, 403})
"""The statuses for credentials without an account: access tokens of a repository."""


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
    """The comments of one pull request, through Bitbucket's REST API.

    Args:
        api: Asks Bitbucket.
        run: The pipeline of the pull request.
        number: The number of the pull request.
    """

    def __init__(self, api: BitbucketApi, run: PipelineRun, number: int) -> None:
        self._api = api
        self._path = f"/{run.path}/pullrequests/{number}/comments"
        self._missing = (
            f"there is no pull request {number} of {run.workspace}/{run.repository}, or these credentials cannot see it"
        )

    def whoami(self) -> str | None:
        """Return the UUID of the credentials' account; ``None`` if Bitbucket does not tell it."""
        reply = self._api.send("GET", "/user", otherwise=_NOT_TOLD)
        return self._api.parsed(reply, _Account).uuid if reply else None

    def all(self) -> list[Comment]:
        """Return all comments."""
        return [answer.comment() for answer in self._api.listed(self._path, _Comment)]

    def create(self, raw: str) -> Comment:
        """Write a comment."""
        reply = self._api.send("POST", self._path, {"content": {"raw": raw}})
        if reply is None:
            do = "check the credentials: they need the scope pullrequest"
            raise BitbucketError(self._missing, do=do)
        return self._api.parsed(reply, _Comment).comment()

    def update(self, number: int, raw: str) -> Comment | None:
        """Change a comment; ``None`` if it is deleted or somebody else's."""
        document = {"content": {"raw": raw}}
        reply = self._api.send("PUT", f"{self._path}/{number}", document, otherwise=_NOT_OURS)
        return self._api.parsed(reply, _Comment).comment() if reply else None

    def delete(self, number: int) -> None:
        """Delete a comment, if it still exists and is ours."""
        self._api.send("DELETE", f"{self._path}/{number}", otherwise=_NOT_OURS)
