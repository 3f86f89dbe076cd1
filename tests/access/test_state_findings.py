"""The state is reached by the roles that are named for it, and every other one is told."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from access.compile import compile_plan
from config.findings import Finding
from config.load import load_inventory

Judge = Callable[..., list[Finding]]
WRITES = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:*:s3:::acme-state/.pulumi/*"}
READS = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
DENIES = {"Effect": "Deny", "Action": "s3:*", "Resource": "arn:*:s3:::acme-state*"}


def state(account: str = "222222222222", more: str = "", url: str = "s3://acme-state") -> str:
    return f'defaults: {{state_backend: {{url: "{url}", account_id: "{account}"{more}}}}}\n'


def role(key: str = "deploy", accounts: str = "[prod]", more: str = "    inline_policies: [p]\n") -> str:
    return f"""
  {key}:
    accounts: {accounts}
    trust: [{{repository: acme/shop, environments: [production]}}]
{more}"""


@pytest.fixture
def findings(write_inventory: Callable[..., Path]) -> Judge:
    def judge(backend: str, roles: str, *statements: dict[str, Any]) -> list[Finding]:
        document = {"Version": "2012-10-17", "Statement": list(statements)}
        policies = "permission_policies: {p: {document: " + json.dumps(document) + "}}\n" if statements else ""
        folder = write_inventory(f"\n{backend}roles:\n{roles}", p_yaml=policies or "version: 1\n")
        return list(compile_plan(load_inventory(folder)).findings)

    return judge


def rules(findings: list[Finding]) -> list[str]:
    return [finding.rule for finding in findings]


def test_without_state_backend_there_is_no_finding(findings: Judge) -> None:
    assert findings("", role(), WRITES, READS) == []


def test_whoever_is_named_reaches_it_and_a_reader_does_not_write(findings: Judge) -> None:
    assert findings(state(more=", writers: [deploy]"), role(), WRITES, READS) == []
    assert findings(state(more=", readers: [deploy]"), role(), READS) == []
    assert rules(findings(state(more=", readers: [deploy]"), role(), WRITES)) == ["state-backend"]


def test_a_document_is_reported_once_for_the_first_role_that_is_not_listed(findings: Judge) -> None:
    [finding] = findings(state(more=", writers: [deploy]"), role() + role("other") + role("third"), READS, WRITES)
    assert "defaults.state_backend.writers does not list other" in finding.message
    assert finding.path == "permission_policies.p.document.Statement[1].Action"


def test_wide_policies_are_judged_in_the_account_of_the_bucket_alone(findings: Judge) -> None:
    reading = role(more='    managed_policies: ["aws:ReadOnlyAccess"]\n')
    assert rules(findings(state(), reading)) == ["state-backend"]
    assert findings(state("999999999999"), reading) == []
    assert rules(findings(state(), role(), READS)) == ["state-backend"]
    assert findings(state("999999999999"), role(), READS) == []
    assert rules(findings(state("999999999999"), role(), WRITES)) == ["state-backend"]


def test_a_denial_in_an_inline_policy_takes_it_from_a_managed_one(findings: Judge) -> None:
    both = role(more='    managed_policies: ["aws:PowerUserAccess"]\n    inline_policies: [p]\n')
    both += '    allow: {privilege-escalation: "runs in a sandbox account"}\n'
    assert findings(state(), both, DENIES) == []
    assert rules(findings(state(), both, {**DENIES, "Action": "s3:Get*"})) == ["state-backend"]
    assert rules(findings(state(), both, {**DENIES, "Resource": "arn:*:s3:::acme-state/*"})) == ["state-backend"]


def test_a_bucket_of_another_partition_is_out_of_reach(findings: Judge) -> None:
    assert findings(state(url="s3://acme-state?region=cn-north-1"), role(), WRITES, READS) == []


def test_admin_access_is_reported_only_as_admin_access_or_has_its_reason(findings: Judge) -> None:
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    assert rules(findings(state(), role(), everything)) == ["admin-access"]
    admin = role() + '    dangerously_allow_admin: "builds the accounts"\n'
    assert findings(state(), admin, everything) == []


def test_families_are_named_by_the_key_as_written(findings: Judge) -> None:
    over = '    inline_policies: [p]\n    name: "x-{{environment}}"\n    for_each: {environment: [production]}\n'
    family = role(more=over).replace("[production]}]", '["{{environment}}"]}]')
    assert findings(state(more=", writers: [deploy]"), family, WRITES) == []
    assert "defaults.state_backend.writers does not list deploy" in findings(state(), family, WRITES)[0].message


def test_the_plan_role_of_a_pair_is_a_role_by_itself(findings: Judge) -> None:
    trust = '[{repository: acme/shop, steps: outside_environments, allow: {repository-wide-trust: "only reads"}}]'
    more = f'    managed_policies: ["aws:AWSSupportAccess"]\n    plan_role: {{trust: {trust}, inline_policies: [p]}}\n'
    pair = role(accounts="[dev]", more=more)
    assert findings(state("111111111111", ", readers: [deploy-plan]"), pair, READS) == []
    [finding] = findings(state("111111111111", ", readers: [deploy]"), pair, READS)
    assert "defaults.state_backend.readers does not list deploy-plan" in finding.message
