"""Comments on pull requests of the emulated Bitbucket.

Sources: ``listCommentsOnAPullRequest`` and its neighbours in
https://developer.atlassian.com/cloud/bitbucket/rest/api-group-pullrequests/: forms, statuses, and that only its
author may change a comment. The API answers a comment that is too long in HTML
(https://github.com/runatlantis/atlantis/issues/1251). The limit is not documented; this one is Data Center's.
"""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import count
from typing import Any

from sandbox.emulated_bitbucket.exchange import Document, HttpAnswer, Paged, RestCall, error_answer, no_repository

MAX_CHARS = 32_768
_TOO_LONG = HttpAnswer(HTTPStatus.BAD_REQUEST, "<h1>Bad Request (400)</h1>")


@dataclass
class EmulatedComment:
    """A comment.

    Attributes:
        number: The id.
        raw: The text as written.
        author: The UUID of the account.
        is_deleted: Whether it is deleted; deleted comments stay in the list, without their text.
        parent: The id of the comment that a reply answers.
        inline: The place of a comment on a line.
    """

    number: int
    raw: str
    author: str
    is_deleted: bool = False
    parent: int | None = None
    inline: dict[str, Any] | None = None

    def document(self) -> Document:
        """Return the comment as the API shows it."""
        document: dict[str, object] = {
            "type": "pullrequest_comment",
            "id": self.number,
            "content": {"type": "rendered", "raw": "" if self.is_deleted else self.raw, "markup": "markdown"},
            "user": {"type": "user", "uuid": self.author},
            "deleted": self.is_deleted,
        }
        parent = {"parent": {"id": self.parent}} if self.parent is not None else {}
        return document | parent | ({"inline": self.inline} if self.inline is not None else {})


@dataclass
class PullRequests:
    """The comments of all pull requests, by UUID of the repository and number.

    Attributes:
        comments: The comments of each. Whether a pull request exists, the repository says.
    """

    paged: Paged
    comments: dict[tuple[str, int], list[EmulatedComment]] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, call: RestCall, account: str) -> HttpAnswer:
        """Answer a call about the comments of a pull request, or about one comment."""
        repository = call.repository()
        if repository is None:
            return no_repository(call)
        number = int(call.names[2])
        if number not in repository.pull_requests:
            return error_answer(HTTPStatus.NOT_FOUND, f"There is no pull request {number}.")
        with self._lock:
            comments = self.comments.setdefault((repository.uuid, number), [])
            if len(call.names) > 3:  # noqa: PLR2004 - after the pull request
                return self._comment(call, comments, int(call.names[3]), account)
            return self._all(call, comments, account)

    def write(self, repository_uuid: str, number: int, raw: str, author: str, **more: Any) -> EmulatedComment:  # noqa: ANN401 - fields of the comment
        """Add a comment of another author."""
        made = EmulatedComment(next(self._numbers), raw, author, **more)
        self.comments.setdefault((repository_uuid, number), []).append(made)
        return made

    def _all(self, call: RestCall, comments: list[EmulatedComment], account: str) -> HttpAnswer:
        if call.request.method == "GET":
            return self.paged(call.request, [comment.document() for comment in comments])
        if call.request.method != "POST":
            return error_answer(HTTPStatus.METHOD_NOT_ALLOWED, "Method not allowed")
        raw = _raw_of(call.request.body)
        if isinstance(raw, HttpAnswer):
            return raw
        comments.append(EmulatedComment(next(self._numbers), raw, account))
        return HttpAnswer(HTTPStatus.CREATED, comments[-1].document())

    def _comment(self, call: RestCall, comments: list[EmulatedComment], number: int, account: str) -> HttpAnswer:
        comment = next((known for known in comments if known.number == number and not known.is_deleted), None)
        if comment is None:
            return error_answer(HTTPStatus.NOT_FOUND, f"There is no comment {number}.")
        if call.request.method == "GET":
            return HttpAnswer(HTTPStatus.OK, comment.document())
        if comment.author != account:
            return error_answer(HTTPStatus.FORBIDDEN, "You do not have permission to change this comment.")
        if call.request.method == "DELETE":
            comment.is_deleted = True
            return HttpAnswer(HTTPStatus.NO_CONTENT, "")
        raw = _raw_of(call.request.body)
        if isinstance(raw, HttpAnswer):
            return raw
        comment.raw = raw
        return HttpAnswer(HTTPStatus.OK, comment.document())


def _raw_of(body: bytes) -> str | HttpAnswer:
    try:
        raw = json.loads(body)["content"]["raw"]
    except (ValueError, KeyError, TypeError):
        return error_answer(HTTPStatus.BAD_REQUEST, "content: raw is required")
    if not isinstance(raw, str) or not raw.strip():
        return error_answer(HTTPStatus.BAD_REQUEST, "content: raw is required")
    return _TOO_LONG if len(raw) >= MAX_CHARS else raw
