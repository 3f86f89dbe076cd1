"""Known methods of privilege escalation, each alone; narrow, denied and conditional actions open no path."""

from collections.abc import Sequence
from typing import Any

import pytest

from oidc.iam.action_classes import ESCALATIONS, Row
from oidc.iam.action_table import rows
from oidc.iam.document import parse
from oidc.iam.escalation import escalation_paths

ACCOUNT = "222222222222"
ROWS = rows(*ESCALATIONS)
ACTIONS = [(row, action) for row in ROWS for action in row.actions]


def allow(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource} | more


def deny(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return allow(action, resource, **more) | {"Effect": "Deny"}


def escalations(*statements: dict[str, Any]) -> Sequence[str]:
    document = {"Version": "2012-10-17", "Statement": list(statements)}
    paths = escalation_paths(parse(document), partition="aws", region="eu-west-1", account=ACCOUNT)
    return [path.action for path in paths]


@pytest.mark.parametrize(("row", "action"), ACTIONS, ids=lambda value: value if isinstance(value, str) else "")
def test_each_action_on_everything_opens_a_path(row: Row, action: str) -> None:
    assert escalations(allow(action)) == [action]
    assert escalations(allow(action.upper())) == [action.upper() if "*" in action else action]
    assert escalations({"Effect": "Allow", "Action": action, "NotResource": "arn:aws:s3:::x"}) == [action]
    assert row.kind in row.gain or "{any}" not in row.group.value


@pytest.mark.parametrize(("row", "action"), ACTIONS, ids=lambda value: value if isinstance(value, str) else "")
def test_a_deny_a_condition_or_a_named_resource_leaves_no_path(row: Row, action: str) -> None:
    service, _, start = row.resource.partition(":")
    named = f"arn:aws:{service or 's3'}:{'' if service == 'iam' else 'eu-west-1'}:{ACCOUNT}:{start}shop"
    assert escalations(allow(action), deny("*")) == []
    assert escalations(allow(action), deny(action)) == []
    assert escalations(allow(action, Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}})) == []
    assert escalations(allow(action, [named, f"{named}-*"])) == []


@pytest.mark.parametrize(
    "row", [row for row in ROWS if row.resource and row.resource != "iam:root"], ids=lambda row: row.text
)
def test_all_resources_of_the_kind_are_as_wide_as_a_star(row: Row) -> None:
    service, _, start = row.resource.partition(":")
    for region, account in (("*", "*"), ("" if service == "iam" else "eu-west-1", ACCOUNT)):
        arns = [f"arn:aws:{service}:{region}:{account}:{start}*", "arn:aws:ssm:*:*:document/*"]
        assert set(row.actions) <= set(escalations(allow(list(row.actions), arns)))


@pytest.mark.parametrize(
    ("allowed", "found"),
    [
        ("organizations:*", "organizations:*"),
        ("organizations:AttachPolicy", "organizations:AttachPolicy"),
        ("sso:Create*", "sso:Create*"),
        ("*", "*"),
    ],
)
def test_a_path_of_the_organization_is_named_as_the_statement_writes_it(allowed: str, found: str) -> None:
    assert found in escalations(allow(allowed))


def test_what_only_reads_the_organization_opens_no_path() -> None:
    reads = ["organizations:Describe*", "organizations:List*", "sso:Get*", "sso:List*", "sso:Search*", "account:Get*"]
    assert escalations(allow([*reads, "identitystore:IsMemberInGroups", "sso-directory:Describe*"])) == []


def test_a_deny_of_a_part_of_the_organization_leaves_the_others() -> None:
    assert escalations(allow(["sso:CreateGroup", "sso:CreateProfile"]), deny("sso:CreateGroup")) == [
        "sso:CreateProfile"
    ]
    assert escalations(allow("sso:CreateProfile"), deny("sso:C*")) == []
    assert escalations(allow("sso:C*"), deny("sso:CreateProfile")) == ["sso:C*"]
    notaction = {"Effect": "Allow", "NotAction": ["iam:*", "organizations:*", "account:*"], "Resource": "*"}
    assert "sso:A*" in escalations(notaction)
    assert not [action for action in escalations(notaction) if action.startswith(("iam:", "organizations:"))]


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
        allow("iam:*AccessKey*", "arn:aws:iam::*:user/${aws:username}"),
        allow(["iam:UploadSSHPublicKey", "iam:*LoginProfile"], "arn:aws:iam::*:user/*/${aws:username}"),
        allow(["iam:Delete*Policy", "iam:Detach*", "iam:CreateRole", "iam:TagRole"]),
        allow(["s3:PutBucketPolicy", "kms:CreateGrant", "lambda:AddPermission"]),
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
    path, *_ = escalation_paths(parse(document), partition="aws", region="eu-west-1", account=ACCOUNT)
    assert (path.statement, path.runner) == (0, "ecs:RunTask")
