"""Policy documents compared statement by statement."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oidc.iam.difference import ChangedStatement, DocumentDifference
from oidc.iam.difference import compare_documents as compare_parsed
from oidc.iam.document import meaning_of, parse, parse_text

PUT = {"Sid": "Put", "Effect": "Allow", "Action": "s3:PutObject", "Resource": ["arn:a", "arn:b"]}
LIST = {"Effect": "Allow", "Action": ["s3:ListBucket"], "Resource": "arn:a"}


def document(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def compare_documents(old: dict[str, Any], new: dict[str, Any]) -> DocumentDifference:
    return compare_parsed(parse(old), parse(new))


def without(statement: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in statement.items() if key != name}


def test_notation_makes_no_difference() -> None:
    old = document(PUT, LIST)
    new = document(LIST | {"Action": "s3:ListBucket"}, PUT | {"Resource": ["arn:b", "arn:a", "arn:a"]})
    assert not compare_documents(old, new)
    assert not compare_documents(document(PUT), {"Version": "2012-10-17", "Statement": PUT})


def test_a_boolean_of_a_condition_is_its_text() -> None:
    texts = [{**LIST, "Condition": {"Bool": {"aws:SecureTransport": value}}} for value in (True, "true")]
    assert not compare_documents(document(texts[0]), document(texts[1]))


def test_statements_are_matched_by_sid_in_any_order() -> None:
    changed = PUT | {"Effect": "Deny", "Action": "s3:*", "Resource": "arn:c"}
    difference = compare_documents(document(PUT, LIST), document(LIST, changed))
    elements = {
        "Effect": (("Allow",), ("Deny",)),
        "Action": (("s3:PutObject",), ("s3:*",)),
        "Resource": (("arn:a", "arn:b"), ("arn:c",)),
    }
    assert difference == DocumentDifference(changed=(ChangedStatement("Put", elements),))


def test_statements_without_sid_are_matched_by_common_elements() -> None:
    difference = compare_documents(document(LIST, without(PUT, "Sid")), document(LIST | {"Action": "s3:GetObject"}))
    assert [(statement.label, statement.elements) for statement in difference.changed] == [
        ("statement 1", {"Action": (("s3:ListBucket",), ("s3:GetObject",))})
    ]
    assert [statement["Action"] for statement in difference.removed] == [("s3:PutObject",)]
    assert difference.added == ()


def test_statements_with_one_element_in_common_are_two_statements() -> None:
    difference = compare_documents(document(LIST), document({"Effect": "Allow", "Action": "iam:*", "Resource": "*"}))
    assert (len(difference.changed), len(difference.removed), len(difference.added)) == (0, 1, 1)


def test_principals_and_conditions_are_compared_value_by_value() -> None:
    trust = {"Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity", "Principal": {"Federated": "arn:p"}}
    before = trust | {"Condition": {"StringLike": {"x:sub": ["{a}:*", "{b}:*"]}, "StringEquals": {"x:aud": "one"}}}
    after = trust | {"Principal": "*", "Condition": {"StringLike": {"x:sub": ["{b}:*", "{c}:*"]}}}
    (changed,) = compare_documents(document(before), document(after)).changed
    assert changed.elements == {
        "Principal": ((), ("*",)),
        "StringLike x:sub": (("{a}:*",), ("{c}:*",)),
        "Principal Federated": (("arn:p",), ()),
        "StringEquals x:aud": (("one",), ()),
    }


def test_a_repeated_statement_counts() -> None:
    difference = compare_documents(document(LIST), document(LIST, LIST))
    assert (len(difference.added), difference.changed, difference.removed) == (1, (), ())


def test_the_version_is_compared_too() -> None:
    difference = compare_documents(document(LIST), document(LIST) | {"Version": "2008-10-17"})
    assert difference.others == {"Version": ("2012-10-17", "2008-10-17")}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '"x"',
        '{"Version": "2012-10-17"}',
        '{"Statement": ["x"]}',
        "[" * 100_000,
        None,
        7,
        '{"Statement": [], "Statement": []}',
        '{"Statement": {"Effect": "Allow", "Effect": "Deny"}}',
    ],
)
def test_a_text_that_is_not_a_policy_document_is_none(text: object) -> None:
    assert parse_text(text) is None


VALUES = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=3, unique=True)
STATEMENTS = st.fixed_dictionaries(
    {"Effect": st.sampled_from(["Allow", "Deny"]), "Action": VALUES},
    optional={
        "Sid": st.sampled_from(["One", "Two"]),
        "Condition": st.fixed_dictionaries({"Bool": st.just({"k": "v"})}),
    },
)
DOCUMENTS = st.builds(lambda statements: document(*statements), st.lists(STATEMENTS, max_size=4))


def applied(old: dict[str, Any], difference: DocumentDifference) -> int:
    """Return the number of statements of the old document after all removals and additions."""
    return len(old["Statement"]) - len(difference.removed) + len(difference.added)


@given(DOCUMENTS, DOCUMENTS)
def test_a_difference_leads_from_the_old_statements_to_the_new(old: dict[str, Any], new: dict[str, Any]) -> None:
    difference = compare_documents(old, new)
    assert applied(old, difference) == len(new["Statement"])
    backwards = compare_documents(new, old)
    assert bool(difference) is bool(backwards)
    assert (len(difference.removed), len(difference.added)) == (len(backwards.added), len(backwards.removed))


@given(DOCUMENTS, st.randoms())
def test_order_means_nothing(old: dict[str, Any], random: Any) -> None:
    new = json.loads(json.dumps(old))
    random.shuffle(new["Statement"])
    for statement in new["Statement"]:
        random.shuffle(statement["Action"])
    assert not compare_documents(old, new)


A_VALUE: st.SearchStrategy[Any] = st.sampled_from(["a", "b", "*", "a*", True, 1])
SOME: st.SearchStrategy[Any] = st.one_of(A_VALUE, st.lists(A_VALUE, min_size=1, max_size=3, unique_by=str))
CONDITIONS: st.SearchStrategy[Any] = st.dictionaries(
    st.sampled_from(["StringLike", "StringEquals"]), st.dictionaries(st.sampled_from(["k", "Action"]), SOME, min_size=1)
)
EFFECT: dict[str, st.SearchStrategy[Any]] = {"Effect": st.sampled_from(["Allow", "Deny"])}
STATEMENTS = st.fixed_dictionaries(
    EFFECT,
    optional={
        "Action": SOME,
        "NotAction": SOME,
        "Resource": SOME,
        "Principal": st.one_of(st.just("*"), st.dictionaries(st.sampled_from(["AWS", "Federated"]), SOME, min_size=1)),
        "Condition": CONDITIONS,
    },
)
DOCUMENTS = st.lists(STATEMENTS, min_size=1, max_size=2).map(lambda statements: document(*statements))


def renoted(value: Any, seed: Any) -> Any:
    """Write a document in another notation: other orders, one value with or without a list around it."""
    if isinstance(value, dict):
        keys = seed.sample(sorted(value), len(value))
        return {key: renoted(value[key], seed) for key in keys}
    if isinstance(value, list):
        items = [renoted(item, seed) if isinstance(item, dict) else item for item in seed.sample(value, len(value))]
        return items[0] if len(items) == 1 and seed.random() < HALF else items
    return [value] if value not in ("*", "Allow", "Deny", "2012-10-17") and seed.random() < HALF else value


HALF = 0.5


@given(DOCUMENTS, st.randoms(use_true_random=False))
def test_notation_does_not_change_the_meaning(written: dict[str, Any], seed: Any) -> None:
    assert meaning_of(written) == meaning_of(renoted(written, seed))


@given(DOCUMENTS, DOCUMENTS)
def test_documents_of_the_same_meaning_have_no_difference(old: dict[str, Any], new: dict[str, Any]) -> None:
    if meaning_of(old) == meaning_of(new):
        assert not compare_documents(old, new)
    else:
        assert meaning_of(document(*old["Statement"], *new["Statement"])) not in (meaning_of(old), meaning_of(new))


def test_an_account_is_its_root_user_and_nothing_else() -> None:
    def trusting(principal: str) -> str:
        return meaning_of(document({**without(PUT, "Resource"), "Principal": {"AWS": principal}}))

    assert trusting("111111111111") == trusting("arn:aws:iam::111111111111:root")
    assert trusting("111111111111") != trusting("arn:aws:iam::111111111111:role/root")
    assert trusting("111111111111") != trusting("arn:aws:iam::111111111112:root")
