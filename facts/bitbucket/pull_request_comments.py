"""The comments of a pull request, through Bitbucket's REST API.

Source: ``listCommentsOnAPullRequest`` and its neighbours in
https://developer.atlassian.com/cloud/bitbucket/rest/api-group-pullrequests/: the scope that each asks for is
``pullrequest``. A page about access tokens says that commenting takes ``pullrequest:write``
(https://support.atlassian.com/bitbucket-cloud/docs/repository-access-token-permissions/).
"""

from pydantic import Field, StrictBool, StrictInt, StrictStr

from config.pipeline_run import PipelineRun
from facts.bitbucket.answers import Answer
from facts.bitbucket.one_comment import Comment
from facts.bitbucket.transport import Transport
from oidc.errors import BitbucketError

_NOT_OURS = frozenset({403, 410})
"""What changing a comment of somebody else's, or one that is deleted, is answered with; besides 404."""

_NOT_TOLD = frozenset({401, 403})
"""Access tokens of a repository have no account to show."""


class _Account(Answer):
    uuid: StrictStr


class _Content(Answer):
    raw: StrictStr = ""


class _Comment(Answer):
    id: StrictInt
    content: _Content = Field(default_factory=_Content)
    user: _Account | None = None
    deleted: StrictBool = False
    parent: Answer | None = None
    inline: Answer | None = None

    def comment(self) -> Comment:
        is_top_level = not self.deleted and self.parent is None and self.inline is None
        return Comment(self.id, self.content.raw, self.user.uuid if self.user else None, is_top_level)


class PullRequestComments:
    """The comments of one pull request; ``Comments`` of ``facts/bitbucket/one_comment.py`` says what each method does.

    Args:
        transport: Asks Bitbucket.
        run: Whose pull request.
        number: Of the pull request.
    """

    def __init__(self, transport: Transport, run: PipelineRun, number: int) -> None:
        self._transport = transport
        self._path = f"/{run.path}/pullrequests/{number}/comments"
        self._missing = f"there is no pull request {number} of {run.workspace}/{run.repository}, or it is not shown"

    def whoami(self) -> str | None:
        """Return the UUID of the account that asks, or ``None`` where the credentials do not tell."""
        reply = self._transport.send("GET", "/user", otherwise=_NOT_TOLD)
        return self._transport.parsed(reply, _Account).uuid if reply else None

    def all(self) -> list[Comment]:
        """Return all comments."""
        return [found.comment() for found in self._transport.listed(self._path, _Comment)]

    def create(self, raw: str) -> Comment:
        """Write a comment."""
        reply = self._transport.send("POST", self._path, {"content": {"raw": raw}})
        if reply is None:
            do = "check that the credentials may see it: their scope is pullrequest"
            raise BitbucketError(self._missing, do=do)
        return self._transport.parsed(reply, _Comment).comment()

    def update(self, number: int, raw: str) -> Comment | None:
        """Change a comment; ``None`` where it is gone, or somebody else's."""
        document = {"content": {"raw": raw}}
        reply = self._transport.send("PUT", f"{self._path}/{number}", document, otherwise=_NOT_OURS)
        return self._transport.parsed(reply, _Comment).comment() if reply else None

    def delete(self, number: int) -> None:
        """Delete a comment, if it is there and ours."""
        self._transport.send("DELETE", f"{self._path}/{number}", otherwise=_NOT_OURS)
