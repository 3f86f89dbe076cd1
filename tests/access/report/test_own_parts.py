"""What is shown for one account follows for the others, word for word."""

from collections.abc import Callable, Mapping
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from review.report.by_account import by_account, form, own_of, pieces
from review.report.documents import Documents, indented
from tests.access.report.conftest import FIXTURES, compiled

_A = {"id": "111111111111", "key": "prod", "region": "eu-west-1"}
_B = {"id": "222222222222", "key": "dev", "region": "us-east-1"}
_WORDS = st.sampled_from(
    [*_A.values(), *_B.values(), "id", "key", "production", "x", ":", "-", "/", ".", " ", "\n", "1"]
)
_TEXTS = st.lists(_WORDS, max_size=12).map("".join)
_TEMPLATES = st.lists(_WORDS | st.sampled_from(["{id}", "{key}", "{region}"]), max_size=12).map("".join)


def filled(text: str, of: Mapping[str, str], by: Mapping[str, str]) -> str:
    return "".join(piece.text if piece.own is None else by[piece.own] for piece in pieces(text, of))


@given(_TEMPLATES)
def test_texts_of_one_form_follow_from_each_other(template: str) -> None:
    one, other = template.format(**_A), template.format(**_B)
    if form(one, _A) == form(other, _B):
        assert filled(one, _A, _B) == other
        assert filled(other, _B, _A) == one


@given(_TEXTS, _TEXTS)
def test_any_texts_of_the_same_form_follow_from_each_other(one: str, other: str) -> None:
    if form(one, _A) == form(other, _B):
        assert filled(one, _A, _B) == other


@given(_TEXTS)
def test_pieces_are_the_text(text: str) -> None:
    assert "".join(piece.text for piece in pieces(text, _A)) == text


def test_a_value_counts_where_it_is_a_word_of_its_own() -> None:
    text = "arn:aws:s3:::site-prod-111111111111-eu-west-1/production"
    assert own_of(form(text, _A), _A) == ("id 111111111111", "key prod", "region eu-west-1")
    assert [piece.own for piece in pieces(text, _A)] == [None, "key", None, "id", None, "region", None]
    assert form("production reproduction", _A) == "production reproduction"


def test_a_literal_id_is_not_an_account_value(write_inventory: Callable[..., Path]) -> None:
    read = (
        "permission_policies: {read: {document: {Version: '2012-10-17', Statement: "
        "[{Effect: Allow, Action: 'sqs:SendMessage', Resource: 'arn:aws:sqs:eu-west-1:111111111111:in'}]}}}\n"
    )
    role = (
        "roles: {r: {accounts: [dev, prod], trust: [{repository: acme/shop, environments: [production]}], "
        "inline_policies: [read]}}\n"
    )
    plan = compiled(write_inventory(read, role)).plan
    assert plan is not None
    holders = [(account, account.roles[0]) for account in plan.accounts if account.roles]
    documents = Documents.of(holders)
    assert len(by_account(holders, lambda account, one: documents.inline((account, one)))) == 2
    assert len(by_account(holders, lambda account, one: documents.trust((account, one)))) == 1


def test_every_document_follows_from_the_one_that_is_shown() -> None:
    for name in ("acme", "families", "wide"):
        plan = compiled(FIXTURES / name).plan
        assert plan is not None
        holders = [(account, role) for account in plan.accounts for role in account.roles]
        documents = Documents.of(holders)
        for account, role in holders:
            shown = documents.trust((account, role))
            own = {"id": account.id, "key": account.key, "region": account.region or ""}
            text = "".join(piece.text if piece.own is None else own[piece.own] for piece in shown.pieces)
            assert text == indented(role.trust_policy)
