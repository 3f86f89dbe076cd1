"""No trust policy that IAM takes is reviewed for long; the bounds are some ten times what is seen."""

import re
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from access.explanation.names import Names
from access.trust_review.review import review
from oidc.iam.pattern import covers, matches, tokens
from tests.access.near_misses import ACCOUNT, ACME
from tests.access.trust_review.any_condition import statement_with

_LARGEST = 8192
"""Characters (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html, "Role trust policy")."""
_UNITS = ["*", "*?", "?*", "*a", "a?*", "*-", "*:", "*0*1", "{*}", "*0?", "${*}", "${*}*", "${", "[", "A"]


def seconds_for(*conditions: tuple[str, str, str | list[str]]) -> float:
    """Return the CPU seconds that a review of one statement takes: by operator, claim and what is compared."""
    statement = statement_with("sub", "StringLike", "*")
    statement["Condition"] = {operator: {f"{ACME}:{claim}": value} for operator, claim, value in conditions}
    began = process_time()
    review({"Version": "2012-10-17", "Statement": [statement]}, ACCOUNT, Names())
    return process_time() - began


@pytest.mark.parametrize("unit", _UNITS)
def test_no_pattern_of_the_largest_size_takes_long(unit: str) -> None:
    for length in (80, 116, 230, _LARGEST):
        pattern = (unit * length)[:length]
        for operator in ("StringLike", "StringEquals"):
            for claim in ("sub", "aud"):
                assert seconds_for((operator, claim, pattern)) < 5


def test_no_number_of_patterns_of_the_largest_size_takes_long() -> None:
    short = [f"*{first:x}*{second:x}*" for first in range(16) for second in range(6)]
    assert seconds_for(("StringLike", "sub", short * 4)) < 10
    assert seconds_for(("StringLike", "sub", short), ("ForAnyValue:StringLike", "sub", short)) < 10
    assert seconds_for(("StringLike", "sub", ["*0*1*2*3*4*"] * 9), ("StringEqualsIfExists", "sub", ["*5*6*"] * 9)) < 10
    assert seconds_for(("StringLike", "aud", "*a" * 1800), ("StringLikeIfExists", "aud", "*b" * 1800)) < 10


@given(st.text("*?ab", max_size=12), st.text("ab", max_size=6))
def test_wildcards_in_another_order_match_the_same(pattern: str, text: str) -> None:
    regex = "".join({"*": ".*", "?": "."}.get(character, character) for character in pattern)
    assert matches(text, pattern) is (re.fullmatch(regex, text) is not None)
    # A second star beside each says nothing more.
    assert tokens(pattern.replace("*", "**")) == tokens(pattern)
    assert covers(pattern, pattern.replace("*?", "?*"))
    assert covers(pattern.replace("*?", "?*"), pattern)
