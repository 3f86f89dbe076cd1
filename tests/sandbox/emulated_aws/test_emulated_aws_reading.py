"""Lists come in pages, quotas are the account's own, and a reading role may read all of it and write nothing."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.session import Session

from access.deploy_policy import reading_policy
from facts.aws.account_facts import ask_account
from facts.aws.callers import Caller, CallSettings
from oidc.arn import Partition
from oidc.identifiers import AccountId
from sandbox.emulated_aws import EmulatedAws
from sandbox.emulated_aws.prepare_accounts import RootUsers
from tests.facts.aws.conftest import account_plan
from tests.sandbox.emulated_aws.aws_calls import RAISED_ACCOUNT, make_oidc_provider, refusal, trust_policy


def make_roles(iam: Any, account: str, count: int) -> None:
    for number in range(count):
        iam.create_role(
            RoleName=f"r{number:03}",
            AssumeRolePolicyDocument=trust_policy(account),
            Tags=[{"Key": "a", "Value": "b"}],
        )


def test_roles_are_listed_in_pages_without_their_tags(iam: Any, account: str) -> None:
    make_roles(iam, account, 105)
    first = iam.list_roles()
    assert (len(first["Roles"]), first["IsTruncated"]) == (100, True)
    second = iam.list_roles(Marker=first["Marker"])
    assert ([role["RoleName"] for role in second["Roles"]][-1], second["IsTruncated"]) == ("r104", False)
    assert len(iam.list_roles(MaxItems=7)["Roles"]) == 7
    assert not any("Tags" in role for role in first["Roles"])
    assert isinstance(first["Roles"][0]["AssumeRolePolicyDocument"], dict)


def test_without_the_front_there_is_one_page_with_tags(bare_iam: Any, account: str) -> None:
    make_roles(bare_iam, account, 101)
    listed = bare_iam.list_roles()
    assert (len(listed["Roles"]), listed["IsTruncated"], "Tags" in listed["Roles"][0]) == (101, False, True)


@pytest.mark.parametrize("asked", [{"MaxItems": 0}, {"MaxItems": 1001}, {"Marker": "no marker"}])
def test_a_page_that_cannot_be_is_refused(iam: Any, asked: dict[str, Any]) -> None:
    assert refusal(iam.list_roles, **asked)[:2] == (400, "ValidationError")


def service_quotas(roots: RootUsers, account: str) -> dict[str, float]:
    pages = (
        roots.client(account, "service-quotas")
        .get_paginator("list_service_quotas")
        .paginate(ServiceCode="iam", PaginationConfig={"PageSize": 3})
    )
    return {quota["QuotaCode"]: quota["Value"] for page in pages for quota in page["Quotas"]}


def test_quotas_are_those_that_the_account_is_held_to(roots: RootUsers, account: str) -> None:
    usual = {"L-0DA4ABF3": 20.0, "L-858F3967": 100.0, "L-C07B4B0D": 2048.0, "L-FE177D64": 1000.0}
    assert service_quotas(roots, account) == usual
    assert service_quotas(roots, RAISED_ACCOUNT) == usual | {"L-0DA4ABF3": 1, "L-C07B4B0D": 4096, "L-FE177D64": 1}
    summary = roots.client(RAISED_ACCOUNT).get_account_summary()["SummaryMap"]
    assert (summary["RolesQuota"], summary["AssumeRolePolicySizeQuota"]) == (1, 4096)


def test_without_the_front_no_quota_is_raised_and_some_are_outdated(bare_iam: Any) -> None:
    assert bare_iam.get_account_summary()["SummaryMap"]["AttachedPoliciesPerRoleQuota"] == 10


def test_service_quotas_knows_iam_and_lists_alone(roots: RootUsers, account: str) -> None:
    quotas = roots.client(account, "service-quotas")
    assert refusal(quotas.list_service_quotas, ServiceCode="ec2")[1] == "NoSuchResourceException"
    assert refusal(quotas.list_services)[1] == "UnknownOperationException"


Client = Callable[[str], Any]


@pytest.fixture
def reader(front: EmulatedAws, iam: Any, account: str, session: Session) -> Iterator[tuple[Caller, Client]]:
    """Whoever has the reading role's policy and nothing else; the account has a role and an OIDC provider."""
    iam.create_user(UserName="reader")
    document = reading_policy(Partition.AWS, AccountId(account))
    iam.put_user_policy(UserName="reader", PolicyName="reading", PolicyDocument=document.text)
    key = iam.create_access_key(UserName="reader")["AccessKey"]
    make_oidc_provider(iam)
    make_roles(iam, account, 1)
    own = Session()
    own.set_credentials(key["AccessKeyId"], key["SecretAccessKey"])
    caller = Caller(own, Partition.AWS, CallSettings(front.endpoint, attempts=1))
    yield caller, caller.client
    caller.close()


def test_the_reading_policy_is_enough_for_the_lock(reader: tuple[Caller, Client], account: str) -> None:
    caller, _ = reader
    found = ask_account(caller, account_plan(account))
    assert found.notes == ()
    assert found.oidc_providers["acme"] is not None


def test_the_reading_policy_is_enough_for_a_refresh(reader: tuple[Caller, Client], account: str) -> None:
    iam, arn = reader[1]("iam"), account_plan(account).oidc_providers[0].arn
    iam.get_role(RoleName="r000")
    iam.list_role_policies(RoleName="r000")
    iam.list_attached_role_policies(RoleName="r000")
    iam.list_role_tags(RoleName="r000")
    iam.list_instance_profiles_for_role(RoleName="r000")
    iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    iam.list_open_id_connect_provider_tags(OpenIDConnectProviderArn=arn)
    assert refusal(iam.get_role_policy, RoleName="r000", PolicyName="none")[1] == "NoSuchEntity"
    assert refusal(iam.get_role, RoleName="gone")[1] == "NoSuchEntity"


@pytest.mark.parametrize(
    ("call", "parameters"),
    [
        ("create_role", {"RoleName": "x", "AssumeRolePolicyDocument": "{}"}),
        ("update_assume_role_policy", {"RoleName": "r000", "PolicyDocument": "{}"}),
        ("put_role_policy", {"RoleName": "r000", "PolicyName": "x", "PolicyDocument": "{}"}),
        ("attach_role_policy", {"RoleName": "r000", "PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}),
        ("tag_role", {"RoleName": "r000", "Tags": [{"Key": "a", "Value": "c"}]}),
        ("delete_role", {"RoleName": "r000"}),
        ("create_policy", {"PolicyName": "x", "PolicyDocument": "{}"}),
        ("create_access_key", {"UserName": "reader"}),
        ("list_users", {}),
    ],
)
def test_the_reading_policy_is_enough_for_nothing_else(
    reader: tuple[Caller, Client], call: str, parameters: dict[str, Any]
) -> None:
    assert refusal(getattr(reader[1]("iam"), call), **parameters)[1] == "AccessDenied"


def test_every_action_of_the_reading_policy_reads() -> None:
    document = reading_policy(Partition.AWS_US_GOV, AccountId("222222222222"))
    text = json.dumps(document.to_json())
    actions = {action for statement in document.to_json()["Statement"] for action in statement["Action"]}
    assert all(action.partition(":")[2].startswith(("Get", "List")) for action in actions)
    assert "arn:aws:" not in text
