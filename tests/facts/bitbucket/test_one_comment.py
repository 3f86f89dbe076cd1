"""One comment, whatever others write, delete and run at the same time."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from facts.bitbucket.comments import Comment, Marker, Outcome, keep_one_comment

ME, OTHER = "{11111111-1111-4111-8111-111111111111}", "{22222222-2222-4222-8222-222222222222}"


@dataclass
class Board:
    """The comments of a pull request, as one account sees them."""

    knows_me: bool = True
    comments: list[Comment] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)
    before_settling: Callable[[], None] | None = None
    readings: int = 0
    deletes_first: bool = False

    def whoami(self) -> str | None:
        return ME if self.knows_me else None

    def all(self) -> list[Comment]:
        self.readings += 1
        if self.readings == 2 and self.before_settling:
            self.before_settling()
        return list(self.comments)

    def create(self, raw: str) -> Comment:
        self.changes.append("create")
        return self.write(raw)

    def update(self, number: int, raw: str) -> Comment | None:
        if self.deletes_first:
            self.comments.clear()
            self.deletes_first = False
        at = next((at for at, comment in enumerate(self.comments) if comment.number == number), None)
        if at is None or self.comments[at].author != ME:
            return None
        if self.comments[at].raw != raw:
            self.changes.append(f"update {number}")
        self.comments[at] = replace(self.comments[at], raw=raw)
        return self.comments[at]

    def delete(self, number: int) -> None:
        self.changes.append(f"delete {number}")
        self.comments = [comment for comment in self.comments if comment.number != number or comment.author != ME]

    def write(self, raw: str, author: str | None = ME, *, is_top_level: bool = True) -> Comment:
        number = max((comment.number for comment in self.comments), default=0) + 1
        self.comments.append(Comment(number, raw, author, is_top_level))
        return self.comments[-1]


def keep(board: Board, text: str = "text", build: int = 7, key: str = "access") -> Outcome:
    return keep_one_comment(board, Marker(key, build), text)


both = pytest.mark.parametrize("knows_me", [True, False])


@both
def test_the_first_run_writes_it_and_a_second_run_changes_nothing(*, knows_me: bool) -> None:
    board = Board(knows_me)
    assert keep(board) is Outcome.CREATED
    keep(board)
    assert board.changes == ["create"]


@both
def test_later_pipelines_bring_it_up_to_date(*, knows_me: bool) -> None:
    board = Board(knows_me)
    keep(board)
    assert keep(board, "other", 8) is Outcome.UPDATED
    assert board.changes == ["create", "update 1"]
    assert "other" in board.comments[0].raw


@both
def test_an_earlier_pipeline_that_ends_later_changes_nothing(*, knows_me: bool) -> None:
    board = Board(knows_me)
    keep(board, "newer", 8)
    assert keep(board, "older", 7) is Outcome.NEWER
    assert board.changes == ["create"]


@both
def test_a_copy_of_our_line_by_somebody_else_stays_and_has_no_effect(*, knows_me: bool) -> None:
    board = Board(knows_me)
    forged = Marker("access", 999_999).around("forged")
    board.write(forged, OTHER)
    board.write(forged, None)
    assert keep(board) is Outcome.CREATED
    assert keep(board, "again", 8) is Outcome.UPDATED
    assert [comment.raw for comment in board.comments[:2]] == [forged, forged]
    assert len(board.comments) == 3


def test_many_copies_cost_a_few_requests_and_no_second_comment() -> None:
    board = Board(knows_me=False)
    for _ in range(500):
        board.write(Marker("access", 1).around("forged"), OTHER)
    keep(board)
    assert keep(board, "again", 8) is Outcome.UPDATED
    ours = [comment for comment in board.comments if comment.author == ME]
    assert len(ours) == 1
    assert "again" in ours[0].raw


@both
@pytest.mark.parametrize(
    "edited",
    [
        lambda raw: raw.replace("[//]", "x", 1),
        lambda raw: raw[: raw.rindex("[//]")],
        lambda raw: raw.replace("\n", "\r\n"),
        lambda raw: f"\n\n  {raw}  \n\n",
        lambda raw: raw.replace("text", "[//]: # (bitbucket-oidc access 1)"),
    ],
)
def test_it_is_recognised_after_edits(edited: Callable[[str], str], *, knows_me: bool) -> None:
    board = Board(knows_me)
    keep(board)
    board.comments[0] = replace(board.comments[0], raw=edited(board.comments[0].raw))
    keep(board, "again", 8)
    assert len(board.comments) == 1


def test_without_our_lines_a_new_comment_is_written() -> None:
    board = Board()
    keep(board)
    board.comments[0] = replace(board.comments[0], raw="vandalised")
    assert keep(board) is Outcome.CREATED


@both
def test_replies_and_comments_on_lines_and_other_keys_are_not_ours(*, knows_me: bool) -> None:
    board = Board(knows_me)
    board.write(Marker("access", 1).around("reply"), is_top_level=False)
    keep(board, key="other")
    assert keep(board) is Outcome.CREATED
    assert len(board.comments) == 3


@both
def test_two_runs_at_once_end_with_one_comment_of_the_later_pipeline(*, knows_me: bool) -> None:
    board = Board(knows_me)
    board.before_settling = lambda: void(board.write(Marker("access", 9).around("theirs, later")))
    assert keep(board, "mine", 8) is Outcome.NEWER
    (comment,) = board.comments
    assert comment.number == 1
    assert "theirs, later" in comment.raw


@both
def test_two_runs_at_once_end_with_our_comment_if_it_is_later(*, knows_me: bool) -> None:
    board = Board(knows_me)
    board.before_settling = lambda: void(board.write(Marker("access", 7).around("theirs, earlier")))
    assert keep(board, "mine", 8) is Outcome.UPDATED
    (comment,) = board.comments
    assert "mine" in comment.raw


@both
def test_a_comment_deleted_meanwhile_is_written_again(*, knows_me: bool) -> None:
    board = Board(knows_me)
    keep(board)
    board.deletes_first = True
    assert keep(board, "again", 8) is Outcome.CREATED
    (comment,) = board.comments
    assert "again" in comment.raw


def void(_value: object) -> None:
    """Give nothing back."""
