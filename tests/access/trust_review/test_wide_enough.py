"""What a review says of a policy is never narrower than what the evaluator lets in, and never contradicts itself."""

import random
from collections import Counter
from collections.abc import Iterable
from copy import deepcopy
from typing import Any

import pytest

from access.evaluation.decide import decide, form_problem
from access.evaluation.decision import Decision
from access.evaluation.request import WebIdentityRequest
from access.explanation.names import Names
from access.explanation.subjects import EVERY_STEP, subject_parts
from access.trust_review.review import Review, review
from oidc.bitbucket import Grade, widest
from oidc.errors import EvaluationError
from tests.access.near_misses import ACCOUNT, ACME, AUDIENCE, ENV, REPO, STEP
from tests.access.trust_review.any_condition import (
    PLACEHOLDERS,
    SUBJECT_VALUES,
    VARIABLES,
    any_policies,
    malformed_policies,
    statement_with,
    tokens_for,
)

_WIDTH = list(Grade)


def decided(policy: dict[str, Any], request: WebIdentityRequest) -> Decision | None:
    try:
        return decide(policy, request)
    except EvaluationError:
        return None


def needed_grade(policy: dict[str, Any], request: WebIdentityRequest) -> Grade:
    """Return the narrowest grade that is true of a policy that lets in this token, by the UUIDs in the policy."""
    parts = subject_parts(request.claims["sub"])
    assert parts is not None
    written = str(policy).lower()
    if parts[0][1:-1] not in written:
        return Grade.WORKSPACE_WIDE
    return Grade.ENVIRONMENT_BOUND if len(parts) == 3 and parts[1][1:-1] in written else Grade.REPOSITORY_WIDE


def grade_for(result: Review, request: WebIdentityRequest) -> Grade | None:
    workspace = request.claims["iss"].split("/")[5]
    grades = [
        admitted.grade for admitted in result.admitted if admitted.issuer in (f"workspace {workspace}", "any issuer")
    ]
    known = [grade for grade in grades if grade is not None]
    return widest(known) if known else None


def check(policies: Iterable[dict[str, Any]], seed: int) -> Counter[str]:
    """Hold reviews against decisions; count the policies that let in anybody, or a stranger, or are not decided."""
    rng = random.Random(seed)
    counted: Counter[str] = Counter()
    for policy in policies:
        result = review(policy, ACCOUNT, Names())
        grades = [admitted.grade for admitted in result.admitted if admitted.grade is not None]
        decisions = [(request, decided(policy, request)) for request in tokens_for(rng, policy, 12)]
        if any(decision is None for _, decision in decisions):
            counted["undecided"] += 1
            assert grades, policy
        if any(form_problem(policy, index, each) for index, each in enumerate(policy["Statement"])):
            counted["malformed"] += 1
            assert widest(grades) is Grade.WORKSPACE_WIDE, policy
            assert any(fault.level == "error" for fault in result.faults), policy
        let_in = [request for request, decision in decisions if decision is not None and decision.allowed]
        for request in let_in:
            grade, needed = grade_for(result, request), needed_grade(policy, request)
            assert grade is not None, (policy, request)
            assert widest([grade, needed]) is grade, (policy, request)
        counted["admitting"] += bool(let_in)
        counted["strange"] += any(needed_grade(policy, request) is Grade.WORKSPACE_WIDE for request in let_in)
    return counted


def test_a_policy_that_lets_in_a_stranger_is_graded_so() -> None:
    counted = check(any_policies(1, 800), seed=1)
    assert counted["admitting"] > 80
    assert counted["strange"] > 30


def test_a_policy_of_a_form_that_is_not_decided_is_graded_wide() -> None:
    counted = check(malformed_policies(6, 800), seed=6)
    assert counted["malformed"] > 400
    assert counted["undecided"] > 400


@pytest.mark.exhaustive
def test_none_of_very_many_policies_is_graded_too_narrow() -> None:
    counted = check(any_policies(2, 26_000), seed=2)
    assert counted["admitting"] > 3000
    assert counted["strange"] > 1000


@pytest.mark.exhaustive
def test_none_of_very_many_malformed_policies_is_graded_too_narrow() -> None:
    assert check(malformed_policies(7, 26_000), seed=7)["malformed"] > 15_000


def reviewed(claim: str, operator: str, value: Any, version: str = "2012-10-17") -> Review:
    return review({"Version": version, "Statement": [statement_with(claim, operator, value)]}, ACCOUNT, Names())


_OPERATORS = ["StringEquals", "StringLike", "StringNotLike", "ArnLike", "StringEqualsIgnoreCase", "Null"]


@pytest.mark.parametrize("operator", _OPERATORS)
@pytest.mark.parametrize("claim", ["aud", "sub"])
def test_a_policy_variable_in_subject_or_audience_is_an_error_and_wide(claim: str, operator: str) -> None:
    values = [
        value
        for variable in VARIABLES
        for value in (variable, f"{variable}*", f"{REPO}:{variable}", [f"{REPO}:{ENV}:*", variable])
    ]
    for value in values:
        result = reviewed(claim, operator, value)
        assert "policy-variable" in {fault.rule for fault in result.faults}
        assert [admitted.grade for admitted in result.admitted] == [Grade.WORKSPACE_WIDE]


@pytest.mark.parametrize("placeholder", PLACEHOLDERS)
@pytest.mark.parametrize("operator", ["StringEquals", "StringLike"])
def test_a_placeholder_that_was_not_filled_in_is_named_and_lets_in_nobody(placeholder: str, operator: str) -> None:
    for claim in ("aud", "sub"):
        result = reviewed(claim, operator, f"{placeholder}:*")
        (fault,) = result.faults
        assert (fault.level, fault.matches_nothing) == ("error", True)
        assert placeholder in fault.message
        assert [admitted.grade for admitted in result.admitted] == [None]


def test_bare_characters_are_no_variables() -> None:
    assert reviewed("aud", "StringEquals", "team-${$}").faults == ()
    (fault,) = reviewed("sub", "StringLike", f"{REPO}:${{*}}").faults
    assert (fault.rule, fault.matches_nothing) == ("wrong-subject", True)


def test_the_older_version_has_no_variables() -> None:
    result = reviewed("sub", "StringLike", f"${{{ACME}:sub}}", version="2008-10-17")
    assert [fault.rule for fault in result.faults] == ["wrong-subject"]
    assert [admitted.grade for admitted in result.admitted] == [None]


@pytest.mark.parametrize("operator", ["StringEquals", "StringLike", "StringEqualsIgnoreCase", "ForAnyValue:StringLike"])
@pytest.mark.parametrize("claim", ["aud", "sub"])
def test_an_empty_list_of_values_lets_in_nobody_if_one_must_match(claim: str, operator: str) -> None:
    result = reviewed(claim, operator, [])
    (fault,) = [fault for fault in result.faults if fault.rule == "bad-trust-policy"]
    assert "is empty: no value matches" in fault.message
    assert [admitted.steps for admitted in result.admitted] == [()]


@pytest.mark.parametrize("prefix", ["", "ForAllValues:", "ForAnyValue:"])
@pytest.mark.parametrize("suffix", ["", "IfExists"])
@pytest.mark.parametrize("base", ["StringLike", "StringNotLike", "StringNotEquals", "ArnLike"])
@pytest.mark.parametrize("claim", ["aud", "sub"])
def test_an_empty_list_of_values_is_wide_if_none_needs_to_match(
    claim: str, base: str, prefix: str, suffix: str
) -> None:
    result = reviewed(claim, prefix + base + suffix, [])
    grades = [admitted.grade for admitted in result.admitted]
    needs_a_match = "Not" not in base and prefix != "ForAllValues:" and not suffix
    assert grades == ([None] if needs_a_match else [Grade.WORKSPACE_WIDE])


@pytest.mark.parametrize("operator", ["StringEquals", "StringLike", "StringEqualsIgnoreCase"])
@pytest.mark.parametrize("aud", [[f"{REPO}:*"], [f"{REPO}:{ENV}:*", f"{REPO[1:-1]}:{STEP}"]])
def test_subjects_under_aud_are_told_as_such_and_let_in_nobody_by_default(aud: list[str], operator: str) -> None:
    statement = statement_with("aud", operator, aud)
    condition = {operator: {f"{ACME}:aud": aud}}
    for without_sub in (statement, {**statement, "Condition": condition}):
        result = review({"Version": "2012-10-17", "Statement": [without_sub]}, ACCOUNT, Names())
        assert {fault.rule for fault in result.faults} == {"wrong-audience"}
        assert all(fault.hint == f"move it to {ACME}:sub under StringLike" for fault in result.faults)
        (admitted,) = result.admitted
        assert admitted.steps[0].startswith("nobody by default: a step gets in only if it asks for an audience")
        assert not any("every repository" in line for line in (*admitted.steps, *admitted.limits))


def test_subjects_beside_a_right_audience_hide_no_missing_subject() -> None:
    statement = statement_with("aud", "StringLike", [AUDIENCE, f"{REPO}:*"])
    del statement["Condition"]["StringLike"][f"{ACME}:sub"]
    result = review({"Version": "2012-10-17", "Statement": [statement]}, ACCOUNT, Names())
    assert {fault.rule for fault in result.faults} == {"no-repository", "wrong-audience"}
    assert result.admitted[0].steps == (EVERY_STEP,)


@pytest.mark.parametrize("operator", ["StringEquals", "StringLike"])
@pytest.mark.parametrize("value", [AUDIENCE, AUDIENCE.upper(), f"ari:cloud:bitbucket::workspace/{REPO}"])
def test_an_audience_under_sub_is_told_as_such(value: str, operator: str) -> None:
    result = reviewed("sub", operator, value)
    (fault,) = result.faults
    assert (fault.rule, fault.hint) == ("wrong-subject", "move it to the key of aud, under StringEquals")
    assert "is an audience, not a subject" in fault.message
    assert [admitted.steps for admitted in result.admitted] == [()]


def passes(policy: dict[str, Any], request: WebIdentityRequest, key: str) -> bool:
    """Tell whether the tests of a key let a token through."""
    decision = decided(policy, request)
    checks = [] if decision is None else [check for check in decision.statements[0].checks if check.key == key]
    return bool(checks) and all(check.holds for check in checks)


def test_a_value_reported_as_matching_nothing_matches_nothing() -> None:
    rng = random.Random(3)
    tried: Counter[str] = Counter()
    for policy in any_policies(3, 1000):
        for fault in review(policy, ACCOUNT, Names()).faults:
            if not fault.matches_nothing:
                continue
            number, operator, key = fault.path[1], str(fault.path[3]), str(fault.path[4])
            statement = deepcopy(policy["Statement"][number])
            if not fault.of_key:
                written = statement["Condition"][operator][key]
                statement["Condition"] = {operator: {key: written[fault.path[5]] if len(fault.path) > 5 else written}}
            alone = {**policy, "Statement": [statement]}
            for request in tokens_for(rng, alone, 8):
                own = key.rpartition(":")[0].lower() == request.issuer_path
                if fault.rule == "two-issuers":
                    # It is said of the tokens of the issuer that the principal names.
                    assert own or not passes(alone, request, key), (fault, alone)
                elif fault.of_key:
                    decision = decided(alone, request)
                    assert decision is None or not decision.allowed, (fault, alone)
                elif own:
                    assert not passes(alone, request, key), (fault, alone)
                tried[fault.rule] += 1
    assert {"two-issuers", "wrong-subject", "wildcard-under-equals", "wrong-audience"} <= {*tried}
    assert tried.total() > 1000


def test_a_policy_without_a_grade_admits_nobody() -> None:
    rng = random.Random(4)
    nobody = 0
    for policy in any_policies(4, 600):
        result = review(policy, ACCOUNT, Names())
        if all(admitted.grade is None for admitted in result.admitted):
            nobody += 1
            for request in tokens_for(rng, policy, 12):
                decision = decided(policy, request)
                assert decision is None or not decision.allowed, policy
    assert nobody > 50


def test_values_that_exclude_each_other_admit_nobody() -> None:
    rng = random.Random(5)
    for _ in range(200):
        first, second = rng.choice(SUBJECT_VALUES), rng.choice(SUBJECT_VALUES)
        statement = statement_with("sub", "StringLike", first)
        statement["Condition"]["ForAnyValue:StringLike"] = {f"{ACME}:sub": second}
        result = review({"Version": "2012-10-17", "Statement": [statement]}, ACCOUNT, Names())
        alone = [reviewed("sub", "StringLike", value).admitted[0].grade for value in (first, second)]
        grade = result.admitted[0].grade
        assert grade is None or None not in alone
        excluded = any(fault.of_key and fault.matches_nothing for fault in result.faults)
        assert excluded is (grade is None and None not in alone)
