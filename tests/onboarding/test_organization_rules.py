"""Rules of organizations that stop deploying roles or pipelines are named; other denials stay silent."""

from typing import Any

import pytest

from access.adoption.found import FoundControlPolicy
from access.boundary import control_policies
from access.deploy_policy import DeployScope
from access.foundation import Foundation
from oidc.arn import Partition
from oidc.identifiers import AccountId
from onboarding.bootstrap.organization_rules import organization_rules

ACCOUNT = AccountId("222222222222")
ISSUER = "api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc"
GITHUB = "token.actions.githubusercontent.com:sub"
DEPLOYING = f"arn:aws:iam::{ACCOUNT}:role/Deploy"
PROVIDERS = frozenset({f"arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER}"})
SCOPE = DeployScope(Partition.AWS, ACCOUNT, DEPLOYING, frozenset(), PROVIDERS)
PROD = Foundation("prod", SCOPE, "/", "Deploy", "Deploy-reading", None)
ENTER, CREATE = "sts:AssumeRoleWithWebIdentity", "iam:CreateOpenIDConnectProvider"
UNTAGGED = {"StringNotEqualsIfExists": {"aws:PrincipalTag/dp:exclude:identity": "true"}}
OUTSIDERS = {"StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}


def rules(statement: dict[str, Any], *, resource_control: bool) -> list[str]:
    document = {"Version": "2012-10-17", "Statement": {"Sid": "S", "Effect": "Deny", "Resource": "*", **statement}}
    policy = FoundControlPolicy("p-1", "perimeter", resource_control, document, ("Root",))
    return list(organization_rules([policy], [PROD]))


@pytest.mark.parametrize(
    ("statement", "resource_control", "said"),
    [
        ({"Sid": "PreventIdPTrustModifications", "Action": CREATE, "Condition": UNTAGGED}, False, [CREATE, DEPLOYING]),
        ({"Action": "iam:*OpenIDConnectProvider*"}, False, [CREATE, DEPLOYING]),
        (
            {"Sid": "EnforceTrustedOIDCProviders", "Action": ENTER, "Condition": {"Null": {GITHUB: "true"}}},
            True, [f"ask to add {ISSUER}:sub under Null"],
        ),
        ({"Action": "sts:AssumeRole*", "Condition": OUTSIDERS}, True, ["aws:PrincipalOrgID", ENTER]),
        ({"Action": "*", "Condition": OUTSIDERS}, True, ["aws:PrincipalOrgID", ENTER]),
    ],
)  # fmt: skip
def test_a_rule_that_stops_us_is_named_with_what_to_ask_for(
    statement: dict[str, Any], resource_control: bool, said: list[str]
) -> None:
    (rule,) = rules(statement, resource_control=resource_control)
    kind = "resource" if resource_control else "service"
    sid = statement.get("Sid", "S")
    assert rule.startswith(f"{sid} of the {kind} control policy perimeter (p-1), attached to Root, ")
    assert [text for text in said if text not in rule] == []


@pytest.mark.parametrize(
    ("statement", "resource_control"),
    [
        ({"Action": [CREATE], "Condition": {"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/Deploy"}}}, False),
        ({"Action": [CREATE], "Resource": "arn:aws:iam::*:oidc-provider/token.actions.githubusercontent.com"}, False),
        ({"Action": "iam:DeleteOpenIDConnectProvider"}, False),
        ({"Effect": "Allow", "Action": [CREATE]}, False),
        ({"Action": "*", "Condition": {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:root"}}}, False),
        ({"NotAction": "iam:*"}, False),
        ({"Action": ENTER, "Condition": {"Null": {GITHUB: "true", f"{ISSUER}:sub": "true"}}}, True),
        ({"Action": ENTER, "Condition": {"StringNotLikeIfExists": {GITHUB: "repo:acme/*"}}}, True),
        ({"Action": "sts:AssumeRole", "Condition": OUTSIDERS}, True),
        ({"Action": "*", "Condition": {**OUTSIDERS, "Null": {"aws:PrincipalOrgID": "false"}}}, True),
        ({"Action": [CREATE]}, True),
    ],
)  # fmt: skip
def test_what_does_not_stop_us_stays_silent(statement: dict[str, Any], resource_control: bool) -> None:
    assert rules(statement, resource_control=resource_control) == []


def test_our_own_service_control_policy_stays_silent() -> None:
    for document in control_policies([PROD], ["arn:aws:iam::*:role/stacksets-exec-*"], "stack"):
        policy = FoundControlPolicy("p-1", "ours", False, document.to_json(), ("Root",))
        assert list(organization_rules([policy], [PROD])) == []


@pytest.mark.parametrize("document", [None, "broken", {}, {"Statement": "x"}])
def test_a_document_of_any_form_is_no_rule(document: object) -> None:
    assert list(organization_rules([FoundControlPolicy("p", "n", True, document, ("Root",))], [PROD])) == []
