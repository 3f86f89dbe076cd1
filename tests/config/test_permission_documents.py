"""Documents of permission policies: every fault at once and at its place, and none in a valid document."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from access.compile import compile_plan
from config.findings import Finding
from config.load import load_inventory
from config.policy.grammar import grammar_faults
from config.rules.permissions import document_faults

SOUND = Path(__file__).parent.parent / "fixtures" / "permission_policies"
POLICIES = sorted(SOUND.glob("*.json"))

ROLE = """
roles:
  deploy:
    accounts: [prod]
    trust: [{repository: acme/shop, environments: [production]}]
    inline_policies: [p]
"""

MANY_FAULTS = """
permission_policies:
  p:
    document:
      Version: "2012-10-18"
      Statements: []
      Statement:
        - Effect: allow
          Actions: "s3:GetObject"
          Resource: ["*", site]
        - Sid: "not-a-sid"
          Effect: Deny
          Action: [GetObject, "s3:*"]
          Resource: "{{rolle}}:*"
"""


def findings(folder: Path) -> list[Finding]:
    return list(compile_plan(load_inventory(folder)).findings)


def test_all_faults_of_a_document_are_found_in_one_pass(write_inventory: Callable[..., Path]) -> None:
    reported = findings(write_inventory(ROLE, policies_yaml=MANY_FAULTS))
    assert [(finding.place.line, finding.place.column) for finding in reported] == [
        *((5, 16), (6, 7)),
        *((8, 19), (9, 11), (10, 27)),
        *((11, 16), (13, 20), (14, 21)),
    ]


def test_faults_in_a_file_are_those_of_the_same_document_in_the_inventory(write_inventory: Callable[..., Path]) -> None:
    document = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "allow", "Action": ["s3:GetObject", "GetObject"], "resource": "*"},
            {"Effect": "Allow", "Action": 7, "Resource": "*", "Condition": {"StringEqual": {"aws:userid": "x"}}},
        ],
    }
    folder = write_inventory(
        ROLE,
        a_yaml="permission_policies: {p: {file: p.json}}\n",
        p_json=json.dumps(document, indent=2),
    )
    in_file = findings(folder)
    assert {Path(finding.place.file).name for finding in in_file} == {"p.json"}
    lines = (folder / "p.json").read_text().splitlines()
    assert [lines[finding.place.line - 1].strip() for finding in in_file] == [
        *('"Effect": "allow",', '"GetObject"', '"resource": "*"'),
        *('"Action": 7,', '"StringEqual": {'),
    ]
    (folder / "a.yaml").write_text("permission_policies: {p: {document: " + json.dumps(document) + "}}\n")
    assert [(finding.rule, finding.message, finding.hint) for finding in findings(folder)] == [
        (finding.rule, finding.message, finding.hint) for finding in in_file
    ]


def test_an_allow_beside_the_file_silences_warnings_inside_it(write_inventory: Callable[..., Path]) -> None:
    document = {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Action": "s3:BrandNew", "Resource": "*"},
    }
    folder = write_inventory(
        ROLE,
        a_yaml='permission_policies: {p: {file: p.json, allow: {unknown-action: "announced last week"}}}\n',
        p_json=json.dumps(document),
    )
    compiled = compile_plan(load_inventory(folder))
    assert compiled.findings == ()
    assert [silenced.finding.place.file for silenced in compiled.silenced] == [str(folder / "p.json")]


def test_a_file_that_two_permission_policies_name_is_reported_once(write_inventory: Callable[..., Path]) -> None:
    document = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:GetObjects", "Resource": "*"}}
    folder = write_inventory(
        ROLE,
        a_yaml="permission_policies: {p: {file: p.json}, q: {file: p.json, allow: {unused-permission-policy: kept}}}\n",
        p_json=json.dumps(document),
    )
    assert [finding.rule for finding in findings(folder)] == ["unknown-action"]


def test_a_fault_of_the_entry_hides_none_in_its_document(write_inventory: Callable[..., Path]) -> None:
    policy = (
        "permission_policies: {p: {descripton: x, document: {Version: '2012-10-17', Statement: [{Effect: allow}]}}}\n"
    )
    rules = [finding.rule for finding in findings(write_inventory(ROLE, a_yaml=policy))]
    assert rules == ["unknown-key", *["bad-policy-document"] * 2]


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.stem)
def test_a_valid_permission_policy_has_no_finding(policy: Path, write_inventory: Callable[..., Path]) -> None:
    folder = write_inventory(ROLE, a_yaml="permission_policies: {p: {file: p.json}}\n", p_json=policy.read_text())
    assert [str(finding) for finding in findings(folder)] == []


def test_there_are_valid_permission_policies_to_try() -> None:
    assert len(POLICIES) >= 12


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
WORDS = st.sampled_from(
    [
        *("*", "s3:*", "s3:Get?bject", "iam:PassRole", "x:y", "s3:", "${aws:userid}", "{{role}}", "{{", "2012-10-17"),
        *("arn:aws:s3:::b/*", "arn:aws:s3:::b", "arn:*", "arn:aws:iam::1:role/${x", "Allow", "Deny", "", "::::::"),
        *("203.0.113.0/24", "true", "2027-01-01", "-1", "aws:SourceIp", "9" * 400),
    ]
)
KEYS = st.sampled_from(
    [
        *("Version", "Id", "Statement", "Sid", "Effect", "Action", "NotAction", "Resource", "NotResource"),
        *("Condition", "Principal", "StringEquals", "StringNotLike", "IpAddress", "NotIpAddress", "Bool", "Null"),
        *("DateLessThan", "DateGreaterThan", "NumericEquals", "ForAllValues:ArnLike", "BinaryEquals"),
        *("aws:SourceIp", "aws:CurrentTime", "s3:prefix", "aws:PrincipalTag/x", "allow", "", "../iam", "{{role}}"),
    ]
)
ANY_JSON = st.recursive(
    SCALARS | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=25,
)
VALUES = WORDS | st.lists(WORDS, min_size=1, max_size=3)
STATEMENTS = st.fixed_dictionaries(
    {"Effect": st.sampled_from(["Allow", "Deny"])},
    optional={
        **dict.fromkeys(("Action", "NotAction", "Resource", "NotResource", "Sid"), VALUES | ANY_JSON),
        "Condition": st.dictionaries(KEYS, st.dictionaries(KEYS, VALUES, max_size=3), max_size=3) | ANY_JSON,
    },
)
DOCUMENTS = st.dictionaries(KEYS, ANY_JSON, max_size=5) | st.fixed_dictionaries(
    {"Version": st.just("2012-10-17"), "Statement": st.lists(STATEMENTS, min_size=1, max_size=3)}
)


@settings(max_examples=300)
@given(DOCUMENTS)
def test_any_document_is_sound_or_gives_faults(document: dict[str, Any]) -> None:
    faults = list(grammar_faults(document)) or list(document_faults(document))
    assert all(fault.message and fault.hint for fault in faults)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ANY_JSON)
def test_any_json_as_a_file_compiles_or_gives_findings(write_inventory: Callable[..., Path], data: Any) -> None:
    folder = write_inventory(
        ROLE, a_yaml="permission_policies: {p: {file: p.json}}\n", p_json=json.dumps(data, allow_nan=True)
    )
    compiled = compile_plan(load_inventory(folder))
    assert compiled.plan is not None or compiled.findings


ACTIONS = st.sampled_from(
    ["*", "*:*", "s3:Get?bject", "iam:*", "iam:PassRole", "sts:AssumeRole", "x:{{role}}", "Iam:Put*"]
)
RESOURCES = st.sampled_from(
    [
        *("*", "arn:*:*", "${aws:x}:*", "arn:aws-cn:iam::*:role/x", "arn:aws:iam::000000000000:role/*", "arn::::::"),
        *("arn:{{partition}}:iam::{{account_id}}:role/bitbucket/{{role}}", "arn:aws:iam::222222222222:oidc-provider/*"),
    ]
)
WELL_FORMED = st.builds(
    lambda effect, action, actions, resource, resources, condition: {
        "Effect": effect,
        action: actions,
        resource: resources,
        "Condition": condition,
    },
    st.sampled_from(["Allow", "Deny"]),
    st.sampled_from(["Action", "NotAction"]),
    ACTIONS | st.lists(ACTIONS, min_size=1, max_size=3),
    st.sampled_from(["Resource", "NotResource"]),
    RESOURCES | st.lists(RESOURCES, min_size=1, max_size=3),
    st.sampled_from([{}, {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}]),
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(WELL_FORMED | st.lists(WELL_FORMED, min_size=1, max_size=3))
def test_whatever_a_sound_document_allows_it_is_judged_where_it_stands(
    write_inventory: Callable[..., Path], statements: Any
) -> None:
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    policy = "permission_policies: {p: {file: p.json}}\n"
    compiled = compile_plan(
        load_inventory(write_inventory(ROLE.replace("[prod]", '["*"]'), a_yaml=policy, p_json=document))
    )
    assert compiled.plan is not None or compiled.findings
    for finding in compiled.findings:
        assert finding.rule != "bad-policy-document"
        assert finding.place.file.endswith("p.json") or finding.path.startswith("roles.deploy.inline_policies")


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, '{"Statement": ' + "[" * 900 + "]" * 900 + "}"])
def test_nesting_without_end_is_a_finding(text: str, write_inventory: Callable[..., Path]) -> None:
    folder = write_inventory(ROLE, a_yaml="permission_policies: {p: {file: p.json}}\n", p_json=text)
    assert findings(folder)


def test_patterns_made_to_be_slow_are_judged_in_time(write_inventory: Callable[..., Path]) -> None:
    slow = "*a" * 500 + "b"
    statement = {"Effect": "Allow", "Action": f"s3:{slow}", "Resource": f"arn:aws:s3:::{slow}"}
    document = {"Version": "2012-10-17", "Statement": [statement, {**statement, "Action": "s3:GetObject"}]}
    folder = write_inventory(ROLE, a_yaml="permission_policies: {p: {file: p.json}}\n", p_json=json.dumps(document))
    assert [finding.rule for finding in findings(folder)] == ["unknown-action"]
