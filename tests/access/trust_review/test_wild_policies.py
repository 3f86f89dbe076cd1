"""Trust policies from the wild: the tokens that each admits, and each finding at its place."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from access.evaluation.decide import decide
from access.evaluation.request import WebIdentityRequest
from access.explanation.names import Names
from access.explanation.subjects import subject_parts
from access.trust_review.document import trust_document
from access.trust_review.review import review
from cli.main import run
from config.catalogue import TRUST_RULES
from config.findings import Place
from oidc.bitbucket import Grade
from oidc.errors import EvaluationError
from tests.access.near_misses import (
    ACCOUNT,
    cases_of_any_policies,
    wide_roles,
)

WILD = Path(__file__).parent / "wild"
POLICIES = sorted(WILD.glob("*.json"))


def reported(file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> str:
    """Return what explain prints of a policy: findings, then what is let in."""
    monkeypatch.chdir(WILD)
    capsys.readouterr()
    run(["explain", "--trust-policy", file.name, "--account", ACCOUNT])
    shown = capsys.readouterr()
    return f"{shown.err}\n{shown.out}"


@pytest.mark.parametrize("file", POLICIES, ids=lambda file: file.stem)
def test_a_wild_policy_is_reported_as_expected(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert reported(file, capsys, monkeypatch) == file.with_suffix(".txt").read_text()


def test_every_rule_has_a_wild_policy() -> None:
    expected = "".join(file.with_suffix(".txt").read_text() for file in POLICIES)
    # test_forms.py has the templates.
    assert [rule for rule in TRUST_RULES if f"[{rule}]" not in expected] == ["template-value"]


def test_every_policy_of_this_program_has_its_grade_and_no_finding() -> None:
    for account, role in wide_roles():
        reviewed = review(role.trust_policy.to_json(), account.id, Names())
        assert [fault for fault in reviewed.faults if fault.rule != "no-repository"] == []
        assert bool(reviewed.faults) is (role.grade is Grade.WORKSPACE_WIDE)
        assert role.grade in [admitted.grade for admitted in reviewed.admitted]


def lets_in(policy: dict[str, Any], request: WebIdentityRequest) -> bool:
    try:
        return decide(policy, request).allowed
    except EvaluationError:
        return False


def is_of_bitbucket(request: WebIdentityRequest) -> bool:
    return "amr" not in request.claims and subject_parts(request.claims["sub"]) is not None


def test_a_policy_reported_as_nobody_admits_nobody() -> None:
    judged = 0
    for case in cases_of_any_policies(3, 4000):
        admitted = review(case.policy, case.request.account, Names()).admitted
        whole = {each.statement for each in admitted} == set(range(len(case.policy["Statement"])))
        if whole and is_of_bitbucket(case.request) and not any(each.steps for each in admitted):
            judged += 1
            assert not lets_in(case.policy, case.request), case
    assert judged > 100


def test_a_policy_of_a_sound_grade_has_no_finding_and_one_without_subject_has() -> None:
    account, role = wide_roles()[0]
    policy = role.trust_policy.to_json()
    assert review(policy, account.id, Names()).faults == ()
    for statement in policy["Statement"]:
        del statement["Condition"]["StringLike"]
    assert {fault.rule for fault in review(policy, account.id, Names()).faults} == {"no-repository"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "Statement",
                    "Effect",
                    "Principal",
                    "Federated",
                    "AWS",
                    "Action",
                    "Condition",
                    "StringLike",
                    "Null",
                    "a:sub",
                ]
            )
            | st.text(max_size=8),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
ARN = "arn:aws:iam::222222222222:oidc-provider/api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc"


@given(JSON, JSON, JSON)
def test_any_json_can_be_reviewed(policy: Any, condition: Any, statement: Any) -> None:
    usual = {"Effect": "Allow", "Principal": {"Federated": ARN}, "Action": "*", "Condition": condition}
    if isinstance(statement, dict):
        usual |= statement
    for document in (policy, {"Statement": policy}, {"Statement": [usual]}):
        read = trust_document(json.dumps(document))
        for fault in (*read.faults, *(review(read.data, None, Names()).faults if read.data is not None else ())):
            line, column = read.place(fault.path, of_key=fault.of_key)
            assert line >= 1
            assert column >= 1
            assert str(fault.at(Place(0, 1, 1, "x"))).isprintable()


@given(st.text(max_size=60))
def test_any_text_can_be_read(text: str) -> None:
    read = trust_document(text)
    assert (read.data is None) is bool(read.faults)
