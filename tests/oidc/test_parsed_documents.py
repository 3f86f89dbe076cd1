"""A policy document is taken apart once: every value with its place, and what IAM does not take apart from the rest."""

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oidc.iam.document import parse
from oidc.iam.statement import Place, Statement, text_of

SCALARS = st.one_of(st.text(max_size=4), st.booleans(), st.integers(-9, 9), st.floats(allow_nan=False))
JSON = st.recursive(
    st.one_of(SCALARS, st.none()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
VALUES = st.one_of(SCALARS, st.lists(SCALARS, max_size=3), JSON)
CONDITION = st.dictionaries(st.sampled_from(["Bool", "StringLike"]), st.dictionaries(st.text(max_size=3), VALUES))
PRINCIPAL = st.one_of(st.just("*"), st.dictionaries(st.sampled_from(["AWS", "Federated"]), VALUES), JSON)
STATEMENT = st.fixed_dictionaries(
    {},
    optional={
        "Effect": st.sampled_from(["Allow", "Deny", "allow", ["Allow"]]),
        "Action": VALUES,
        "NotResource": VALUES,
        "Principal": PRINCIPAL,
        "NotPrincipal": PRINCIPAL,
        "Condition": CONDITION | JSON,
    },
)
DOCUMENTS = st.fixed_dictionaries(
    {"Version": SCALARS}, optional={"Statement": st.one_of(STATEMENT, st.lists(STATEMENT | JSON, max_size=3), JSON)}
)


def at(document: Any, place: Place) -> Any:
    for part in place:
        document = document[part]
    return document


def texts(statement: Statement) -> Iterable[tuple[Place, str]]:
    for element in (*statement.elements, *statement.conditions):
        yield from ((element.place_of(index), value) for index, value in enumerate(element.values))
    yield from ((each.place, each.name) for each in (*statement.principals, *statement.not_principals))


@given(DOCUMENTS)
def test_every_value_is_where_its_place_says(document: dict[str, Any]) -> None:
    for statement in parse(document).statements:
        assert at(document, statement.place) == statement.raw
        assert [text for _, text in texts(statement)] == [text_of(at(document, place)) for place, _ in texts(statement)]


@given(DOCUMENTS)
def test_nothing_of_a_statement_is_lost(document: dict[str, Any]) -> None:
    parsed = parse(document)
    elements = document.get("Statement", [])
    assert len(parsed.statements) + len(parsed.malformed) == (len(elements) if isinstance(elements, list) else 1)
    for statement in parsed.statements:
        known = {place[len(statement.place)] for place, _ in texts(statement)}
        known |= {malformed.place[len(statement.place)] for malformed in statement.malformed}
        empty = {name for name, value in statement.raw.items() if value in ([], {})}
        empty |= {name for name in ("Principal", "NotPrincipal", "Condition") if name in statement.names}
        assert set(statement.names) <= known | empty


@pytest.mark.parametrize(
    ("statement", "part", "place"),
    [
        ({"Principal": {}}, "principals", ("Principal",)),
        ({"Principal": "arn:aws:iam::222222222222:root"}, "principals", ("Principal",)),
        ({"Principal": {"Federated": ["arn:p", 7]}}, "principal", ("Principal", "Federated", 1)),
        ({"Condition": None}, "condition", ("Condition",)),
        ({"Condition": {"Bool": "true"}}, "tests", ("Condition", "Bool")),
        ({"Condition": {"Bool": {}}}, "tests", ("Condition", "Bool")),
        ({"Condition": {"Bool": {"k": ["true", None]}}}, "values", ("Condition", "Bool", "k")),
    ],
)
def test_a_part_that_iam_refuses_is_malformed(statement: dict[str, Any], part: str, place: Place) -> None:
    (parsed,) = parse({"Statement": [statement]}).statements
    assert [(each.part, each.place) for each in parsed.malformed] == [(part, ("Statement", 0, *place))]
    assert not parsed.conditions


@given(STATEMENT)
def test_a_single_value_equals_a_list_of_it(statement: dict[str, Any]) -> None:
    (alone,) = parse({"Statement": statement}).statements
    (listed,) = parse({"Statement": [statement]}).statements
    assert [text for _, text in texts(alone)] == [text for _, text in texts(listed)]
    assert (alone.effect, alone.names, alone.is_conditional) == (listed.effect, listed.names, listed.is_conditional)
