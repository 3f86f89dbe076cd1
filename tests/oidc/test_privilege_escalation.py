"""Known ways of privilege escalation, each alone; and what is narrow, denied or conditional, which is none."""

from collections.abc import Sequence
from typing import Any

import pytest

from oidc.iam.document import parse
from oidc.iam.escalation import WAYS, EscalationWay, ways_to_more

ACCOUNT = "222222222222"


def allow(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource} | more


def deny(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return allow(action, resource, **more) | {"Effect": "Deny"}


def found(*statements: dict[str, Any]) -> Sequence[str]:
    document = {"Version": "2012-10-17", "Statement": list(statements)}
    return [
        one.way.action for one in ways_to_more(parse(document), partition="aws", region="eu-west-1", account=ACCOUNT)
    ]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.action)
def test_each_way_is_recognised_by_its_action_on_everything(way: EscalationWay) -> None:
    assert found(allow(way.action)) == [way.action]
    assert found(allow(way.action.upper())) == [way.action]
    assert found({"Effect": "Allow", "Action": way.action, "NotResource": "arn:aws:s3:::x"}) == [way.action]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.action)
def test_a_deny_or_a_condition_leaves_no_way(way: EscalationWay) -> None:
    assert found(allow(way.action), deny("*")) == []
    assert found(allow(way.action, Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}})) == []


def test_a_deny_of_a_few_or_under_a_condition_leaves_the_way() -> None:
    assert found(allow("iam:PassRole"), deny("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/admin")) == ["iam:PassRole"]
    under = deny("iam:PassRole", Condition={"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}})
    assert found(allow("iam:PassRole"), under) == ["iam:PassRole"]


@pytest.mark.parametrize(
    "statement",
    [
        allow("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/app-*"),
        allow("iam:PassRole", "arn:aws:iam::*:role/ecs/*"),
        allow("sts:AssumeRole", f"arn:aws:iam::{ACCOUNT}:role/cdk-hnb659fds-*"),
        allow("iam:CreateAccessKey", f"arn:aws:iam::{ACCOUNT}:user/${{aws:username}}-none"),
        allow("lambda:UpdateFunctionCode", f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:shop-*"),
        allow(["iam:Get*", "iam:List*", "sts:GetCallerIdentity"]),
        allow(
            "ssm:SendCommand", [f"arn:aws:ec2:*:{ACCOUNT}:instance/*", "arn:aws:ssm:*:*:document/AWS-RunPatchBaseline"]
        ),
    ],
)
def test_what_is_narrow_is_no_way(statement: dict[str, Any]) -> None:
    assert found(statement) == []


def test_all_roles_by_a_pattern_of_the_account_are_everything() -> None:
    assert found(allow("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/*")) == ["iam:PassRole"]


def test_what_runs_with_a_passed_role_is_named() -> None:
    document = {"Statement": [allow("iam:PassRole"), allow("ecs:*")]}
    [way] = ways_to_more(parse(document), partition="aws", region="eu-west-1", account=ACCOUNT)
    assert (way.statement, way.runner) == (0, "ecs:RunTask")
