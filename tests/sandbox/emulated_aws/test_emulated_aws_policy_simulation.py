"""SimulatePrincipalPolicy: roles with a path, and permissions boundaries."""

import json
from ipaddress import ip_network
from typing import Any

import pytest

from oidc.source_addresses import SourceAddresses
from tests.sandbox.emulated_aws.aws_calls import refusal, trust_policy

READ_ONLY = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
UNKNOWN = "arn:aws:iam::aws:policy/job-function/NoDocumentHere"
OBJECT = "arn:aws:s3:::site/index.html"


def make_role(iam: Any, account: str, boundary: str | None = None) -> str:
    """Make a role with a path that may get, put and list objects, but not delete any; return its ARN."""
    extra = {"PermissionsBoundary": boundary} if boundary else {}
    iam.create_role(RoleName="ci", Path="/bitbucket/", AssumeRolePolicyDocument=trust_policy(account), **extra)
    statements = [
        {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], "Resource": OBJECT},
        {"Effect": "Deny", "Action": "s3:DeleteObject", "Resource": "*"},
    ]
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam.put_role_policy(RoleName="ci", PolicyName="site", PolicyDocument=document)
    return f"arn:aws:iam::{account}:role/bitbucket/ci"


def decisions(iam: Any, arn: str, resource: str = OBJECT) -> list[str]:
    actions = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket"]
    answer = iam.simulate_principal_policy(PolicySourceArn=arn, ActionNames=actions, ResourceArns=[resource])
    return [result["EvalDecision"] for result in answer["EvaluationResults"]]


def test_a_role_with_a_path_is_decided_by_its_policies(iam: Any, account: str) -> None:
    arn = make_role(iam, account)
    assert decisions(iam, arn) == ["allowed", "allowed", "explicitDeny", "implicitDeny"]
    assert decisions(iam, arn, "arn:aws:s3:::other/x") == [
        "implicitDeny",
        "implicitDeny",
        "explicitDeny",
        "implicitDeny",
    ]


def test_without_the_front_no_role_with_a_path_may_do_anything(bare_iam: Any, account: str) -> None:
    assert decisions(bare_iam, make_role(bare_iam, account))[0] == "implicitDeny"


def test_a_boundary_takes_away_and_gives_nothing(iam: Any, account: str) -> None:
    arn = make_role(iam, account, READ_ONLY)
    assert decisions(iam, arn) == ["allowed", "implicitDeny", "explicitDeny", "implicitDeny"]


def test_a_boundary_whose_document_is_not_known_allows_nothing(iam: Any, account: str) -> None:
    assert "allowed" not in decisions(iam, make_role(iam, account, UNKNOWN))


def test_without_the_front_a_boundary_does_not_count(bare_iam: Any, account: str) -> None:
    make_role(bare_iam, account, READ_ONLY)
    assert decisions(bare_iam, f"arn:aws:iam::{account}:role/ci")[1] == "allowed"


def entry(name: str, kind: str, value: str) -> dict[str, Any]:
    return {"ContextKeyName": name, "ContextKeyType": kind, "ContextKeyValues": [value]}


@pytest.mark.parametrize(
    ("entries", "decision"),
    [
        ([entry("aws:SourceIp", "ip", "203.0.113.9")], "allowed"),
        ([entry("aws:SourceIp", "ip", "127.0.0.1")], "explicitDeny"),
        ([entry("aws:SourceVpce", "string", "vpce-01234567")], "allowed"),
        ([entry("aws:SourceVpce", "string", "vpce-89abcdef")], "explicitDeny"),
        ([], "explicitDeny"),
    ],
)
def test_context_entries_say_where_a_simulated_call_comes_from(
    iam: Any, account: str, entries: list[dict[str, Any]], decision: str
) -> None:
    arn = make_role(iam, account)
    addresses = SourceAddresses((ip_network("203.0.113.0/24"),), ("vpce-01234567",))
    iam.put_role_policy(RoleName="ci", PolicyName="bound", PolicyDocument=addresses.session_policy().text)
    answer = iam.simulate_principal_policy(
        PolicySourceArn=arn,
        ActionNames=["s3:GetObject"],
        ResourceArns=[OBJECT],
        # An empty list would be sent as a parameter without a value.
        **({"ContextEntries": entries} if entries else {}),
    )
    assert answer["EvaluationResults"][0]["EvalDecision"] == decision


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"PolicySourceArn": "arn:aws:iam::{account}:role/ci"}, "NoSuchEntity"),
        ({"PolicySourceArn": "arn:aws:iam::{account}:role/bitbucket/other"}, "NoSuchEntity"),
        ({"PolicySourceArn": "arn:aws:iam::{account}:user/bitbucket"}, "InvalidInput"),
        ({"ActionNames": ["s3:*"]}, "InvalidInput"),
        ({"ActionNames": ["s3:Get<Object"]}, "InvalidInput"),
        ({"ResourceArns": ["arn:aws:s3:::a", "arn:aws:s3:::b"]}, "InvalidInput"),
        ({"ResourceArns": ["arn:aws:s3:::a&b"]}, "InvalidInput"),
        ({"ContextEntries": [entry("aws:username", "string", "x")]}, "InvalidInput"),
        ({"ContextEntries": [entry("aws:SourceIp", "string", "203.0.113.9")]}, "InvalidInput"),
        ({"PolicyInputList": ['{"Version":"2012-10-17","Statement":[]}']}, "InvalidInput"),
    ],
)
def test_what_would_be_simulated_wrongly_is_refused(iam: Any, account: str, changes: dict[str, Any], code: str) -> None:
    usual = {"PolicySourceArn": make_role(iam, account), "ActionNames": ["s3:GetObject"], "ResourceArns": [OBJECT]}
    if "PolicySourceArn" in changes:
        changes = {"PolicySourceArn": changes["PolicySourceArn"].format(account=account)}
    assert refusal(iam.simulate_principal_policy, **usual | changes)[1] == code
