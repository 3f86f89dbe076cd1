"""What reaches the state is found, and what is about other objects is not."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oidc.iam.document import Document, parse
from oidc.iam.pattern import covers_action, covers_resource
from oidc.iam.state_access import OBJECT_WRITES, Target, first_reached

BUCKET = "arn:aws:s3:::acme-state"
STATE = Target(f"{BUCKET}/.pulumi/*", OBJECT_WRITES)


def statement(effect: str, actions: Any, resources: Any, key: str = "Resource", **more: Any) -> dict[str, Any]:
    return {"Effect": effect, "Action": actions, key: resources} | more


def _document(statements: Sequence[dict[str, Any]]) -> Document:
    return parse({"Statement": list(statements)})


def reached(*statements: dict[str, Any], others: tuple[dict[str, Any], ...] = (), named: bool = False) -> str | None:
    access = first_reached(_document(statements), [_document(others)], [STATE], named=named)
    return access.action if access else None


@pytest.mark.parametrize(
    "resource",
    ["*", "arn:aws:s3:::*", "arn:aws:s3:::acme-*/*", f"{BUCKET}/*", f"{BUCKET}/.pulumi/stacks/x/dev.json*",
     "arn:aws:s3:::acme-*/.pulumi/history/*", "arn:*:s3:::acme-stat?/.pulumi/*", "arn:aws:s3:::${aws:userid}/*"],
)  # fmt: skip
def test_access_to_all_of_the_state_or_to_a_named_part_is_reported(resource: str) -> None:
    assert reached(statement("Allow", "s3:put*", ["arn:aws:s3:::site/*", resource])) == "s3:PutObject"


@pytest.mark.parametrize(
    "resource",
    [BUCKET, f"{BUCKET}/site/*", "arn:aws:s3:::acme-stat/*", "arn:aws:s3:::acme-state-2/*", "arn:aws:s3:::*sagemaker*",
     "arn:aws:s3:::*/logs/*", "arn:aws:s3:::other/.pulumi/*"],
)  # fmt: skip
def test_access_to_other_objects_is_not_reported(resource: str) -> None:
    assert reached(statement("Allow", "s3:*", resource)) is None


def test_in_another_account_only_resources_that_name_the_bucket_count() -> None:
    assert reached(statement("Allow", "s3:*", ["*", "arn:aws:s3:::acme-*"]), named=True) is None
    assert reached(statement("Allow", "s3:*", "arn:aws:s3:::site/*", "NotResource"), named=True) is None
    assert reached(statement("Allow", "s3:*", f"{BUCKET}*"), named=True) == "s3:PutObject"
    any_state = statement("Allow", "s3:*", "arn:aws:s3:::*/.pulumi/*")
    assert (reached(any_state), reached(any_state, named=True)) == ("s3:PutObject", None)


@pytest.mark.parametrize("resource", ["*", f"{BUCKET}*", f"{BUCKET}/*", f"{BUCKET}/.pulumi/*"])
def test_a_denial_of_the_whole_state_counts_in_any_document(resource: str) -> None:
    allow, deny = statement("Allow", "s3:*", "*"), statement("Deny", ["s3:Put*", "s3:Delete*"], resource)
    assert reached(allow, deny) is None
    assert reached(allow, others=(deny,)) is None
    assert reached(allow, deny | {"Condition": {"Bool": {"aws:SecureTransport": "false"}}}) == "s3:PutObject"


def test_a_denial_of_a_part_or_an_action_leaves_the_other_access() -> None:
    allow = statement("Allow", "s3:*", "*")
    assert reached(allow, statement("Deny", "s3:*", f"{BUCKET}/.pulumi/stacks/*")) == "s3:PutObject"
    assert reached(allow, statement("Deny", "s3:PutObject", f"{BUCKET}/*")) == "s3:DeleteObject"


def test_notresource_allows_or_denies_all_resources_but_the_named() -> None:
    assert reached(statement("Allow", "s3:*", "arn:aws:s3:::site/*", "NotResource")) == "s3:PutObject"
    assert reached(statement("Allow", "s3:*", f"{BUCKET}*", "NotResource")) is None
    assert reached(statement("Allow", "s3:*", "*"), statement("Deny", "*", f"{BUCKET}/*", "NotResource"))
    assert reached(statement("Allow", "s3:*", "*"), statement("Deny", "*", "arn:aws:s3:::x/*", "NotResource")) is None


def test_a_denial_with_a_variable_removes_no_access() -> None:
    with_variable = f"{BUCKET}${{aws:PrincipalTag/any}}*"
    assert reached(statement("Allow", "s3:*", "*"), statement("Deny", "s3:*", with_variable)) == "s3:PutObject"
    assert reached(statement("Allow", "s3:*", with_variable, "NotResource")) == "s3:PutObject"


def test_long_patterns_are_decided_at_once() -> None:
    allow = statement("Allow", "s3:*", f"{BUCKET}/.pulumi/{'*a' * 4000}*")
    assert reached(allow, statement("Deny", "s3:*", f"{BUCKET}/.pulumi/{'*a' * 3999}?*b")) == "s3:PutObject"


def test_an_allow_with_a_condition_is_not_reported() -> None:
    assert reached(statement("Allow", "s3:*", "*", Condition={"Bool": {"aws:SecureTransport": "true"}})) is None


PATTERNS = [
    "*", BUCKET, f"{BUCKET}*", f"{BUCKET}/*", f"{BUCKET}/.pulumi/*", f"{BUCKET}/.pulumi/??", "arn:aws:s3:::si*",
    f"{BUCKET}/.pulumi/stacks/*", f"{BUCKET}/.pulumi/stacks/x/dev.json*", "arn:aws:s3:::acme-*/.pulumi/stacks/*",
]  # fmt: skip
OBJECTS = [f"{BUCKET}/.pulumi/{key}" for key in ("ab", "meta.yaml", "stacks/x/dev.json", "stacks/x/other.json")]
STATEMENTS = st.builds(
    statement,
    st.sampled_from(["Allow", "Allow", "Deny"]),
    st.sampled_from(["*", "s3:Put*", "s3:DeleteObject", "s3:Get*"]),
    st.lists(st.sampled_from(PATTERNS), min_size=1, max_size=2),
    st.sampled_from(["Resource", "Resource", "NotResource"]),
)


@given(st.lists(STATEMENTS, min_size=1, max_size=4))
def test_without_a_report_no_object_can_be_written(statements: list[dict[str, Any]]) -> None:
    def allowed(action: str, arn: str) -> bool:
        parsed = _document(statements).statements
        about = [each.effect for each in parsed if covers_action(each, action) and covers_resource(each, arn)]
        return "Allow" in about and "Deny" not in about

    if reached(*statements) is None:
        assert not any(allowed(action, arn) for action in OBJECT_WRITES for arn in OBJECTS)
