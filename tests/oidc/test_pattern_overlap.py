"""Two patterns overlap where one text exists that both match."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oidc.iam.pattern import matches, overlap

OBJECT = "arn:${Partition}:s3:::${BucketName}/${ObjectName}"
BUCKET = "arn:${Partition}:s3:::${BucketName}"
SECRET = "arn:${Partition}:secretsmanager:${Region}:${Account}:secret:${SecretId}"
ROLE = "arn:${Partition}:iam::${Account}:role/${RoleNameWithPath}"


@pytest.mark.parametrize(
    ("resource", "form"),
    [
        ("*", BUCKET),
        ("arn:aws:s3:::site", BUCKET),
        ("arn:aws:s3:::*", BUCKET),
        ("arn:aws:s3:::*", OBJECT),
        ("arn:aws:s3:::site/*", OBJECT),
        ("arn:aws:s3:::site*", OBJECT),
        ("arn:{{partition}}:s3:::site-{{account}}/${aws:PrincipalTag/team}/*", OBJECT),
        ("arn:aws:secretsmanager:*:*:rotated-*", SECRET),
        ("arn:aws:iam::{{account_id}}:role/a/b/c", ROLE),
        ("arn:aws:iam::???????????2:role/x", ROLE),
    ],
)
def test_a_resource_that_an_action_works_on(resource: str, form: str) -> None:
    assert overlap(resource, form)
    assert overlap(form, resource)


@pytest.mark.parametrize(
    ("resource", "form"),
    [
        ("arn:aws:s3:::site", OBJECT),
        ("arn:aws:s3:::site/*", BUCKET),
        ("arn:{{partition}}:s3:::site/*", BUCKET),
        ("arn:aws:sns:*:*:jobs", SECRET),
        ("arn:aws:iam::222222222222:user/x", ROLE),
        ("arn:aws:s3:::a?", "arn:aws:s3:::abc"),
        ("arn:aws:s3:::a${*}", "arn:aws:s3:::ab"),
    ],
)
def test_a_resource_that_an_action_does_not_work_on(resource: str, form: str) -> None:
    assert not overlap(resource, form)
    assert not overlap(form, resource)


PATTERNS = st.text("ab/*?", max_size=7)


@given(PATTERNS, st.text("ab/", max_size=6))
def test_overlap_with_a_plain_text_is_matching(pattern: str, text: str) -> None:
    assert overlap(pattern, text) == matches(text, pattern)


@given(PATTERNS, PATTERNS, st.text("ab/", max_size=6))
def test_patterns_with_a_common_text_overlap(left: str, right: str, text: str) -> None:
    both = matches(text, left) and matches(text, right)
    assert not both or overlap(left, right)


def test_patterns_with_many_stars_end() -> None:
    assert not overlap("*a" * 300 + "b", "*a" * 300 + "c")
