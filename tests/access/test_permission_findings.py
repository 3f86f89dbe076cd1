"""What permissions come to is judged as rendered, told once, and not told of what is sound."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from access.compile import compile_plan
from config.findings import Finding
from config.load import load_inventory

ROLE = """
roles:
  deploy:
    accounts: {accounts}
    trust: [{{repository: acme/shop, environments: [production]}}]
    inline_policies: [p]
{more}
"""


def role(accounts: str = "[prod]", more: str = "") -> str:
    return ROLE.format(accounts=accounts, more=more)


def policy(*statements: dict[str, Any]) -> str:
    document = {"Version": "2012-10-17", "Statement": list(statements)}
    return "permission_policies: {p: {document: " + json.dumps(document) + "}}\n"


def allow(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource} | more


@pytest.fixture
def findings(write_inventory: Callable[..., Path]) -> Callable[..., list[Finding]]:
    def judge(roles: str, *statements: dict[str, Any]) -> list[Finding]:
        return list(compile_plan(load_inventory(write_inventory(roles, p_yaml=policy(*statements)))).findings)

    return judge


Judge = Callable[..., list[Finding]]


def rules(findings: list[Finding]) -> list[str]:
    return [finding.rule for finding in findings]


def test_a_document_is_reported_once_for_any_number_of_accounts_and_roles(findings: Judge) -> None:
    second = role('["*"]', role().replace("roles:", "").replace("deploy", "other"))
    assert rules(findings(second, allow("iam:PassRole"))) == ["privilege-escalation"]
    assert rules(findings(second, allow("iam:PutRolePolicy", "arn:aws:iam::*:role/bitbucket/*"))) == ["changes-access"]


def test_an_action_gives_only_the_gravest_finding(findings: Judge) -> None:
    assert rules(findings(role(), allow("iam:P*"))) == ["changes-access"]
    assert rules(findings(role(), allow("iam:*"))) == ["admin-access"]


def test_a_role_that_says_admin_is_not_asked_what_it_leads_to(findings: Judge) -> None:
    admin = role(more='    dangerously_allow_admin: "builds the accounts"\n    managed_policies: ["account:x"]\n')
    assert findings(admin, allow("*")) == []


def test_a_path_to_the_deploying_role_is_reported_only_as_that(findings: Judge) -> None:
    deploying = "\ndefaults: {deploy_role: 'arn:aws:iam::{{account_id}}:role/PulumiDeploy'}\n" + role()
    assert rules(findings(deploying, allow(["sts:AssumeRole", "iam:PutRolePolicy"]))) == ["deploying-role"]


@pytest.mark.parametrize(
    "statements",
    [
        [allow("iam:PutRolePolicy", "arn:aws:iam::{{account_id}}:role/app/*")],
        [
            allow(["iam:PutRolePolicy", "iam:CreateRole"], "arn:aws:iam::{{account_id}}:role/bitbucket-*"),
            allow("iam:TagRole", "arn:aws:iam::{{account_id}}:role/bitbucket/*"),
        ],
        [
            allow("iam:AttachRolePolicy", "arn:aws:iam::{{account_id}}:role/bit*"),
            {"Effect": "Deny", "Action": "iam:*", "Resource": "arn:aws:iam::*:role/bitbucket/*"},
        ],
        [allow("iam:GetOpenIDConnectProvider"), allow("iam:ListOpenIDConnectProviders")],
        [
            allow(
                "iam:PutRolePolicy",
                Condition={"StringEquals": {"iam:PermissionsBoundary": "arn:aws:iam::222222222222:policy/b"}},
            )
        ],
        [allow("iam:CreateOpenIDConnectProvider", "arn:aws:iam::*:oidc-provider/token.actions.githubusercontent.com")],
    ],
)
def test_changing_what_the_inventory_does_not_rest_on_is_no_fault(
    findings: Judge, statements: list[dict[str, Any]]
) -> None:
    assert findings(role(), *statements) == []


def test_the_policy_of_a_boundary_is_not_to_be_rewritten(findings: Judge) -> None:
    bounded = role(more="    permissions_boundary: account:ci\n")
    rewriting = allow("iam:CreatePolicyVersion", "arn:aws:iam::*:policy/c?")
    assert rules(findings(bounded, rewriting)) == ["changes-access"]
    assert rules(findings(role(), rewriting)) == []


def test_the_place_is_the_action_as_written_whatever_the_order_of_the_list(findings: Judge) -> None:
    [finding] = findings(role(), allow("s3:GetObject"), allow(["s3:PutObject", "iam:Pass*", "iam:GetRole"]))
    assert finding.path == "permission_policies.p.document.Statement[1].Action[1]"


def test_a_document_for_two_partitions_may_name_both(findings: Judge) -> None:
    both = allow("s3:GetObject", ["arn:aws:s3:::site/*", "arn:aws-cn:s3:::site/*"])
    assert findings(role(), both) == []


def test_a_document_for_two_accounts_may_name_both(findings: Judge) -> None:
    named = ["arn:aws:iam::111111111111:role/app", "arn:aws:iam::222222222222:role/app"]
    assert findings(role('["dev", "prod"]'), allow("iam:PassRole", named)) == []
    assert rules(findings(role('["prod"]'), allow("iam:PassRole", named))) == ["account-resource"]
    assert findings(role('["prod"]'), allow("sts:AssumeRole", named)) == []


def test_a_policy_of_the_account_is_known_to_nobody_unless_a_boundary_limits_it(findings: Judge) -> None:
    attached = '    managed_policies: ["account:ci-{{account}}"]\n'
    sound = allow("sts:GetCallerIdentity")
    assert rules(findings(role(more=attached), sound)) == ["unknown-permissions"]
    assert findings(role(more=attached + "    permissions_boundary: account:edge\n"), sound) == []
    allowed = attached + '    allow: {unknown-permissions: "reviewed with the account team"}\n'
    assert findings(role(more=allowed), sound) == []
