"""Known methods of privilege escalation, each alone; narrow, denied and conditional actions open no path."""

from collections.abc import Sequence
from typing import Any

import pytest

from oidc.iam.document import parse
from oidc.iam.escalation import METHODS, EscalationMethod, escalation_paths

ACCOUNT = "222222222222"


def allow(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource} | more


def deny(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return allow(action, resource, **more) | {"Effect": "Deny"}


def escalations(*statements: dict[str, Any]) -> Sequence[str]:
    document = {"Version": "2012-10-17", "Statement": list(statements)}
    paths = escalation_paths(parse(document), partition="aws", region="eu-west-1", account=ACCOUNT)
    return [path.method.action for path in paths]


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.action)
def test_each_method_is_recognised_by_its_action_on_everything(method: EscalationMethod) -> None:
    assert escalations(allow(method.action)) == [method.action]
    assert escalations(allow(method.action.upper())) == [method.action]
    assert escalations({"Effect": "Allow", "Action": method.action, "NotResource": "arn:aws:s3:::x"}) == [method.action]


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.action)
def test_a_deny_or_a_condition_leaves_no_path(method: EscalationMethod) -> None:
    assert escalations(allow(method.action), deny("*")) == []
    assert escalations(allow(method.action, Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}})) == []


def test_a_deny_of_a_few_or_under_a_condition_leaves_the_path() -> None:
    assert escalations(allow("iam:PassRole"), deny("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/admin")) == [
        "iam:PassRole"
    ]
    under = deny("iam:PassRole", Condition={"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}})
    assert escalations(allow("iam:PassRole"), under) == ["iam:PassRole"]


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
def test_a_narrow_statement_opens_no_path(statement: dict[str, Any]) -> None:
    assert escalations(statement) == []


def test_a_pattern_for_all_roles_of_the_account_opens_a_path() -> None:
    assert escalations(allow("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/*")) == ["iam:PassRole"]


def test_the_action_that_runs_a_passed_role_is_named() -> None:
    document = {"Statement": [allow("iam:PassRole"), allow("ecs:*")]}
    [path] = escalation_paths(parse(document), partition="aws", region="eu-west-1", account=ACCOUNT)
    assert (path.statement, path.runner) == (0, "ecs:RunTask")
