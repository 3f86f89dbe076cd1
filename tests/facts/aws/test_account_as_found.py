"""An account's roles are read whole in few calls; the clients of one account serve the next with other credentials."""

import json
from typing import Any

import pytest

from access.adoption.found import FoundAccount
from access.plan import AccountCredentials, AccountPlan
from facts.aws.callers import Caller, CallSettings
from facts.aws.existing_access import account_as_found, read_role
from facts.aws.survey import Answered, Failed, ask_each
from sandbox.emulated_aws.prepare_accounts import PreparedAccount, RootUsers, prepare_accounts
from tests.facts.aws.answering_aws import NOT_FOUND, AnsweringAws, Replies, refused, result
from tests.facts.aws.conftest import AUDIENCE, account_plan
from tests.facts.aws.existing_iam import by_root, make_oidc_provider

READS = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["iam:*"], "Resource": "*"}]}
BOUNDARY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
ROLE = "<RoleName>{0}</RoleName><Arn>arn:aws:iam::222222222222:role/{0}</Arn><Path>/</Path><RoleId>A</RoleId>"
DATED = "<CreateDate>2026-01-01T00:00:00Z</CreateDate>"


def everything(caller: Caller, plan: AccountPlan) -> FoundAccount:
    return account_as_found(caller, plan, [provider.arn for provider in plan.oidc_providers], lambda _name, _tags: True)


def test_a_role_is_read_as_the_calls_for_each_part_read_it(logged_in: str, settings: CallSettings, iam: Any) -> None:
    iam.create_role(
        RoleName="deploy", Path="/bitbucket/", AssumeRolePolicyDocument=by_root(logged_in), Description="deploys",
        MaxSessionDuration=7200, PermissionsBoundary=BOUNDARY, Tags=[{"Key": "Team", "Value": "core"}],
    )  # fmt: skip
    iam.put_role_policy(RoleName="deploy", PolicyName="reads", PolicyDocument=json.dumps(READS))
    iam.attach_role_policy(RoleName="deploy", PolicyArn=BOUNDARY)
    iam.create_role(RoleName="bare", AssumeRolePolicyDocument=by_root(logged_in))
    make_oidc_provider(iam, AUDIENCE, Team="core")
    (outcome,) = ask_each([account_plan(logged_in)], settings, everything)
    assert isinstance(outcome, Answered), outcome
    found = outcome.facts
    (provider,) = found.oidc_providers
    assert (provider.audiences, provider.thumbprints, provider.tags) == (
        (AUDIENCE,), ("b" * 40, "a" * 40), {"Team": "core"},
    )  # fmt: skip
    assert [role.name for role in found.roles] == ["bare", "deploy"]
    for role in found.roles:
        assert role.created is not None
        assert role.created.tzinfo is not None
        whole = read_role(iam, role.name)
        for field in type(role).__slots__:
            assert field == "created" or getattr(role, field) == getattr(whole, field), field


def test_other_roles_are_dropped(logged_in: str, settings: CallSettings, iam: Any) -> None:
    for name in ("ours", "theirs"):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=by_root(logged_in))
    (outcome,) = ask_each(
        [account_plan(logged_in)],
        settings,
        lambda caller, plan: account_as_found(caller, plan, [], lambda name, _tags: name == "ours"),
    )
    assert isinstance(outcome, Answered), outcome
    assert [role.name for role in outcome.facts.roles] == ["ours"]


def test_accounts_that_share_clients_answer_for_themselves(settings: CallSettings, roots: RootUsers) -> None:
    accounts = [str(number) for number in range(610_000_000_001, 610_000_000_013)]
    assert settings.endpoint
    plans = []
    for account in accounts:
        arn = f"arn:aws:iam::{account}:role/Reads"
        prepare_accounts(settings.endpoint, [PreparedAccount(account, arn, None, "000000000000", frozenset())])
        iam = roots.client(account)
        iam.put_role_policy(RoleName="Reads", PolicyName="reads", PolicyDocument=json.dumps(READS))
        iam.create_role(RoleName=f"of-{account}", AssumeRolePolicyDocument=by_root(account))
        plans.append(account_plan(account, key=account, access=AccountCredentials(role_arn=arn)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "000000000000")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        outcomes = ask_each(plans, settings, everything, at_once=3)
    for account, outcome in zip(accounts, outcomes, strict=True):
        assert isinstance(outcome, Answered), outcome
        assert {role.name for role in outcome.facts.roles} == {"Reads", f"of-{account}"}


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-of-somebody")
    answering = AnsweringAws()
    yield answering
    answering.close()


def replies(account: str = "222222222222") -> Replies:
    """Return what an account answers that has one role."""
    keys = (
        "<AccessKeyId>A</AccessKeyId><SecretAccessKey>secret-of-the-role</SecretAccessKey>"
        "<SessionToken>token-of-the-role</SessionToken>"
    )
    assumed = f"<AssumedRoleUser><Arn>arn:aws:sts::{account}:assumed-role/Reads/x</Arn></AssumedRoleUser>"
    role = ROLE.format("deploy") + DATED
    return {
        "AssumeRole": result("AssumeRole", f"<Credentials>{keys}</Credentials>{assumed}"),
        "GetCallerIdentity": result("GetCallerIdentity", f"<Account>{account}</Account>"),
        "GetAccountAuthorizationDetails": result(
            "GetAccountAuthorizationDetails", f"<RoleDetailList><member>{role}</member></RoleDetailList>"
        ),
        "ListRoles": result("ListRoles", f"<Roles><member>{role}</member></Roles>"),
        "GetOpenIDConnectProvider": NOT_FOUND,
    }


ASSUMING = AccountCredentials(role_arn="arn:aws:iam::222222222222:role/Reads")


def asked(aws: AnsweringAws, access: AccountCredentials) -> Answered[FoundAccount] | Failed:
    plan = account_plan("222222222222", access=access)
    (outcome,) = ask_each([plan], CallSettings(aws.endpoint, 1), everything)
    return outcome


def test_an_account_is_asked_three_times_and_once_for_each_oidc_provider(aws: AnsweringAws) -> None:
    aws.replies = replies()
    assert isinstance(asked(aws, ASSUMING), Answered)
    assert aws.asked == ["AssumeRole", "GetAccountAuthorizationDetails", "ListRoles", "GetOpenIDConnectProvider"]


def test_without_a_role_to_assume_aws_says_which_account_it_is(aws: AnsweringAws) -> None:
    aws.replies = replies("999999999999")
    outcome = asked(aws, AccountCredentials())
    assert isinstance(outcome, Failed)
    assert "belong to account 999999999999" in outcome.error.what
    assert aws.asked == ["GetCallerIdentity"]


def test_a_role_of_another_account_is_refused(aws: AnsweringAws) -> None:
    aws.replies = replies("999999999999")
    outcome = asked(aws, ASSUMING)
    assert isinstance(outcome, Failed)
    assert "belong to account 999999999999" in outcome.error.what


def test_a_reading_role_of_an_old_template_is_told_to_be_deployed_again(aws: AnsweringAws) -> None:
    aws.replies = replies() | {"GetAccountAuthorizationDetails": refused("AccessDenied", status=403)}
    outcome = asked(aws, ASSUMING)
    assert isinstance(outcome, Failed)
    assert "bitbucket-oidc bootstrap" in outcome.error.do


def test_a_session_that_ends_is_begun_again_once(aws: AnsweringAws) -> None:
    expired, whole = refused("ExpiredToken", status=403), replies()["ListRoles"]
    aws.replies = replies() | {"ListRoles": lambda before: whole if before else expired}  # type: ignore[dict-item,return-value]  # the reply of `replies` is no function
    assert isinstance(asked(aws, ASSUMING), Answered)
    assert aws.asked.count("AssumeRole") == 2
    aws.replies = replies() | {"ListRoles": expired}
    assert isinstance(asked(aws, ASSUMING), Failed)


def test_a_role_deleted_between_two_calls_is_left_out(aws: AnsweringAws) -> None:
    aws.replies = replies() | {"ListRoles": result("ListRoles", "<Roles/>")}
    outcome = asked(aws, ASSUMING)
    assert isinstance(outcome, Answered)
    assert outcome.facts.roles == ()
