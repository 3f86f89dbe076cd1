"""ListRoles and GetAccountAuthorizationDetails give the fields that AWS gives, a page at a time."""

import json
from typing import Any

import pytest
from botocore.session import Session

from sandbox.emulated_aws import EmulatedAws
from tests.sandbox.emulated_aws.aws_calls import refusal, trust_policy

BOUNDARY = "arn:aws:iam::aws:policy/PowerUserAccess"
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
INLINE = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}]}
TAGS = [{"Key": "ManagedBy", "Value": "us"}]


def make_roles(iam: Any, account: str, *names: str) -> None:
    for name in names:
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust_policy(account), Tags=TAGS)


def make_whole_role(iam: Any, account: str) -> None:
    trust = trust_policy(account)
    iam.create_role(
        RoleName="whole", Path="/ci/", AssumeRolePolicyDocument=trust, Tags=TAGS, PermissionsBoundary=BOUNDARY,
        Description="deploys", MaxSessionDuration=7200,
    )  # fmt: skip
    iam.put_role_policy(RoleName="whole", PolicyName="reads", PolicyDocument=json.dumps(INLINE))
    iam.attach_role_policy(RoleName="whole", PolicyArn=READ_ONLY)
    iam.create_instance_profile(InstanceProfileName="machine")
    iam.add_role_to_instance_profile(InstanceProfileName="machine", RoleName="whole")


def test_a_role_comes_with_all_that_its_policies_and_boundary_are(iam: Any, account: str) -> None:
    make_whole_role(iam, account)
    (role,) = iam.get_account_authorization_details(Filter=["Role"])["RoleDetailList"]
    assert role["Arn"] == f"arn:aws:iam::{account}:role/ci/whole"
    assert (role["Path"], role["RoleName"], role["Tags"]) == ("/ci/", "whole", TAGS)
    assert role["CreateDate"] == iam.get_role(RoleName="whole")["Role"]["CreateDate"]
    assert role["AssumeRolePolicyDocument"] == json.loads(trust_policy(account))
    assert role["RolePolicyList"] == [{"PolicyName": "reads", "PolicyDocument": INLINE}]
    assert role["AttachedManagedPolicies"] == [{"PolicyName": "ReadOnlyAccess", "PolicyArn": READ_ONLY}]
    assert role["PermissionsBoundary"] == {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": BOUNDARY}
    assert [profile["InstanceProfileName"] for profile in role["InstanceProfileList"]] == ["machine"]


def test_details_have_no_description_and_no_session_duration(iam: Any, account: str) -> None:
    make_whole_role(iam, account)
    (role,) = iam.get_account_authorization_details(Filter=["Role"])["RoleDetailList"]
    assert role.keys() == {
        "Arn", "AssumeRolePolicyDocument", "AttachedManagedPolicies", "CreateDate", "InstanceProfileList", "Path",
        "PermissionsBoundary", "RoleId", "RoleName", "RolePolicyList", "Tags",
    }  # fmt: skip


def test_a_role_without_a_boundary_has_none_in_its_details(iam: Any, account: str) -> None:
    make_roles(iam, account, "plain")
    (role,) = iam.get_account_authorization_details()["RoleDetailList"]
    assert "PermissionsBoundary" not in role
    assert (role["RolePolicyList"], role["AttachedManagedPolicies"], role["InstanceProfileList"]) == ([], [], [])


def test_without_the_front_details_have_no_boundary_and_one_page(bare_iam: Any, account: str) -> None:
    make_whole_role(bare_iam, account)
    make_roles(bare_iam, account, "another")
    details = bare_iam.get_account_authorization_details(Filter=["Role"], MaxItems=1)
    assert (len(details["RoleDetailList"]), details["IsTruncated"]) == (2, False)
    assert not any("PermissionsBoundary" in role for role in details["RoleDetailList"])


def test_a_page_counts_the_members_of_all_lists_together(iam: Any, account: str) -> None:
    make_roles(iam, account, "b", "a", "c")
    iam.create_user(UserName="person", PermissionsBoundary=BOUNDARY)
    iam.create_group(GroupName="people")
    iam.create_policy(PolicyName="own", PolicyDocument=json.dumps(INLINE))
    first = iam.get_account_authorization_details(MaxItems=4)
    assert first["UserDetailList"][0]["PermissionsBoundary"]["PermissionsBoundaryArn"] == BOUNDARY
    assert [group["GroupName"] for group in first["GroupDetailList"]] == ["people"]
    assert [role["RoleName"] for role in first["RoleDetailList"]] == ["a", "b"]
    assert (first["Policies"], first["IsTruncated"]) == ([], True)
    second = iam.get_account_authorization_details(MaxItems=4, Marker=first["Marker"])
    assert (second["UserDetailList"], second["GroupDetailList"]) == ([], [])
    assert [role["RoleName"] for role in second["RoleDetailList"]] == ["c"]
    assert [policy["PolicyName"] for policy in second["Policies"]] == ["own"]
    assert (second["IsTruncated"], "Marker" in second) == (False, False)


def test_only_what_the_filter_asks_for_is_given_and_counted(iam: Any, account: str) -> None:
    make_roles(iam, account, "a", "b")
    iam.create_user(UserName="person")
    details = iam.get_account_authorization_details(Filter=["Role", "LocalManagedPolicy"], MaxItems=2)
    assert (details["UserDetailList"], len(details["RoleDetailList"]), details["IsTruncated"]) == ([], 2, False)


@pytest.mark.parametrize("asked", [{"MaxItems": 1001}, {"Marker": "no marker"}, {"Filter": ["Roles"]}])
def test_details_that_cannot_be_are_refused(iam: Any, asked: dict[str, Any]) -> None:
    assert refusal(iam.get_account_authorization_details, **asked)[:2] == (400, "ValidationError")


def test_a_listed_role_has_description_and_duration_but_no_boundary_and_no_tags(iam: Any, account: str) -> None:
    make_whole_role(iam, account)
    (role,) = iam.list_roles()["Roles"]
    assert (role["Description"], role["MaxSessionDuration"]) == ("deploys", 7200)
    assert not role.keys() & {"Tags", "PermissionsBoundary"}


def test_a_listed_role_without_a_description_has_no_such_field(iam: Any, account: str) -> None:
    make_roles(iam, account, "plain")
    assert "Description" not in iam.list_roles()["Roles"][0]


def test_without_the_front_a_listed_role_has_an_empty_description(bare_iam: Any, account: str) -> None:
    make_roles(bare_iam, account, "plain")
    assert bare_iam.list_roles()["Roles"][0]["Description"] == ""


def test_roles_are_listed_by_the_beginning_of_their_path(iam: Any, account: str) -> None:
    make_whole_role(iam, account)
    make_roles(iam, account, "plain")
    assert [role["RoleName"] for role in iam.list_roles(PathPrefix="/ci/")["Roles"]] == ["whole"]
    assert [role["RoleName"] for role in iam.list_roles(PathPrefix="/c")["Roles"]] == ["whole"]
    assert len(iam.list_roles(PathPrefix="/")["Roles"]) == 2


@pytest.mark.parametrize("action", ["GetAccountAuthorizationDetails", "ListRoles"])
def test_neither_action_can_be_allowed_for_some_roles_alone(
    front: EmulatedAws, iam: Any, account: str, session: Session, action: str
) -> None:
    """Their resource is ``*``: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html."""
    iam.create_user(UserName="reader")
    key = iam.create_access_key(UserName="reader")["AccessKey"]
    reader: Any = session.create_client(
        "iam",
        region_name="us-east-1",
        endpoint_url=front.endpoint,
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )
    call = {"GetAccountAuthorizationDetails": reader.get_account_authorization_details, "ListRoles": reader.list_roles}
    assert refusal(call[action])[:2] == (403, "AccessDenied")
    for resource, allowed in ((f"arn:aws:iam::{account}:role/*", False), ("*", True)):
        statement = {"Effect": "Allow", "Action": f"iam:{action}", "Resource": resource}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.put_user_policy(UserName="reader", PolicyName="reads", PolicyDocument=document)
        if allowed:
            assert call[action]()["IsTruncated"] is False
        else:
            assert refusal(call[action])[:2] == (403, "AccessDenied")
