"""Which permission policies obviously lead to one certain role, and which only look so; patterns taken literally."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oidc.iam.document import parse
from oidc.iam.escalation import takeover_action
from oidc.iam.pattern import literally, matches_any

ROLE = "arn:aws:iam::222222222222:role/ci/PulumiDeploy"


def allow(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource} | more


def takeover(*statements: dict[str, Any]) -> str | None:
    return takeover_action(parse({"Version": "2012-10-17", "Statement": list(statements)}), ROLE)


@pytest.mark.parametrize(
    ("statement", "action"),
    [
        (allow("sts:AssumeRole"), "sts:AssumeRole"),
        (allow(["s3:*", "STS:assume*"], ["arn:aws:s3:::x", ROLE]), "sts:AssumeRole"),
        (allow("iam:PutRolePolicy", "arn:aws:iam::222222222222:role/*"), "iam:PutRolePolicy"),
        (allow("iam:Tag*", "arn:aws:iam::*:role/ci/Pulumi??????"), "iam:TagRole"),
        ({"Effect": "Allow", "NotAction": "sts:*", "Resource": "*"}, "iam:AttachRolePolicy"),
        (
            {"Effect": "Allow", "Action": "iam:UpdateRole", "NotResource": "arn:aws:iam::222222222222:role/x"},
            "iam:UpdateRole",
        ),
    ],
)
def test_the_action_that_takes_over_the_role_is_named(statement: dict[str, Any], action: str) -> None:
    assert takeover(statement) == action


@pytest.mark.parametrize(
    "statements",
    [
        [allow("s3:*")],
        [allow("iam:PassRole")],
        [allow(["iam:Get*", "iam:List*"])],
        [allow("sts:AssumeRole", "arn:aws:iam::222222222222:role/cdk-*")],
        [allow("sts:AssumeRole", "arn:aws:iam::333333333333:role/ci/PulumiDeploy")],
        [allow("sts:AssumeRole", ROLE.lower())],
        [allow("sts:AssumeRole", Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}})],
        [allow("sts:AssumeRole"), {"Effect": "Deny", "Action": "sts:*", "Resource": ROLE}],
        [{"Effect": "Allow", "Action": "sts:AssumeRole", "NotResource": ROLE}],
        [{"Effect": "Deny", "Action": "*", "Resource": "*"}],
    ],
)
def test_statements_without_an_obvious_takeover_are_left_to_review(statements: list[dict[str, Any]]) -> None:
    assert takeover(*statements) is None


def test_a_deny_with_a_condition_removes_no_access() -> None:
    deny = {"Effect": "Deny", "Action": "sts:*", "Resource": ROLE, "Condition": {"Bool": {"aws:ViaAWSService": "true"}}}
    assert takeover(allow("sts:AssumeRole"), deny) == "sts:AssumeRole"


@given(st.text(alphabet="ab*?${}/:", max_size=12), st.text(alphabet="ab*?${}/:", max_size=12))
def test_a_literal_pattern_matches_only_its_text(text: str, other: str) -> None:
    assert matches_any(text, (literally(text),))
    assert matches_any(other, (literally(text),)) is (other == text)
