"""Comments on pull requests of the emulated Bitbucket.

Sources: ``listCommentsOnAPullRequest`` and its neighbours in
https://developer.atlassian.com/cloud/bitbucket/rest/api-group-pullrequests/: forms, statuses, and that an author alone
changes a comment. A comment that is too long was met as an answer in HTML
(https://github.com/runatlantis/atlantis/issues/1251); at which length is not documented, here it is Data Center's.
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
        number: Its id.
        raw: What its author wrote.
        author: UUID of the account.
        is_deleted: Deleted ones stay in the list, without their text.
        parent: Of a reply, the comment that it answers.
        inline: Of a comment on a line, where that is.
    """

    number: int
    raw: str
    author: str
    is_deleted: bool = False
    parent: int | None = None
    inline: dict[str, Any] | None = None

    def document(self) -> Document:
        """Return it as the API shows it."""
        told: dict[str, object] = {
            "type": "pullrequest_comment",
            "id": self.number,
            "content": {"type": "rendered", "raw": "" if self.is_deleted else self.raw, "markup": "markdown"},
            "user": {"type": "user", "uuid": self.author},
            "deleted": self.is_deleted,
        }
        parent = {"parent": {"id": self.parent}} if self.parent is not None else {}
        return told | parent | ({"inline": self.inline} if self.inline is not None else {})


@dataclass
class PullRequests:
    """The comments of all pull requests, by UUID of the repository and number.

    Attributes:
        comments: Those of each; a pull request is there where the repository says so.
    """

    paged: Paged
    comments: dict[tuple[str, int], list[EmulatedComment]] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, call: RestCall, account: str) -> HttpAnswer:
        """Answer a call about the comments of a pull request, or about one of them."""
        repository = call.repository()
        if repository is None:
            return no_repository(call)
        number = int(call.names[2])
        if number not in repository.pull_requests:
            return error_answer(HTTPStatus.NOT_FOUND, f"There is no pull request {number}.")
        with self._lock:
            there = self.comments.setdefault((repository.uuid, number), [])
            one = call.names[3] if len(call.names) > 3 else None  # noqa: PLR2004 - behind the pull request
            return self._all(call, there, account) if one is None else self._one(call, there, int(one), account)

    def write(self, repository_uuid: str, number: int, raw: str, author: str, **more: Any) -> EmulatedComment:  # noqa: ANN401 - of the comment
        """Write a comment as somebody else would."""
        made = EmulatedComment(next(self._numbers), raw, author, **more)
        self.comments.setdefault((repository_uuid, number), []).append(made)
        return made

    def _all(self, call: RestCall, there: list[EmulatedComment], account: str) -> HttpAnswer:
        if call.request.method == "GET":
            return self.paged(call.request, [one.document() for one in there])
        if call.request.method != "POST":
            return error_answer(HTTPStatus.METHOD_NOT_ALLOWED, "Method not allowed")
        raw = _raw_of(call.request.body)
        if isinstance(raw, HttpAnswer):
            return raw
        there.append(EmulatedComment(next(self._numbers), raw, account))
        return HttpAnswer(HTTPStatus.CREATED, there[-1].document())

    def _one(self, call: RestCall, there: list[EmulatedComment], number: int, account: str) -> HttpAnswer:
        found = next((one for one in there if one.number == number and not one.is_deleted), None)
        if found is None:
            return error_answer(HTTPStatus.NOT_FOUND, f"There is no comment {number}.")
        if call.request.method == "GET":
            return HttpAnswer(HTTPStatus.OK, found.document())
        if found.author != account:
            return error_answer(HTTPStatus.FORBIDDEN, "You do not have permission to change this comment.")
        if call.request.method == "DELETE":
            found.is_deleted = True
            return HttpAnswer(HTTPStatus.NO_CONTENT, "")
        raw = _raw_of(call.request.body)
        if isinstance(raw, HttpAnswer):
            return raw
        found.raw = raw
        return HttpAnswer(HTTPStatus.OK, found.document())


def _raw_of(body: bytes) -> str | HttpAnswer:
    try:
        raw = json.loads(body)["content"]["raw"]
    except (ValueError, KeyError, TypeError):
        return error_answer(HTTPStatus.BAD_REQUEST, "content: raw is required")
    if not isinstance(raw, str) or not raw.strip():
        return error_answer(HTTPStatus.BAD_REQUEST, "content: raw is required")
    return _TOO_LONG if len(raw) >= MAX_CHARS else raw
