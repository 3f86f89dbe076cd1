"""The verdict of explain on every role is the trust evaluator's, and the reason is right."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from access.evaluation.decide import decide
from access.evaluation.request import WebIdentityRequest
from access.explanation.explain import TokenCall, Verdict, answer, explain
from access.explanation.names import Names
from oidc.errors import EvaluationError
from tests.access.exactness.wide import wide
from tests.access.near_misses import (
    ACME,
    AT,
    AUDIENCE,
    ENV,
    REPO,
    STEP,
    cases_of_any_policies,
    cases_of_rendered_policies,
)

LOADED, PLAN = wide()
NAMES = Names.of(LOADED.inventory)
CLAIMS = {"iss": f"https://{ACME}", "aud": AUDIENCE, "sub": f"{REPO}:{ENV}:{STEP}"}
SITE = "{7d1e2f3a-4b5c-4d6e-8f90-a1b2c3d4e504}"
STAGING = "{5f0c9f0c-51e4-4c58-9a86-0b2f7f9f6a02}"


def role(arn: str, **changes: Any) -> Verdict:
    call = TokenCall({**CLAIMS, **changes.pop("claims", {})}, changes.pop("at", AT), **changes)
    return next(verdict for verdict in explain(PLAN, call, NAMES) if verdict.arn.endswith(arn))


def reasons(arn: str, **changes: Any) -> list[str]:
    verdict = role(arn, **changes)
    assert not verdict.answer.allowed
    return [reason.text for reason in verdict.answer.reasons]


EVERYWHERE = "111111111111:role/bitbucket/everywhere"
OFFICE = "333333333333:role/bitbucket/from-the-office"
WORKSPACE = "111111111111:role/bitbucket/whole-workspace"


def evaluated(policy: Any, request: WebIdentityRequest) -> bool | None:
    try:
        return decide(policy, request).allowed
    except EvaluationError:
        return None


@pytest.mark.parametrize("cases", [cases_of_rendered_policies(7, 1500), cases_of_any_policies(7, 1500)])
def test_the_verdict_is_the_evaluators_and_has_a_reason(cases: Any) -> None:
    allowed = 0
    for case in cases:
        answered = answer(case.policy, case.request, NAMES)
        decided = evaluated(case.policy, case.request)
        allowed += answered.allowed
        assert answered.allowed is bool(decided), case
        assert answered.reasons, case
        assert all(reason.text and reason.text.isprintable() for reason in answered.reasons), case
        assert answered.allowed or answered.distance > 0, case
    assert allowed > 100


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
PIECES = st.sampled_from([
    f"https://{ACME}", ACME, f"https://{ACME}/", AUDIENCE, REPO, ENV, STEP, ":", "*", "repo:", REPO[1:-1], REPO.upper(),
    "{0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11}", " ", "\n", "$", "${aws:username}", "https://",
    "api.bitbucket.org", "{", "}",
])  # fmt: skip
TEXTS = st.lists(PIECES, max_size=6).map("".join)


@given(st.fixed_dictionaries({"iss": TEXTS | JSON, "aud": TEXTS | JSON, "sub": TEXTS | JSON}, optional={"azp": JSON}))
def test_any_claims_have_an_answer(claims: dict[str, Any]) -> None:
    for verdict in explain(PLAN, TokenCall(claims, AT), NAMES):
        assert verdict.answer.reasons
        assert all(reason.text.isprintable() for reason in verdict.answer.reasons)


@given(JSON, TEXTS, TEXTS)
def test_any_policy_has_an_answer(policy: Any, key: str, value: str) -> None:
    request = WebIdentityRequest(CLAIMS, "222222222222", AT)
    condition = {"StringLike": {key: value, f"{ACME}:sub": value}}
    own = {"Federated": f"arn:aws:iam::222222222222:oidc-provider/{value}"}
    for document in (
        policy,
        {"Statement": policy},
        {
            "Version": "2012-10-17",
            "Statement": {"Effect": "Allow", "Principal": own, "Action": "*", "Condition": condition},
        },
    ):
        assert answer(document, request, NAMES).reasons


def test_every_role_of_the_plan_is_answered_sorted_by_arn() -> None:
    arns = [verdict.arn for verdict in explain(PLAN, TokenCall(CLAIMS, AT), NAMES)]
    assert arns == sorted(role.arn for account in PLAN.accounts for role in account.roles)


@pytest.mark.parametrize(
    ("sub", "expected"),
    [
        (f"{REPO}:{STEP}", "the token has no deployment environment: the step lacks `deployment: production`"),
        (f"{REPO}:{STAGING}:{STEP}", "subject has another deployment environment: expected production, got staging"),
        (f"{SITE}:{STEP}", "subject has another repository: expected acme/shop, got acme/site"),
        (
            f"{REPO}:{ENV}",
            (
                "its step has the UUID of deployment environment production: the subject of a step that deploys has "
                "three parts, {repository}:{deployment environment}:{step}"
            ),
        ),
    ],
)
def test_a_subject_of_another_step_is_named_as_the_inventory_names_it(sub: str, expected: str) -> None:
    assert reasons(EVERYWHERE, claims={"sub": sub}) == [expected]


def test_a_role_for_steps_without_deployment_refuses_a_step_that_deploys() -> None:
    expected = ["the step deploys to production: the role takes only steps without `deployment:`"]
    assert reasons(OFFICE, source_ip="203.0.113.7") == expected


@pytest.mark.parametrize(
    ("sub", "mistake"),
    [
        (f"{REPO[1:-1]}:{ENV[1:-1]}:{STEP[1:-1]}", "a UUID lacks its braces"),
        (f"{REPO[:-1]}:{ENV}:{STEP}", "a UUID lacks its braces"),
        (CLAIMS["sub"].upper(), "it has capitals: Bitbucket's UUIDs are lower-case"),
        ("{0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11}:" + CLAIMS["sub"],
         "it begins with the workspace's UUID instead of the repository's"),
        (" " + CLAIMS["sub"], "it has white space around it"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_subject_is_the_only_reason(sub: str, mistake: str) -> None:
    assert reasons(EVERYWHERE, claims={"sub": sub}) == [f"subject: {mistake}"]


@pytest.mark.parametrize(
    ("sub", "what"),
    [
        ("repo:acme/shop:ref:refs/heads/main", "it has the form of GitHub Actions, not of Bitbucket"),
        ("project_path:acme/shop:ref_type:branch:ref:main", "it has the form of GitLab, not of Bitbucket"),
        (f"{REPO}:{STEP}:{ENV}:{STEP}", "it has 4 parts, but a step's subject has two or three"),
        (REPO, "it has one part, but a step's subject has two or three"),
        (f"{REPO}:production:{STEP}", "`production` is not a UUID in braces"),
        (f"{REPO}:*", "it has a wildcard, which only patterns have"),
    ],
)
def test_a_subject_that_bitbucket_cannot_issue_is_explained(sub: str, what: str) -> None:
    expected = "expected acme/shop, deployment environment production"
    assert reasons(EVERYWHERE, claims={"sub": sub}) == [f"subject is not from a Bitbucket step: {what}; {expected}"]


@pytest.mark.parametrize(
    ("aud", "mistake"),
    [
        ("sts.amazonaws.com", "it is the audience of GitHub Actions, not of Bitbucket"),
        (AUDIENCE.replace("/", "/{") + "}", "it has braces around the UUID"),
        ("ari:cloud:bitbucket::workspace/acme", "it has the workspace's slug instead of its UUID"),
        (AUDIENCE.upper(), "it has capitals"),
        (AUDIENCE.rpartition("/")[2], "it lacks ari:cloud:bitbucket::workspace/ before the UUID"),
        (f"https://{ACME}", "it is an issuer, not an audience"),
    ],
)
def test_a_mistake_in_the_audience_is_named(aud: str, mistake: str) -> None:
    assert reasons(EVERYWHERE, claims={"aud": aud}) == [
        f"audience: expected {AUDIENCE} (workspace acme), got {aud}: {mistake}"
    ]


@pytest.mark.parametrize(
    ("iss", "mistake"),
    [
        (f"https://{ACME}/", "it ends in a slash"),
        (ACME, "it does not begin with https://"),
        (f"http://{ACME}", "it does not begin with https://"),
        (f"https://{ACME.removesuffix('/oidc')}", "it lacks /oidc at its end (added in 2021)"),
        (f"https://{ACME.replace('acme', '{0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11}')}",
         "it has the workspace's UUID instead of its slug"),
        (f"https://{ACME.replace('acme', 'Acme')}", "it has capitals"),
        (f"https://{ACME}/.well-known/openid-configuration",
         "it is the URL of the discovery document: the issuer ends before /.well-known"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_issuer_is_the_only_reason(iss: str, mistake: str) -> None:
    assert reasons(EVERYWHERE, claims={"iss": iss}) == [f"issuer {iss}: {mistake}; expected https://{ACME}"]


@pytest.mark.parametrize(
    ("iss", "what"),
    [
        ("https://token.actions.githubusercontent.com", "it is the issuer of GitHub Actions, not of Bitbucket"),
        ("https://gitlab.com", "it is the issuer of GitLab, not of Bitbucket"),
        ("https://example.com", "it is not an issuer of Bitbucket"),
    ],
)
def test_an_issuer_of_another_vendor_is_named(iss: str, what: str) -> None:
    assert reasons(EVERYWHERE, claims={"iss": iss})[0].startswith(f"issuer {iss}: {what}; expected ")


def test_an_issuer_of_another_workspace_is_named_by_its_slug() -> None:
    claims = {"iss": f"https://{ACME.replace('acme', 'other')}"}
    assert reasons(WORKSPACE, claims=claims) == ["issuer of another workspace: expected acme, got other"]


def test_without_an_address_a_role_for_addresses_refuses() -> None:
    sub = {"sub": f"{REPO}:{STEP}"}
    assert reasons(OFFICE, claims=sub)[0].startswith("no address given: expected one of ")
    assert reasons(OFFICE, claims=sub, source_ip="192.0.2.1")[0].endswith(", got 192.0.2.1")
    through = reasons(OFFICE, claims=sub, source_ip="203.0.113.7", vpc_endpoint="vpce-0a1b2c3d")
    assert through[0].startswith("the call comes through the VPC endpoint vpce-0a1b2c3d: expected an address of ")
    assert role(OFFICE, claims=sub, source_ip="203.0.113.7").answer.allowed


def test_a_role_refuses_after_its_last_day_and_admits_before() -> None:
    gone, sub = "222222222222:role/bitbucket/gone", {"sub": f"{REPO}:{STAGING}:{STEP}"}
    assert reasons(gone, claims=sub) == ["expired: the last day was 2020-12-31 (UTC)"]
    assert role(gone, claims=sub, at=datetime(2020, 12, 31, 23, tzinfo=UTC)).answer.allowed


def test_several_audiences_are_refused_by_every_role() -> None:
    claims = {**CLAIMS, "aud": [AUDIENCE, "deploy.example"]}
    for verdict in explain(PLAN, TokenCall(claims, AT), NAMES):
        assert not verdict.answer.allowed
        assert not verdict.answer.undecided
        [reason] = verdict.answer.reasons
        assert reason.text == (
            "STS refuses the token before it reads the trust policy: InvalidIdentityToken: Token audience contains "
            "more than one audience while authorized party is not present; do not ask for further audiences in the step"
        )


def test_several_values_of_a_key_are_not_decided() -> None:
    text = PLAN.accounts[0].roles[0].trust_policy.text.replace(":sub", ":amr").replace("{", "{", 1)
    request = WebIdentityRequest({**CLAIMS, "amr": ["a", f"{REPO}:{ENV}:{STEP}"]}, PLAN.accounts[0].id, AT)
    answered = answer(json.loads(text), request, NAMES)
    assert answered.undecided
    assert answered.reasons[0].text.startswith("not decided: AWS does not document how StringLike compares the several")


TIMES = {"iat": int(AT.timestamp()), "exp": int(AT.timestamp()) + 3600}


def test_an_expired_token_is_refused_with_the_other_reasons() -> None:
    late = AT + timedelta(days=1)
    assert len(reasons(EVERYWHERE, claims=TIMES, at=late)) == 1
    assert "ExpiredTokenException: Token expired" in reasons(EVERYWHERE, claims=TIMES, at=late)[0]
    expired, other = reasons(EVERYWHERE, claims={**TIMES, "aud": "sts.amazonaws.com"}, at=late)
    assert "ExpiredTokenException" in expired
    assert other.startswith("audience: expected ")


@pytest.mark.parametrize("missing", ["iat", "exp"])
def test_claims_with_one_of_the_two_times_lack_the_other(missing: str) -> None:
    claims = {name: value for name, value in TIMES.items() if name != missing}
    [reason] = reasons(EVERYWHERE, claims=claims)
    assert f"InvalidIdentityToken: Missing a required claim: {missing}" in reason


def test_a_token_that_names_roles_opens_no_others() -> None:
    arn = role(EVERYWHERE).arn
    for verdict in explain(PLAN, TokenCall({**CLAIMS, "https://aws.amazon.com/roles": [arn]}, AT), NAMES):
        assert verdict.answer.allowed is (verdict.arn == arn)


def test_a_policy_with_an_issuer_that_no_token_has_says_so() -> None:
    policy = PLAN.accounts[0].roles[0].trust_policy.text.replace(ACME, f"{ACME}/")

    account = PLAN.accounts[0]
    request = replace(WebIdentityRequest(CLAIMS, account.id, AT), partition=account.partition.value)
    assert [reason.text for reason in answer(json.loads(policy), request, NAMES).reasons] == [
        f"the trust policy has the issuer https://{ACME}/: it ends in a slash"
    ]
