"""Roles: texts, tags and permissions boundaries."""

import json
from typing import Any

import pytest
from botocore.parsers import ResponseParserError

from tests.sandbox.emulated_aws.aws_calls import refusal, trust_policy

UNKNOWN = "arn:aws:iam::aws:policy/job-function/NoDocumentHere"


@pytest.fixture
def role(iam: Any, account: str) -> str:
    """A role of the account, by name."""
    iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=trust_policy(account))
    return "deploy"


@pytest.fixture
def bare_role(bare_iam: Any, account: str) -> str:
    """The same without the front."""
    bare_iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=trust_policy(account))
    return "deploy"


def test_a_description_with_xml_in_it_comes_back_as_it_was(iam: Any, account: str, role: str) -> None:
    iam.update_role(RoleName=role, Description="R&D <deploys>")
    assert iam.get_role(RoleName=role)["Role"]["Description"] == "R&D <deploys>"
    iam.update_role(RoleName=role, Description="")
    assert not iam.get_role(RoleName=role)["Role"].get("Description")


def test_without_the_front_a_description_can_neither_be_cleared_nor_hold_xml(bare_iam: Any, bare_role: str) -> None:
    bare_iam.update_role(RoleName=bare_role, Description="plain")
    bare_iam.update_role(RoleName=bare_role, Description="")
    assert bare_iam.get_role(RoleName=bare_role)["Role"]["Description"] == "plain"
    bare_iam.update_role(RoleName=bare_role, Description="R&D")
    with pytest.raises(ResponseParserError):
        bare_iam.get_role(RoleName=bare_role)


@pytest.mark.parametrize("path", ["/a&b/", "/a<b/"])
def test_a_path_that_would_break_answers_is_refused_with_the_reason(iam: Any, account: str, path: str) -> None:
    call = {"RoleName": "deploy", "AssumeRolePolicyDocument": trust_policy(account), "Path": path}
    assert "The sandbox cannot hold a role whose path has & or < in it" in refusal(iam.create_role, **call)[2]
    assert iam.create_role(**call | {"Path": "/a>b/"})


def test_without_the_front_such_a_path_breaks_the_list_of_roles(bare_iam: Any, account: str) -> None:
    with pytest.raises(ResponseParserError):
        bare_iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=trust_policy(account), Path="/a&b/")
    with pytest.raises(ResponseParserError):
        bare_iam.list_roles()


@pytest.mark.parametrize("keys", [["aws:mine"], ["One", "one"]])
def test_keys_of_aws_and_keys_that_differ_in_case_alone_are_refused(
    iam: Any, account: str, role: str, keys: list[str]
) -> None:
    wanted = [{"Key": key, "Value": ""} for key in keys]
    assert refusal(iam.tag_role, RoleName=role, Tags=wanted)[:2] == (400, "InvalidInput")
    call = {"RoleName": "other", "AssumeRolePolicyDocument": trust_policy(account)}
    assert refusal(iam.create_role, **call, Tags=wanted)[:2] == (400, "InvalidInput")


def test_without_the_front_keys_of_aws_are_taken(bare_iam: Any, bare_role: str) -> None:
    assert bare_iam.tag_role(RoleName=bare_role, Tags=[{"Key": "aws:mine", "Value": ""}])


def test_any_well_formed_policy_of_aws_can_be_a_boundary(iam: Any, account: str, role: str) -> None:
    trust = trust_policy(account)
    made = iam.create_role(RoleName="bound", AssumeRolePolicyDocument=trust, PermissionsBoundary=UNKNOWN)["Role"]
    assert made["PermissionsBoundary"]["PermissionsBoundaryArn"] == UNKNOWN
    iam.put_role_permissions_boundary(RoleName=role, PermissionsBoundary=UNKNOWN)
    document = iam.get_policy_version(PolicyArn=UNKNOWN, VersionId="v1")["PolicyVersion"]["Document"]
    assert document["Statement"] == []


def test_the_document_of_a_known_boundary_stays(iam: Any, role: str) -> None:
    known = "arn:aws:iam::aws:policy/PowerUserAccess"
    iam.put_role_permissions_boundary(RoleName=role, PermissionsBoundary=known)
    document = iam.get_policy_version(PolicyArn=known, VersionId="v1")["PolicyVersion"]["Document"]
    assert "NotAction" in json.dumps(document)


def test_any_well_formed_policy_of_aws_is_there_as_it_can_be_attached(iam: Any, account: str) -> None:
    found = iam.get_policy(PolicyArn=UNKNOWN)["Policy"]
    assert (found["PolicyName"], found["Path"], found["Arn"]) == ("NoDocumentHere", "/job-function/", UNKNOWN)
    other = f"arn:aws:iam::{account}:policy/NoDocumentHere"
    assert refusal(iam.get_policy, PolicyArn=other)[:2] == (404, "NoSuchEntity")


def test_a_customer_managed_boundary_must_exist(iam: Any, account: str, role: str) -> None:
    call = {"RoleName": role, "PermissionsBoundary": f"arn:aws:iam::{account}:policy/missing"}
    assert refusal(iam.put_role_permissions_boundary, **call)[:2] == (404, "NoSuchEntity")


def test_without_the_front_a_boundary_without_a_document_is_refused(bare_iam: Any, bare_role: str) -> None:
    call = {"RoleName": bare_role, "PermissionsBoundary": UNKNOWN}
    assert refusal(bare_iam.put_role_permissions_boundary, **call)[:2] == (404, "NoSuchEntity")
