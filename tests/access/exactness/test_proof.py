"""The proof holds for what is compiled, and for nothing that differs from it in what it admits."""

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from access.compile import compile_plan
from access.plan import AccessPlan, AccountPlan, RolePlan
from access.roles import role_plan
from cli.main import run
from config.load import load_inventory
from oidc.arn import Partition
from oidc.bitbucket import Grade
from oidc.iam.document import PolicyDocument
from oidc.identifiers import AccountId, BitbucketUuid
from oidc.source_addresses import SESSION_POLICY_NAME
from tests.access.exactness.mutations import (
    ACME,
    MUTATIONS,
    STRANGER,
    Policy,
    drop_audience,
    for_each_statement,
    patterns,
    rename_operator,
    with_element,
)
from tests.access.exactness.wide import TODAY, WIDE, refusal, refused, wide, with_role


@pytest.fixture(scope="module")
def plan() -> AccessPlan:
    return wide()[1]


def roles(plan: AccessPlan) -> Iterator[tuple[AccountPlan, RolePlan]]:
    for account in plan.accounts:
        for role in account.roles:
            yield account, role


def test_every_role_of_a_wide_inventory_is_proven(plan: AccessPlan) -> None:
    assert len(list(roles(plan))) >= 10
    assert not refusal(*wide())


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_change_of_any_trust_policy_is_caught(plan: AccessPlan, name: str) -> None:
    changed = 0
    for account, role in roles(plan):
        policy = role.trust_policy.to_json()
        MUTATIONS[name](policy)
        mutated = replace(role, trust_policy=PolicyDocument(json.dumps(policy)))
        if mutated.trust_policy.to_json() != role.trust_policy.to_json():
            changed += 1
            message = refused(account, mutated)
            assert f"roles.{role.key} in account {account.key}" in message, (role.key, policy)
            assert "please report it; nothing was applied" in message
    assert changed > 5


def test_every_pattern_and_condition_counts(plan: AccessPlan) -> None:
    """Taking away any one pattern, audience or test of any statement is caught."""
    tried = 0
    for account, role in roles(plan):
        for policy in _one_thing_less(role.trust_policy.to_json()):
            tried += 1
            assert refused(account, replace(role, trust_policy=PolicyDocument(json.dumps(policy)))), policy
    assert tried > 40


def _one_thing_less(policy: Policy) -> Iterator[Policy]:
    for index, statement in enumerate(policy["Statement"]):
        for operator, tests in statement["Condition"].items():
            for key, values in tests.items():
                less = copy.deepcopy(policy)
                del less["Statement"][index]["Condition"][operator][key]
                yield less
                for place in range(len(values) if isinstance(values, list) else 0):
                    less = copy.deepcopy(policy)
                    del less["Statement"][index]["Condition"][operator][key][place]
                    yield less


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            patterns(lambda pattern: f"{pattern[:38]}:*"),
            ("is admitted and not declared", f"the token with iss https://{ACME}, aud ari:cloud:bitbucket::workspace/"),
        ),
        (patterns(lambda pattern: pattern[1:]), ("is declared and not admitted", "sub {9a6d6bde-")),
        (
            for_each_statement(drop_audience),
            ("statement 0: it does not compare aud, so a token with", "aud another-audience", "is admitted and not"),
        ),
        (
            rename_operator("StringLike", "StringEquals"),
            ("statement 0: it does not compare sub", "is declared and not admitted"),
        ),
        (with_element("Principal", "*"), ("statement 0: its principal is *",)),
    ],
)
def test_a_token_shows_what_is_wrong(
    plan: AccessPlan, change: Callable[[Policy], None], expected: tuple[str, ...]
) -> None:
    account, role = next(pair for pair in roles(plan) if pair[1].key == "everywhere")
    policy = role.trust_policy.to_json()
    change(policy)
    message = refused(account, replace(role, trust_policy=PolicyDocument(json.dumps(policy))))
    assert all(part in message for part in expected), message


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"repository_uuid": BitbucketUuid(STRANGER)}, "for acme/shop, steps in the environment staging with"),
        ({"environment_uuid": BitbucketUuid(STRANGER)}, "for acme/shop, steps in the environment staging with"),
        ({"repository": "site"}, "trust of acme/site"),
        ({"environment": "production"}, "trust of acme/shop"),
        ({"audiences": ("sts.amazonaws.com",)}, "audiences sts.amazonaws.com"),
        ({"workspace": "beta"}, "trust of beta/shop"),
        ({"last_day": date(2026, 12, 31)}, "last day 2026-12-31"),
        ({"environment_uuid": None}, "has no meaning"),
        ({"repository_uuid": None}, "has no meaning"),
        ({"repository": None, "repository_uuid": None}, "has no meaning"),
        ({"steps": "all_including_environments"}, "has no meaning"),
        ({"environment": None, "environment_uuid": None, "steps": "outside_environments"}, "as environment-bound"),
        ({"environment": None, "environment_uuid": None, "steps": "sometimes"}, "has no meaning"),
        ({"grade": Grade.REPOSITORY_WIDE}, "as repository-wide"),
        ({"subject_pattern": "*"}, "the subject pattern *"),
    ],
)
def test_a_line_that_the_plan_shows_otherwise_is_caught(
    plan: AccessPlan, change: dict[str, Any], expected: str
) -> None:
    account, role = next(pair for pair in roles(plan) if pair[1].key == "gone")
    message = refused(account, replace(role, trust=(replace(role.trust[0], **change),)))
    assert "what the plan shows of roles.gone in account ambient-too is not what the inventory declares" in message
    assert expected in message


@pytest.mark.parametrize(
    ("key", "change", "expected"),
    [
        ("gone", {"trust": ()}, "no trust of acme/shop"),
        ("gone", {"expires": None}, "last day None, not 2020-12-31"),
        ("gone", {"grade": Grade.WORKSPACE_WIDE}, "grade workspace-wide, not environment-bound"),
        ("from-the-office", {"source_ips": ()}, "source IPs"),
        ("from-the-office", {"source_vpces": ("vpce-1",)}, "source VPC endpoints"),
        ("gone", {"name": "other"}, "the ARN of roles.gone"),
        ("gone", {"path": "/"}, "the ARN of roles.gone"),
        ("gone", {"arn": "arn:aws:iam::333333333333:role/bitbucket/gone"}, "the ARN of roles.gone"),
    ],
)
def test_a_role_that_the_plan_shows_otherwise_is_caught(
    plan: AccessPlan, key: str, change: dict[str, Any], expected: str
) -> None:
    account, role = next(pair for pair in roles(plan) if pair[1].key == key)
    assert expected in refused(account, replace(role, **change))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            lambda accounts: accounts[1:],
            "accounts in the plan are not those that the inventory declares: ambient missing",
        ),
        (lambda accounts: (*accounts, accounts[0]), "ambient twice in the plan"),
        (lambda accounts: (*accounts, replace(accounts[0], key="x")), "x not declared"),
        (lambda accounts: (replace(accounts[0], roles=accounts[0].roles[1:]), *accounts[1:]), "missing in the plan"),
        (lambda accounts: (replace(accounts[0], roles=accounts[0].roles * 2), *accounts[1:]), "twice in the plan"),
        (
            lambda accounts: (replace(accounts[0], roles=(*accounts[0].roles, accounts[1].roles[-1])), *accounts[1:]),
            "roles of account ambient in the plan are not those that the inventory declares: gone not declared",
        ),
        (
            lambda accounts: (replace(accounts[0], id=AccountId("999999999999")), *accounts[1:]),
            "ambient is 999999999999",
        ),
        (lambda accounts: (replace(accounts[0], partition=Partition.AWS_CN), *accounts[1:]), "of partition aws-cn"),
    ],
)
def test_accounts_and_roles_are_those_that_are_declared(
    plan: AccessPlan, change: Callable[[tuple[AccountPlan, ...]], tuple[AccountPlan, ...]], expected: str
) -> None:
    loaded, _ = wide()
    assert expected in refusal(loaded, AccessPlan(change(plan.accounts)))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda text: text.replace('"Effect":"Allow"', '"Effect":"Deny","Effect":"Allow"'), "Effect appears twice"),
        (lambda text: text.replace('"Condition":{', '"Condition":{"StringLike":{},', 1), "StringLike appears twice"),
        (lambda text: f'{{"Version":"2012-10-17","Statement":[],{text[1:]}', "Statement appears twice"),
        (lambda text: text[:-1], "the policy is not JSON"),
        (lambda _: "[]", "the policy is not an object"),
        (lambda _: "", "the policy is not JSON"),
    ],
)
def test_the_text_itself_is_read(plan: AccessPlan, change: Callable[[str], str], expected: str) -> None:
    for account, role in roles(plan):
        assert expected in refused(account, replace(role, trust_policy=PolicyDocument(change(role.trust_policy.text))))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda _: None, "it is missing"),
        (lambda text: text.replace("vpce-0123456789abcdef0", "vpce-0123456789abcdef1"), "credentials work from"),
        (lambda text: text.replace('"203.0.113.0/24"', '"0.0.0.0/0"'), "credentials work from 0.0.0.0/0"),
        (lambda text: text.replace("BoolIfExists", "Bool"), "it does not compare aws:ViaAWSService"),
        (lambda text: text.replace("NotIpAddress", "NotIpAddressIfExists"), "its condition has NotIpAddressIfExists"),
        (lambda text: text.replace('"Deny"', '"Allow"'), "it is {"),
        (lambda text: text.replace('"Action":"*"', '"Action":"s3:*"'), "it is {"),
        (lambda text: text.replace('"Condition":', '"NotCondition":'), "it is {"),
        (lambda text: text.replace('"Statement":[', '"Statement":[{},'), "the policy has not one statement"),
        (lambda text: text.replace("2012-10-17", "2008-10-17"), "version 2008-10-17"),
    ],
)
def test_what_binds_sessions_is_part_of_the_proof(
    plan: AccessPlan, change: Callable[[str], str | None], expected: str
) -> None:
    account, role = next(pair for pair in roles(plan) if pair[0].key == "by-both" and pair[1].key == "from-the-office")
    policies = dict(role.inline_policies)
    changed = change(policies.pop(SESSION_POLICY_NAME).text)
    further = {SESSION_POLICY_NAME: PolicyDocument(changed)} if changed is not None else {}
    message = refused(account, replace(role, inline_policies={**policies, **further}))
    assert "the binding of sessions of roles.from-the-office" in message
    assert expected in message


def test_sessions_are_not_bound_unless_declared(plan: AccessPlan) -> None:
    bound = next(role for account, role in roles(plan) if SESSION_POLICY_NAME in role.inline_policies)
    account, role = next(pair for pair in roles(plan) if pair[1].key == "gone")
    assert "it is present" in refused(account, replace(role, inline_policies=bound.inline_policies))


def test_lines_that_overlap_may_come_to_fewer_patterns(tmp_path: Path) -> None:
    (tmp_path / "inventory.yaml").write_text("""
workspaces:
  acme:
    uuid: "{0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11}"
    repositories:
      shop:
        uuid: "{9a6d6bde-2ae3-4d4c-8a43-1f6a5d9a3c01}"
        environments: {production: "{c2b1a5de-6b7e-4d4b-b1a0-6a9d8c7b5e03}"}
accounts: {prod: {id: "222222222222"}}
roles:
  deploy:
    accounts: [prod]
    trust:
      - {repository: acme/shop, environments: [production]}
      - {repository: acme/shop, steps: all_including_environments}
""")
    loaded = load_inventory(tmp_path, today=TODAY)
    plan = compile_plan(loaded).plan
    assert plan is not None
    ((account, role),) = roles(plan)
    policy = role.trust_policy.to_json()
    (subjects,) = policy["Statement"][0]["Condition"]["StringLike"].values()
    narrow, _ = sorted(subjects, key=len, reverse=True)
    subjects.remove(narrow)
    fewer = replace(role, trust_policy=PolicyDocument(json.dumps(policy)))
    assert refusal(loaded, with_role(plan, account, fewer)) == ""


def test_a_command_and_a_run_stop_before_anything_is_applied(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def widened(role_key: str, *arguments: Any) -> RolePlan | None:
        role = role_plan(role_key, *arguments)
        policy = role.trust_policy.to_json() if role else {}
        patterns(lambda _: "*")(policy)
        return role and replace(role, trust_policy=PolicyDocument(json.dumps(policy)))

    monkeypatch.setattr("access.compile.role_plan", widened)
    assert run(["plan", str(WIDE)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "error: the trust policy of roles." in err
    assert "is admitted and not declared; this is a defect of this program" in err
