"""Every role that is meant for Bitbucket is read, also one that lets in nobody by a mistake; other roles are not."""

import json
from typing import Any

import pytest

from access.adoption.found import FoundAccount
from facts.aws.callers import CallSettings
from facts.aws.existing_access import existing_access
from facts.aws.survey import Failed, ask_each
from tests.facts.aws.answering_aws import AnsweringAws, listed_role, result, usual
from tests.facts.aws.conftest import account_plan
from tests.facts.aws.existing_iam import ISSUER, TO_STS

ACCOUNT = "222222222222"
PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/"
GITHUB = f"{PROVIDER}token.actions.githubusercontent.com"


def roles_read(monkeypatch: pytest.MonkeyPatch, principal: Any, key: str = "aws:SourceIp") -> int:
    """Return how many roles are read of an account with one role, for this principal and condition key."""
    statement = {"Effect": "Allow", "Principal": principal, "Action": TO_STS, "Condition": {"StringLike": {key: "*"}}}
    trust_policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    role = listed_role(ACCOUNT, "deploy", trust_policy)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-of-somebody")
    aws = AnsweringAws()
    try:
        aws.replies = usual(ACCOUNT, role) | {
            "GetRole": result("GetRole", role.replace("member>", "Role>")),
            "ListAttachedRolePolicies": result("ListAttachedRolePolicies", "<AttachedPolicies/>"),
            "ListRolePolicies": result("ListRolePolicies", "<PolicyNames/>"),
        }
        (outcome,) = ask_each([account_plan(ACCOUNT)], CallSettings(aws.endpoint, 1), existing_access)
    finally:
        aws.close()
    assert not isinstance(outcome, Failed), outcome.error
    account: FoundAccount = outcome.facts
    return len(account.roles)


@pytest.mark.parametrize(
    "principal",
    [
        {"Federated": PROVIDER + ISSUER},
        {"Federated": [GITHUB, PROVIDER + ISSUER]},
        {"Federated": f"{PROVIDER}api.bitbucket.org"},
        {"Federated": f"{PROVIDER}api.bitbucket.orgacme/pipelines-config/identity/oidc"},
        {"Federated": f"{PROVIDER}API.BITBUCKET.ORG/2.0/workspaces/acme"},
        {"Federated": f"{PROVIDER}https://{ISSUER}"},
        {"Federated": f"{PROVIDER}bitbucket.org/acme"},
        {"AWS": PROVIDER + ISSUER},
    ],
)
def test_a_role_with_any_spelling_of_bitbuckets_host_is_read(monkeypatch: pytest.MonkeyPatch, principal: Any) -> None:
    assert roles_read(monkeypatch, principal) == 1


@pytest.mark.parametrize("principal", ["*", {"Federated": "*"}, {"AWS": ACCOUNT}])
def test_a_role_with_a_condition_on_bitbuckets_claims_is_read(monkeypatch: pytest.MonkeyPatch, principal: Any) -> None:
    assert roles_read(monkeypatch, principal, f"{ISSUER}:sub") == 1


@pytest.mark.parametrize(
    "principal",
    [
        *({"Federated": GITHUB}, {"Service": "codebuild.amazonaws.com"}, {"AWS": ACCOUNT}),
        {"AWS": f"arn:aws:iam::{ACCOUNT}:role/bitbucket-deploy"},
    ],
)
def test_a_role_for_others_is_not_read(monkeypatch: pytest.MonkeyPatch, principal: Any) -> None:
    assert roles_read(monkeypatch, principal) == 0
