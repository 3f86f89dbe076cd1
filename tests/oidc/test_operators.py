"""The table of condition operators agrees with the one that evaluation keeps for itself, form by form."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from access.evaluation.operators import operator_of as evaluated
from oidc.errors import EvaluationError
from oidc.iam.operators import OPERATORS, operator_of

FORMS = [
    f"{over}{name}{behind}"
    for over in ("", "ForAllValues:", "ForAnyValue:")
    for name in OPERATORS
    for behind in ("", "IfExists")
    if name != "Null"
]


@pytest.mark.parametrize("name", FORMS)
def test_both_tables_have_the_same_forms(name: str) -> None:
    ours, theirs = operator_of(name), evaluated(name)
    assert ours is not None
    assert (ours.kind, ours.negated, ours.if_exists, ours.over) == (
        theirs.family, theirs.negated, theirs.if_exists, theirs.over
    )  # fmt: skip


@given(st.one_of(st.text(max_size=20), st.builds("".join, st.lists(st.sampled_from(
    ["ForAllValues:", "ForAnyValue:", ":", "IfExists", *OPERATORS]
), max_size=3))))  # fmt: skip
def test_evaluation_knows_no_operator_that_the_table_lacks(name: str) -> None:
    try:
        evaluated(name)
    except EvaluationError:
        return
    assert operator_of(name) is not None


@pytest.mark.parametrize("name", ["nullifexists", "ForAllValue:Bool", ":Bool", "Foo:Bool", "IfExists", "", "Bools"])
def test_an_unknown_operator_is_none(name: str) -> None:
    assert operator_of(name) is None


def test_case_is_ignored() -> None:
    assert operator_of("foranyvalue:STRINGLIKEifexists") == operator_of("ForAnyValue:StringLikeIfExists")
