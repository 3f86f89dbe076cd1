"""Roles that let in any audience of an OIDC provider are told from those that pin it; what cannot be judged counts."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from access.trust_review.audience_check import may_skip_audience

ISSUER = "api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc"
ARN = f"arn:aws:iam::222222222222:oidc-provider/{ISSUER}"
WILD = Path(__file__).parent / "wild"


def policy(condition: Any = None, **changes: Any) -> dict[str, Any]:
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": {"Federated": ARN},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": condition if condition is not None else {"StringEquals": {f"{ISSUER}:aud": "a"}},
    }
    return {"Version": "2012-10-17", "Statement": [statement | changes]}


@pytest.mark.parametrize(
    "condition",
    [
        {"StringEquals": {f"{ISSUER}:aud": "a"}},
        {"StringEquals": {f"{ISSUER.upper()}:AUD": ["a", "b"]}},
        {"StringEquals": {f"{ISSUER}:aud": "*"}},
        {"StringLike": {f"{ISSUER}:aud": "ari:cloud:bitbucket::workspace/0"}},
        {"ForAnyValue:StringEquals": {f"{ISSUER}:aud": "a"}},
        {"StringEqualsIgnoreCase": {f"{ISSUER}:aud": "a"}, "StringLike": {f"{ISSUER}:sub": "*"}},
        {"StringMatches": {"x": "y"}, "StringEquals": {f"{ISSUER}:aud": "a"}},
    ],
)
def test_an_audience_that_is_compared_with_literal_values_is_pinned(condition: dict[str, Any]) -> None:
    assert not may_skip_audience(policy(condition), ARN)


@pytest.mark.parametrize(
    "condition",
    [
        {},
        [],
        "no condition",
        {"StringLike": {f"{ISSUER}:sub": "{9a6d6bde-2ae3-4d4c-8a43-1f6a5d9a3c01}:*"}},
        {"StringLike": {f"{ISSUER}:aud": "*"}},
        {"StringLike": {f"{ISSUER}:aud": ["a", "ari:*"]}},
        {"StringLike": {f"{ISSUER}:aud": "ari?"}},
        {"StringEquals": {f"{ISSUER}:aud": "${aws:PrincipalTag/x}"}},
        {"StringEquals": {f"{ISSUER}:aud": []}},
        {"StringEqualsIfExists": {f"{ISSUER}:aud": "a"}},
        {"ForAllValues:StringEquals": {f"{ISSUER}:aud": "a"}},
        {"StringNotEquals": {f"{ISSUER}:aud": "a"}},
        {"Null": {f"{ISSUER}:aud": "false"}},
        {"StringEquals": {"token.actions.githubusercontent.com:aud": "a"}},
        {"StringEquals": {f"https://{ISSUER}:aud": "a"}},
        {"Stringequals": {f"{ISSUER}:aud": "a"}},
    ],
)
def test_a_condition_that_does_not_pin_the_audience_counts(condition: Any) -> None:
    assert may_skip_audience(policy(condition), ARN)


@pytest.mark.parametrize(
    "document",
    [None, "", "{", 7, [], {}, {"Statement": None}, {"Statement": "x"}, {"Statement": [7]}],
    ids=str,
)
def test_a_document_that_is_not_a_policy_counts(document: object) -> None:
    assert may_skip_audience(document, ARN)


@pytest.mark.parametrize(
    ("changes", "counts"),
    [
        ({"Principal": "*"}, True),
        ({"Principal": {"AWS": "*"}}, True),
        ({"Principal": {"Federated": ["arn:aws:iam::222222222222:saml-provider/x", ARN]}}, True),
        ({"Principal": {"Federated": ARN.replace("acme", "ACME")}}, True),
        ({"Principal": {"Federated": "*"}}, True),
        ({"NotPrincipal": {"AWS": "x"}, "Principal": {"AWS": "x"}}, True),
        ({"Action": "sts:*"}, True),
        ({"Action": ["sts:TagSession", "STS:assumerolewithWEBidentity"]}, True),
        ({"NotAction": "sts:AssumeRole"}, True),
        ({"Principal": {"Federated": ARN.replace("acme", "other")}}, False),
        ({"Principal": {"AWS": "arn:aws:iam::222222222222:root"}}, False),
        ({"Action": "sts:AssumeRole"}, False),
        ({"Effect": "Deny"}, False),
    ],
)
def test_only_a_statement_that_admits_its_tokens_counts(changes: dict[str, Any], *, counts: bool) -> None:
    document = policy({}, **changes)
    if "NotAction" in changes:
        del document["Statement"][0]["Action"]
    assert may_skip_audience(document, ARN) is counts


def test_one_statement_that_does_not_pin_it_is_enough() -> None:
    both = policy()["Statement"] + policy({})["Statement"]
    assert may_skip_audience({"Version": "2012-10-17", "Statement": both}, ARN)
    assert not may_skip_audience({"Version": "2012-10-17", "Statement": policy()["Statement"][0]}, ARN)


def test_every_wild_policy_without_an_audience_counts() -> None:
    texts = {path.name: path.read_text() for path in sorted(WILD.glob("*.json"))}
    silent = {
        name: text
        for name, text in texts.items()
        if f'"{ARN}"' in text and "sts:AssumeRoleWithWebIdentity" in text and f"{ISSUER}:aud" not in text
    }
    assert len(silent) > 1
    for name, text in silent.items():
        assert may_skip_audience(json.loads(text), ARN), name


NAMES = st.sampled_from(
    ["Statement", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Condition", "Federated", "AWS", "Null",
     "StringEquals", "StringLike", f"{ISSUER}:aud", "x"]
)  # fmt: skip
TEXTS = st.sampled_from(["*", "Allow", "Deny", ARN, "sts:AssumeRoleWithWebIdentity", "a"])
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(NAMES, inside, max_size=4),
    max_leaves=20,
)


@given(ANYTHING, ANYTHING)
def test_any_policy_is_decided(principal: Any, condition: Any) -> None:
    pinned = {"StringEquals": {f"{ISSUER}:aud": "a"}}
    assert may_skip_audience(policy(condition, Principal=principal), ARN) in (True, False)
    assert may_skip_audience(principal, ARN) in (True, False)
    # A test that pins the audience decides, whatever stands beside it: all tests of a condition must hold.
    beside = {**condition, **pinned} if isinstance(condition, dict) else pinned
    assert not may_skip_audience(policy(beside, Principal=principal), ARN)
