"""Ways into accounts, and what is said where there is none."""

import json
from pathlib import Path
from typing import Any

import pytest

from access.plan import AccountCredentials
from facts.aws.account_facts import ask_account
from facts.aws.callers import CallSettings
from facts.aws.survey import Answered, Failed, ask_each
from oidc.errors import AwsError
from sandbox.emulated_aws.prepare_accounts import PreparedAccount, prepare_accounts
from tests.facts.aws.conftest import account_plan

READ = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["iam:*"], "Resource": "*"}]}


def failure(account: str, settings: CallSettings, access: AccountCredentials | None = None) -> AwsError:
    (outcome,) = ask_each([account_plan(account, access=access)], settings, ask_account)
    assert isinstance(outcome, Failed), outcome
    assert str(outcome.error).isprintable()
    return outcome.error


def make_user(iam: Any, *, document: dict[str, Any] | None = None) -> tuple[str, str]:
    iam.create_user(UserName="reader")
    if document is not None:
        iam.put_user_policy(UserName="reader", PolicyName="p", PolicyDocument=json.dumps(document))
    key = iam.create_access_key(UserName="reader")["AccessKey"]
    return key["AccessKeyId"], key["SecretAccessKey"]


def test_without_credentials_the_error_says_to_log_in(account: str, settings: CallSettings) -> None:
    error = failure(account, settings)
    assert error.what == "the account of these credentials: there are no AWS credentials in this environment"
    assert error.do == "log in to AWS, or name a `profile` for the account"


def test_a_missing_profile_is_named(account: str, settings: CallSettings) -> None:
    assert (
        "The config profile (gone) could not be found"
        in failure(account, settings, AccountCredentials(profile="gone")).what
    )


def test_a_profile_leads_into_its_account(account: str, settings: CallSettings, tmp_path: Path) -> None:
    keys = f"aws_access_key_id = {account}\naws_secret_access_key = test\n"
    (tmp_path / "AWS_CONFIG_FILE").write_text(f"[profile mine]\n{keys}")
    (outcome,) = ask_each([account_plan(account, access=AccountCredentials(profile="mine"))], settings, ask_account)
    assert isinstance(outcome, Answered)


def test_a_profile_that_assumes_a_role_by_itself_does_so_in_the_sandbox(
    account: str, settings: CallSettings, iam: Any, tmp_path: Path
) -> None:
    trust = {"Effect": "Allow", "Principal": {"AWS": account}, "Action": "sts:AssumeRole"}
    trust_policy = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    iam.create_role(RoleName="reader", AssumeRolePolicyDocument=trust_policy)
    iam.put_role_policy(RoleName="reader", PolicyName="read", PolicyDocument=json.dumps(READ))
    arn = f"arn:aws:iam::{account}:role/reader"
    keys = f"aws_access_key_id = {account}\naws_secret_access_key = test\n"
    profiles = f"[profile base]\n{keys}[profile mine]\nregion = us-east-1\nrole_arn = {arn}\nsource_profile = base\n"
    (tmp_path / "AWS_CONFIG_FILE").write_text(profiles)
    (outcome,) = ask_each([account_plan(account, access=AccountCredentials(profile="mine"))], settings, ask_account)
    assert isinstance(outcome, Answered), outcome


@pytest.mark.parametrize(("external_id", "lets_in"), [("right-one", True), ("wrong-one", False), (None, False)])
def test_the_deploying_role_is_assumed_with_its_external_id(
    logged_in: str, settings: CallSettings, iam: Any, external_id: str | None, *, lets_in: bool
) -> None:
    arn = f"arn:aws:iam::{logged_in}:role/PulumiDeploy"
    assert settings.endpoint
    prepare_accounts(settings.endpoint, [PreparedAccount(logged_in, arn, "right-one", logged_in, frozenset())])
    iam.put_role_policy(RoleName="PulumiDeploy", PolicyName="read", PolicyDocument=json.dumps(READ))
    access = AccountCredentials(role_arn=arn, external_id=external_id, session_name="reader")
    (outcome,) = ask_each([account_plan(logged_in, access=access)], settings, ask_account)
    assert isinstance(outcome, Answered) is lets_in
    if isinstance(outcome, Failed):
        assert outcome.error.what.startswith(
            f"assuming {arn} with the credentials of this environment: AWS refused AssumeRole: AccessDenied"
        )
        assert "external id" in outcome.error.do


def test_an_unknown_access_key_is_an_error(
    account: str, settings: CallSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAUNKNOWNUNKNOWN00")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    assert "InvalidClientTokenId" in failure(account, settings).what


def test_a_denied_call_names_the_policy_to_give(
    account: str, settings: CallSettings, iam: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, secret = make_user(iam)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)
    error = failure(account, settings)
    assert error.what.startswith("the list of roles: AWS refused ListRoles: AccessDenied: User: arn:aws:iam::")
    assert error.do == "give it the policy that `bitbucket-oidc deploy-policy --reading` prints"


def test_an_account_without_readable_quotas_still_counts(
    account: str, settings: CallSettings, iam: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, secret = make_user(iam, document=READ)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)
    (outcome,) = ask_each([account_plan(account)], settings, ask_account)
    assert isinstance(outcome, Answered)
    assert outcome.facts.quotas == {"trust_policy_chars": 2048, "managed_policies_per_role": 20, "roles": 1000}
    (note,) = outcome.facts.notes
    assert note.startswith("Service Quotas: AWS refused ListServiceQuotas: AccessDenied")
