"""What a call of IAM is about: the ARN with its path, the OIDC provider, the boundary, the managed policy."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.session import Session

from sandbox.emulated_aws import EmulatedAws
from tests.sandbox.emulated_aws.aws_calls import ISSUER, THUMBPRINT, make_oidc_provider, refusal, trust_policy

READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"
PROVIDER = "arn:aws:iam::{account}:oidc-provider/" + ISSUER.removeprefix("https://")
OTHER_ISSUER = ISSUER.replace("acme", "evil")

AsUser = Callable[..., Any]
"""Gives IAM as a user of the account whose one statement is given."""


def as_user(emulator: EmulatedAws, iam: Any, session: Session) -> AsUser:
    def client(action: str | list[str], resource: str, **condition: Any) -> Any:
        statement = {"Effect": "Allow", "Action": action, "Resource": resource} | condition
        iam.create_user(UserName="someone")
        document = json.dumps({"Version": "2012-10-17", "Statement": statement})
        iam.put_user_policy(UserName="someone", PolicyName="p", PolicyDocument=document)
        key = iam.create_access_key(UserName="someone")["AccessKey"]
        return session.create_client(
            "iam",
            region_name="us-east-1",
            endpoint_url=emulator.endpoint,
            aws_access_key_id=key["AccessKeyId"],
            aws_secret_access_key=key["SecretAccessKey"],
        )

    return client


@pytest.fixture
def user(front: EmulatedAws, iam: Any, session: Session) -> AsUser:
    return as_user(front, iam, session)


@pytest.fixture
def bare_user(bare: EmulatedAws, bare_iam: Any, session: Session) -> AsUser:
    return as_user(bare, bare_iam, session)


def make_roles(iam: Any, account: str) -> None:
    """Make one role under the path, and one outside of it."""
    trust = trust_policy(account)
    iam.create_role(RoleName="inside", Path="/bitbucket/a/", AssumeRolePolicyDocument=trust)
    iam.create_role(RoleName="outside", AssumeRolePolicyDocument=trust)


def test_a_policy_for_a_path_is_enough_for_the_roles_under_it_and_no_others(
    user: AsUser, iam: Any, account: str
) -> None:
    make_roles(iam, account)
    someone = user("iam:*", f"arn:aws:iam::{account}:role/bitbucket/*")
    assert someone.get_role(RoleName="inside")["Role"]["Path"] == "/bitbucket/a/"
    someone.create_role(RoleName="new", Path="/bitbucket/", AssumeRolePolicyDocument=trust_policy(account))
    someone.delete_role(RoleName="new")
    assert refusal(someone.get_role, RoleName="outside")[1] == "AccessDenied"
    assert refusal(someone.get_role, RoleName="absent")[1] == "AccessDenied"
    for path in ("/", "/bitbucket-not/", "/x/bitbucket/"):
        new = {"RoleName": "new", "Path": path, "AssumeRolePolicyDocument": trust_policy(account)}
        assert refusal(someone.create_role, **new)[1] == "AccessDenied"


def test_without_the_front_a_path_is_unknown(bare_user: AsUser, bare_iam: Any, account: str) -> None:
    make_roles(bare_iam, account)
    someone = bare_user("iam:*", f"arn:aws:iam::{account}:role/bitbucket/*")
    assert refusal(someone.get_role, RoleName="inside")[1] == "AccessDenied"


def test_a_policy_for_one_oidc_provider_is_enough_for_it_and_no_other(user: AsUser, iam: Any, account: str) -> None:
    other = make_oidc_provider(iam, Url=OTHER_ISSUER)
    someone = user("iam:*", PROVIDER.format(account=account))
    arn = make_oidc_provider(someone)
    assert someone.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)["Url"]
    assert refusal(someone.get_open_id_connect_provider, OpenIDConnectProviderArn=other)[1] == "AccessDenied"
    assert refusal(someone.delete_open_id_connect_provider, OpenIDConnectProviderArn=other)[1] == "AccessDenied"
    create = {"ClientIDList": ["a"], "ThumbprintList": [THUMBPRINT]}
    assert refusal(someone.create_open_id_connect_provider, Url="https://evil.example", **create)[1] == "AccessDenied"
    assert refusal(someone.list_open_id_connect_providers)[1] == "AccessDenied"


def test_without_the_front_every_oidc_provider_is_a_star(bare_user: AsUser, bare_iam: Any, account: str) -> None:
    arn = make_oidc_provider(bare_iam)
    someone = bare_user("iam:*", PROVIDER.format(account=account))
    assert refusal(someone.get_open_id_connect_provider, OpenIDConnectProviderArn=arn)[1] == "AccessDenied"


def test_a_new_policy_is_authorised_by_its_path(user: AsUser, account: str) -> None:
    someone = user("iam:*", f"arn:aws:iam::{account}:policy/team/*")
    document = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]})
    assert someone.create_policy(PolicyName="p", Path="/team/", PolicyDocument=document)
    assert refusal(someone.create_policy, PolicyName="p", PolicyDocument=document)[1] == "AccessDenied"


def bounded_by(arn: str) -> dict[str, Any]:
    return {"Condition": {"StringEquals": {"iam:PermissionsBoundary": arn}}}


def test_the_boundary_of_the_request_and_that_of_the_role_are_condition_keys(
    user: AsUser, iam: Any, account: str
) -> None:
    make_roles(iam, account)
    someone = user("iam:*", "*", **bounded_by(READ_ONLY))
    new = {"RoleName": "new", "AssumeRolePolicyDocument": trust_policy(account)}
    assert refusal(someone.create_role, **new)[1] == "AccessDenied"
    assert refusal(someone.create_role, **new, PermissionsBoundary=ADMIN)[1] == "AccessDenied"
    someone.create_role(**new, PermissionsBoundary=READ_ONLY)
    document = json.dumps({"Version": "2012-10-17", "Statement": []})
    statement = document.replace("[]", '[{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}]')
    someone.put_role_policy(RoleName="new", PolicyName="p", PolicyDocument=statement)
    someone.delete_role_policy(RoleName="new", PolicyName="p")
    someone.attach_role_policy(RoleName="new", PolicyArn=ADMIN)
    someone.detach_role_policy(RoleName="new", PolicyArn=ADMIN)
    assert refusal(someone.put_role_policy, RoleName="inside", PolicyName="p", PolicyDocument=statement)[0] == 403
    assert refusal(someone.put_role_permissions_boundary, RoleName="new", PermissionsBoundary=ADMIN)[0] == 403
    someone.put_role_permissions_boundary(RoleName="inside", PermissionsBoundary=READ_ONLY)
    someone.put_role_policy(RoleName="inside", PolicyName="p", PolicyDocument=statement)
    someone.delete_role_permissions_boundary(RoleName="inside")
    assert refusal(someone.delete_role_policy, RoleName="inside", PolicyName="p")[0] == 403
    # Actions that do not have the key in AWS do not have it here.
    assert refusal(someone.update_assume_role_policy, RoleName="new", PolicyDocument=trust_policy(account))[0] == 403
    assert refusal(someone.delete_role, RoleName="new")[0] == 403


def test_without_the_front_no_condition_on_a_boundary_holds(bare_user: AsUser, account: str) -> None:
    someone = bare_user("iam:*", "*", **bounded_by(READ_ONLY))
    new = {"RoleName": "new", "AssumeRolePolicyDocument": trust_policy(account), "PermissionsBoundary": READ_ONLY}
    assert refusal(someone.create_role, **new)[1] == "AccessDenied"


def test_the_managed_policy_of_the_request_is_a_condition_key(user: AsUser, iam: Any, account: str) -> None:
    make_roles(iam, account)
    someone = user("iam:*", "*", Condition={"ArnEquals": {"iam:PolicyARN": READ_ONLY}})
    someone.attach_role_policy(RoleName="inside", PolicyArn=READ_ONLY)
    someone.detach_role_policy(RoleName="inside", PolicyArn=READ_ONLY)
    assert refusal(someone.attach_role_policy, RoleName="inside", PolicyArn=ADMIN)[1] == "AccessDenied"
    assert refusal(someone.get_role, RoleName="inside")[1] == "AccessDenied"


def test_without_the_front_no_condition_on_a_managed_policy_holds(
    bare_user: AsUser, bare_iam: Any, account: str
) -> None:
    make_roles(bare_iam, account)
    someone = bare_user("iam:*", "*", Condition={"ArnEquals": {"iam:PolicyARN": READ_ONLY}})
    assert refusal(someone.attach_role_policy, RoleName="inside", PolicyArn=READ_ONLY)[1] == "AccessDenied"


def test_a_parameter_given_twice_or_in_two_places_is_still_refused(
    front: EmulatedAws, user: AsUser, iam: Any, account: str
) -> None:
    make_roles(iam, account)
    someone = user("iam:*", f"arn:aws:iam::{account}:role/bitbucket/*")

    def twice(request: Any, **_: Any) -> None:
        request.url += "?RoleName=inside"

    someone.meta.events.register("before-sign.iam.DeleteRole", twice)
    assert refusal(someone.delete_role, RoleName="outside")[1] == "InvalidQueryParameter"
    assert iam.get_role(RoleName="outside")["Role"]["Path"] == "/"


def may_list_roles_as_a_role(emulator: EmulatedAws, iam: Any, session: Session, account: str) -> bool:
    """Tell whether a session may what only its role is allowed, by `aws:PrincipalArn`."""
    role = f"arn:aws:iam::{account}:role/ops/reader"
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}}
    condition = {"ArnEquals": {"aws:PrincipalArn": role}}
    allow = {"Effect": "Allow", "Action": "iam:ListRoles", "Resource": "*", "Condition": condition}
    trusting, allowing = (json.dumps({"Version": "2012-10-17", "Statement": one}) for one in (trust, allow))
    iam.create_role(RoleName="reader", Path="/ops/", AssumeRolePolicyDocument=trusting)
    iam.put_role_policy(RoleName="reader", PolicyName="p", PolicyDocument=allowing)

    def client(service: str, key: str, secret: str, token: str | None = None) -> Any:
        return session.create_client(
            service,
            region_name="us-east-1",
            endpoint_url=emulator.endpoint,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            aws_session_token=token,
        )

    got = client("sts", account, "test").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    try:
        client("iam", got["AccessKeyId"], got["SecretAccessKey"], got["SessionToken"]).list_roles()
    except iam.exceptions.ClientError:
        return False
    return True


def test_the_principal_of_a_session_is_its_role_path_included(
    front: EmulatedAws, iam: Any, session: Session, account: str
) -> None:
    assert may_list_roles_as_a_role(front, iam, session, account)


def test_without_the_front_the_principal_of_a_session_is_the_session(
    bare: EmulatedAws, bare_iam: Any, session: Session, account: str
) -> None:
    assert not may_list_roles_as_a_role(bare, bare_iam, session, account)
