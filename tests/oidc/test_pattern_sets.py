"""What two patterns match together, held against every text of a small alphabet."""

from functools import cache
from itertools import product

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from oidc.iam.pattern import covered_by_one, covers, intersect, matches

PATTERNS = st.text(alphabet="ab*?", max_size=4)
TEXTS = ["".join(letters) for length in range(8) for letters in product("abc", repeat=length)]
"""The letter c stands for all that no pattern names; longer than any pattern, so that each star can show itself."""


@cache
def matched(pattern: str) -> frozenset[str]:
    return frozenset(text for text in TEXTS if matches(text, pattern))


@given(PATTERNS, PATTERNS)
@example("*a", "a*")
@example("a*b", "b*a")
@example("**", "")
@example("?*?", "a")
def test_patterns_intersect_if_they_have_a_common_text(left: str, right: str) -> None:
    assert intersect(left, right) == bool(matched(left) & matched(right))


@given(PATTERNS, PATTERNS)
@example("*?", "?*")
@example("*a*", "*a")
@example("a*", "a?*")
@example("*a?", "*aa*")
@example("", "*")
def test_a_pattern_covers_another_if_it_matches_all_of_its_texts(outer: str, inner: str) -> None:
    assert covers(outer, inner) == (matched(inner) <= matched(outer))


@given(PATTERNS, PATTERNS)
def test_intersection_is_symmetric(left: str, right: str) -> None:
    assert intersect(left, right) == intersect(right, left)


@given(PATTERNS, PATTERNS)
def test_a_covered_pattern_intersects(outer: str, inner: str) -> None:
    assert not covers(outer, inner) or intersect(outer, inner) or not matched(inner)


@pytest.mark.parametrize(
    ("forbidden", "action"),
    [
        ("iam:*", "*"),
        ("iam:passrole", "i*:passrole"),
        ("iam:passrole", "iam:pass*"),
        ("iam:passrole", "iam:pass????"),
        ("iam:*role", "i?m:create*"),
        ("iam:*", "*:*"),
        ("iam:passrole", "*m:*e"),
    ],
)
def test_actions_that_may_be_forbidden_intersect(forbidden: str, action: str) -> None:
    assert intersect(forbidden, action)


@pytest.mark.parametrize(
    ("forbidden", "action"), [("iam:*", "s3:*"), ("iam:passrole", "iam:pass???"), ("iam:*", "ia:*")]
)
def test_actions_that_are_never_forbidden_do_not_intersect(forbidden: str, action: str) -> None:
    assert not intersect(forbidden, action)


def test_patterns_that_cover_only_together_are_not_recognised() -> None:
    assert not covered_by_one("s3:?et*", ["s3:get*", "s3:put*", "s3:?et"])
    assert covered_by_one("s3:get*", ["ecr:*", "s3:*"])


def test_long_patterns_are_decided_at_once() -> None:
    assert intersect("*a" * 200, "a*" * 200)
    assert covers("*a" * 60, "*aa" * 60)
