"""What real accounts already have: deploying roles with their trust, and customer-managed policies."""

import json
from typing import Any

import pytest

from oidc.errors import SandboxError
from sandbox.emulated_aws import EmulatedAws
from sandbox.emulated_aws.prepare_accounts import PreparedAccount, PreparedOidcProvider, RootUsers, prepare_accounts
from tests.sandbox.emulated_aws.aws_calls import refusal


@pytest.fixture
def trusted(account: str) -> str:
    """Another account of this test alone."""
    return f"8{account[1:]}"


def prepared(account: str, **changes: Any) -> PreparedAccount:
    usual: dict[str, Any] = {
        "id": account,
        "deploy_role_arn": f"arn:aws:iam::{account}:role/ci/PulumiDeploy",
        "external_id": None,
        "trusted_account_id": None,
        "policy_arns": frozenset(),
    }
    return PreparedAccount(**(usual | changes))


def test_a_deploying_role_is_assumed_from_the_trusted_account_with_the_external_id(
    front: EmulatedAws, roots: RootUsers, account: str, trusted: str
) -> None:
    wanted = prepared(account, external_id="ours", trusted_account_id=trusted)
    prepare_accounts(front.endpoint, [wanted])
    call = {"RoleArn": wanted.deploy_role_arn, "RoleSessionName": "it"}
    assume = roots.client(trusted, "sts").assume_role
    assert refusal(assume, **call)[:2] == (403, "AccessDenied")
    assert refusal(assume, **call, ExternalId="theirs")[:2] == (403, "AccessDenied")
    assert refusal(roots.client("899999999999", "sts").assume_role, **call, ExternalId="ours")[1] == "AccessDenied"
    assert refusal(assume, **call, ExternalId="ours", DurationSeconds=3601)[1] == "ValidationError"
    assert assume(**call, ExternalId="ours")["AssumedRoleUser"]["Arn"].startswith(f"arn:aws:sts::{account}:")


def test_policies_are_made_in_the_account_of_their_arn(
    front: EmulatedAws, roots: RootUsers, account: str, trusted: str
) -> None:
    arns = {f"arn:aws:iam::{owner}:policy/team/boundary" for owner in (account, trusted)}
    prepare_accounts(front.endpoint, [prepared(account, deploy_role_arn=None, policy_arns=frozenset(arns))])
    for arn in arns:
        found = roots.client(arn.split(":")[4]).get_policy(PolicyArn=arn)["Policy"]
        assert found["Path"] == "/team/"


def test_the_deploying_role_of_another_account_is_made_there(
    front: EmulatedAws, roots: RootUsers, account: str, trusted: str
) -> None:
    arn = f"arn:aws:iam::{trusted}:role/PulumiDeploy"
    prepare_accounts(front.endpoint, [prepared(account, deploy_role_arn=arn)])
    assert roots.client(trusted).get_role(RoleName="PulumiDeploy")["Role"]["Arn"] == arn
    assert refusal(roots.client(account).get_role, RoleName="PulumiDeploy")[1] == "NoSuchEntity"


def test_preparing_again_changes_nothing_and_brings_the_trust_into_line(
    front: EmulatedAws, roots: RootUsers, account: str
) -> None:
    iam = roots.client(account)
    boundary = frozenset({f"arn:aws:iam::{account}:policy/boundary"})
    prepare_accounts(front.endpoint, [prepared(account, policy_arns=boundary)])
    before = iam.get_role(RoleName="PulumiDeploy")["Role"]
    prepare_accounts(front.endpoint, [prepared(account, policy_arns=boundary)])
    assert iam.get_role(RoleName="PulumiDeploy")["Role"] == before
    prepare_accounts(front.endpoint, [prepared(account, external_id="new")])
    after = iam.get_role(RoleName="PulumiDeploy")["Role"]
    assert after["RoleId"] == before["RoleId"]
    assert json.dumps(after["AssumeRolePolicyDocument"]).count('"sts:ExternalId": "new"') == 1


@pytest.mark.parametrize(
    "arn", ["arn:aws-us-gov:iam::000000000123:role/x", "arn:aws:iam::12:role/x", "arn:aws:iam::000000000123:user/x"]
)
def test_what_is_no_role_of_partition_aws_is_an_error_that_says_so(front: EmulatedAws, account: str, arn: str) -> None:
    with pytest.raises(SandboxError, match="is not the ARN of a role in an account of partition aws"):
        prepare_accounts(front.endpoint, [prepared(account, deploy_role_arn=arn)])


def test_a_role_of_that_name_on_another_path_is_an_error(front: EmulatedAws, account: str) -> None:
    prepare_accounts(front.endpoint, [prepared(account)])
    elsewhere = f"arn:aws:iam::{account}:role/PulumiDeploy"
    with pytest.raises(SandboxError, match="has the same name as"):
        prepare_accounts(front.endpoint, [prepared(account, deploy_role_arn=elsewhere)])


def test_an_endpoint_where_nothing_answers_is_an_error(account: str) -> None:
    with pytest.raises(SandboxError, match=f"account {account} of the emulated AWS could not be prepared"):
        prepare_accounts("http://127.0.0.1:9", [prepared(account)])


def test_nobodys_configuration_counts(front: EmulatedAws, account: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "missing")
    monkeypatch.setenv("AWS_USE_FIPS_ENDPOINT", "true")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    prepare_accounts(front.endpoint, [prepared(account)])


def test_an_oidc_provider_of_somebody_else_is_made_and_gets_the_audiences_it_lacks(
    front: EmulatedAws, roots: RootUsers, account: str
) -> None:
    url = "https://api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc"
    arn = f"arn:aws:iam::{account}:oidc-provider/{url.removeprefix('https://')}"
    for audiences in (("a",), ("b", "a")):
        wanted = prepared(account, deploy_role_arn=None, oidc_providers=(PreparedOidcProvider(url, arn, audiences),))
        prepare_accounts(front.endpoint, [wanted])
    found = roots.client(account).get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert sorted(found["ClientIDList"]) == ["a", "b"]
