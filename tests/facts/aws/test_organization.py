"""Asking an organization for its accounts."""

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.session import Session

from access.deploy_policy import organization_policy
from config.models.organization import Organization
from facts.aws.callers import Caller, CallSettings
from facts.aws.organization import attached_control_policies, list_accounts
from oidc.arn import Partition
from oidc.errors import AwsError
from sandbox.emulated_aws.prepare_accounts import RootUsers


class Units:
    """An organization: Workloads over Production and Staging, with an account in each."""

    def __init__(self, client: Any) -> None:
        self.client = client
        (root,) = client.list_roots()["Roots"]
        self.root = root["Id"]
        self.workloads = self.unit(self.root, "Workloads")
        self.production = self.unit(self.workloads, "Production")
        self.staging = self.unit(self.workloads, "Staging")
        self.shop = self.account("Shop", self.production, env="prod")
        self.old = self.account("Old", self.production)
        client.close_account(AccountId=self.old)
        self.trial = self.account("Trial", self.staging)
        self.core = self.account("Core", self.workloads)

    def unit(self, parent: str, name: str) -> str:
        return str(self.client.create_organizational_unit(ParentId=parent, Name=name)["OrganizationalUnit"]["Id"])

    def account(self, name: str, unit: str, **tags: str) -> str:
        made = self.client.create_account(AccountName=name, Email=f"{name}@example.org")
        number = str(made["CreateAccountStatus"]["AccountId"])
        self.client.move_account(AccountId=number, SourceParentId=self.root, DestinationParentId=unit)
        aws_tags = [{"Key": key, "Value": value} for key, value in tags.items()]
        self.client.tag_resource(ResourceId=number, Tags=aws_tags)
        return number


@pytest.fixture
def units(roots: RootUsers, account: str) -> Units:
    return Units(roots.client(account, "organizations"))


@pytest.fixture
def caller(settings: CallSettings, account: str) -> Iterator[Caller]:
    session = Session()
    session.set_credentials(account, "test")
    caller = Caller(session, Partition.AWS, settings)
    yield caller
    caller.close()


def names(caller: Caller, *ou: str, **more: Any) -> list[str]:
    return sorted(account.name for account in list_accounts(caller, Organization(ou=ou, **more)))


def test_units_below_are_included_unless_nested_is_false(caller: Caller, units: Units) -> None:
    assert names(caller, units.workloads) == ["Core", "Old", "Shop", "Trial"]
    assert names(caller, units.workloads, nested=False) == ["Core"]
    assert names(caller, units.production, units.workloads) == ["Core", "Old", "Shop", "Trial"]


def test_units_are_named_by_the_names_above_them_too(caller: Caller, units: Units) -> None:
    assert names(caller, "Workloads/Staging") == ["Trial"]
    assert "Core" in names(caller, units.root)


def test_tags_and_states_are_read(caller: Caller, units: Units) -> None:
    accounts = {account.name: account for account in list_accounts(caller, Organization(ou=(units.production,)))}
    assert (accounts["Shop"].id, accounts["Shop"].tags, accounts["Shop"].is_active) == (
        units.shop,
        {"env": "prod"},
        True,
    )
    assert (accounts["Old"].state, accounts["Old"].is_active) == ("SUSPENDED", False)


def test_a_missing_unit_is_named(caller: Caller, units: Units) -> None:
    with pytest.raises(AwsError, match="'Prod' does not exist; the units at that level are Production, Staging"):
        names(caller, "Workloads/Prod")


def test_the_policy_for_it_is_enough(units: Units, roots: RootUsers, account: str, settings: CallSettings) -> None:
    iam = roots.client(account)
    iam.create_user(UserName="lists")
    iam.put_user_policy(UserName="lists", PolicyName="lists", PolicyDocument=organization_policy().text)
    key = iam.create_access_key(UserName="lists")["AccessKey"]
    session = Session()
    session.set_credentials(key["AccessKeyId"], key["SecretAccessKey"])
    lists = Caller(session, Partition.AWS, settings)
    assert names(lists, "Workloads/Production") == ["Old", "Shop"]
    attached_control_policies(lists)


def test_control_policies_are_read_with_what_they_are_attached_to(units: Units, caller: Caller) -> None:
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "iam:*", "Resource": "*"}]}
    for kind in ("SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"):
        with contextlib.suppress(ClientError):  # it may be enabled already
            units.client.enable_policy_type(RootId=units.root, PolicyType=kind)
        for name, targets in (("none", []), ("some", [units.staging, units.production])):
            made = units.client.create_policy(
                Name=f"{name} {kind}", Description="", Type=kind, Content=json.dumps(document)
            )
            for target in targets:
                units.client.attach_policy(PolicyId=made["Policy"]["PolicySummary"]["Id"], TargetId=target)
    found = {policy.name: policy for policy in attached_control_policies(caller)}
    assert "none SERVICE_CONTROL_POLICY" not in found
    service, resource = found["some SERVICE_CONTROL_POLICY"], found["some RESOURCE_CONTROL_POLICY"]
    assert (service.is_resource_control, resource.is_resource_control) == (False, True)
    assert service.document == resource.document == document
    assert service.targets == ("Production", "Staging")


def test_a_denied_list_names_the_policy_to_give(
    units: Units, roots: RootUsers, account: str, settings: CallSettings
) -> None:
    iam = roots.client(account)
    iam.create_user(UserName="nobody")
    key = iam.create_access_key(UserName="nobody")["AccessKey"]
    session = Session()
    session.set_credentials(key["AccessKeyId"], key["SecretAccessKey"])
    with pytest.raises(AwsError) as caught:
        list_accounts(Caller(session, Partition.AWS, settings), Organization(ou=(units.workloads,)))
    assert caught.value.what.startswith("the accounts of the organization: AWS refused ListOrganizational") or (
        "AWS refused ListAccountsForParent: AccessDenied" in caught.value.what
    )
    assert "deploy-policy --organization" in caught.value.do
