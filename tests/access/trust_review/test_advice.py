"""Advice is tried: what a finding suggests has no finding itself, and lets in no more than its author meant."""

import re
from itertools import product

import pytest

from access.explanation.mistakes import issuer_mistakes, subject_mistakes
from access.explanation.names import Names
from access.trust_review.fault import TrustFault
from access.trust_review.review import review
from oidc.audience import audience_mistakes
from oidc.iam.pattern import covers
from tests.access.near_misses import ACCOUNT, ACME, ANY_UUID, AUDIENCE, ENV, OWN_ARN, REPO, STEP
from tests.access.trust_review.any_condition import AUDIENCE_VALUES, SUBJECT_VALUES, WORKSPACE

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def faults_of(sub: str, operator: str = "StringLike", aud: str = AUDIENCE, arn: str = OWN_ARN) -> list[TrustFault]:
    condition: dict[str, dict[str, str]] = {"StringEquals": {f"{ACME}:aud": aud}}
    condition.setdefault(operator, {})[f"{ACME}:sub"] = sub
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": arn},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": condition,
    }
    return list(review({"Version": "2012-10-17", "Statement": [statement]}, ACCOUNT, Names()).faults)


def uuids(text: str) -> list[str]:
    return [uuid for uuid in _UUID.findall(text.lower()) if uuid != WORKSPACE[1:-1]]


def _spellings() -> list[str]:
    """Return subjects with every combination of the mistakes that people make: braces, capitals, white space, parts."""
    parts = [REPO, REPO[1:-1], REPO[:-1], REPO[1:], REPO.upper(), REPO[1:-1].upper()]
    ends = [":*", "*", "", f":{ENV}:*", f":{ENV}", f":{ENV}*", f":{ENV}:{STEP}", f":{ENV[1:-1]}:*", f":*{ENV[1:-1]}*"]
    starts = ["", f"{WORKSPACE}:", f"{WORKSPACE[1:-1]}:", " ", "*"]
    return [*SUBJECT_VALUES, *("".join(each) for each in product(starts, parts, ends))]


@pytest.mark.parametrize("operator", ["StringLike", "StringEquals"])
def test_a_suggested_subject_has_no_finding_and_keeps_every_uuid(operator: str) -> None:
    suggesting = 0
    for value in _spellings():
        for fault in faults_of(value, operator):
            for suggested in fault.suggested:
                suggesting += 1
                assert suggested in fault.hint or fault.hint == "move it to StringLike", fault
                assert faults_of(suggested) == [], (fault, suggested)
                if len(fault.suggested) > 1 and suggested.endswith(ANY_UUID):
                    assert f"{REPO}:* is wider" in fault.hint
                    continue
                kept = [uuid for uuid in uuids(value) if uuid in uuids(suggested)]
                lost = [uuid for uuid in uuids(value) if uuid not in uuids(suggested)]
                # The one UUID that may go is that of a step, behind those of repository and environment.
                assert lost in ([], [STEP[1:-1]]), (fault, suggested)
                assert not lost or kept == [REPO[1:-1], ENV[1:-1]], (fault, suggested)
                if not fault.matches_nothing and fault.rule == "open-end":
                    assert covers(value.lower() if value == value.upper() else value, suggested), (fault, suggested)
    assert suggesting > 50


def test_an_environment_without_a_step_has_two_suggestions() -> None:
    for value in (f"{REPO}:{ENV}", f"{REPO.upper()}:{ENV.upper()}", f"{REPO[1:-1]}:{ENV[1:-1]}"):
        (fault,) = faults_of(value)
        assert fault.suggested == (f"{REPO}:{ENV}:*", f"{REPO}:{ANY_UUID}")
        assert f"{REPO}:* is wider" in fault.hint


def test_the_step_of_an_environment_is_replaced_by_a_star() -> None:
    (fault,) = faults_of(f"{REPO}:{ENV}:{STEP}")
    assert (fault.rule, fault.suggested) == ("one-run", (f"{REPO}:{ENV}:*",))


@pytest.mark.parametrize("value", ["*", "*:*", f"{ANY_UUID}:*", f"*:{ENV}:*", f"{WORKSPACE}:*"])
@pytest.mark.parametrize("operator", ["StringLike", "StringEquals"])
def test_a_pattern_for_every_repository_is_never_suggested(value: str, operator: str) -> None:
    (fault,) = faults_of(value, operator)
    assert fault.suggested == ()
    assert "move it" not in fault.hint


def test_a_suggested_audience_is_the_workspaces_own() -> None:
    suggesting = 0
    spellings = [f"ari:cloud:bitbucket::workspace/{WORKSPACE}", WORKSPACE, WORKSPACE[1:-1], WORKSPACE.upper()]
    for value in [*AUDIENCE_VALUES, *spellings, *(f" {each}" for each in spellings), AUDIENCE.upper()]:
        for fault in faults_of(f"{REPO}:*", aud=value):
            for suggested in fault.suggested:
                suggesting += 1
                assert faults_of(f"{REPO}:*", aud=suggested) == [], (value, suggested)
                assert uuids(suggested) == uuids(value)
    assert suggesting > 8
    assert [fault.suggested for fault in faults_of(f"{REPO}:*", aud=REPO[1:-1])] == [()]


def test_a_suggested_oidc_provider_is_that_of_the_same_workspace() -> None:
    suggesting = 0
    wrong = [
        f"{ACME}/", f"https://{ACME}", ACME.replace("acme", "ACME"), ACME.removesuffix("/oidc"), "api.bitbucket.org",
        f"{ACME}/.well-known/openid-configuration", ACME.replace("acme", WORKSPACE), f"https://{ACME}/", f"http://{ACME}",
        "api.bitbucket.orgacme/pipelines-config/identity/oidc", ACME.replace("acme", WORKSPACE[1:-1]),
    ]  # fmt: skip
    for issuer in wrong:
        (fault,) = faults_of(f"{REPO}:*", arn=OWN_ARN.replace(ACME, issuer))
        assert fault.suggested == (OWN_ARN,), fault
        suggesting += 1
    assert suggesting == len(wrong)


PLACEHOLDERS = ["ACCOUNT_ID", "<account>", "XXXXXXXXXXXX", "${AWS::AccountId}", "${var.account_id}", "YOUR_ACCOUNT"]


@pytest.mark.parametrize("placeholder", PLACEHOLDERS)
def test_a_placeholder_in_the_account_hides_no_other_fault(placeholder: str) -> None:
    arn = OWN_ARN.replace(ACCOUNT, placeholder)
    (fault,) = faults_of(f"{REPO}:*", arn=arn)
    assert fault.rule == "wrong-issuer"
    assert placeholder in fault.message
    others = faults_of(REPO[1:-1], aud="acme-id", arn=arn.replace("acme", "ACME"))
    assert [each.rule for each in others] == ["wrong-issuer", "wrong-issuer", "wrong-subject"]
    assert all(placeholder not in suggested for each in others for suggested in each.suggested)


@pytest.mark.parametrize(
    "placeholder", ["WORKSPACE", "YOUR_WORKSPACE", "<Workspace>", "${Workspace}", "{WORKSPACE_ID}"]
)
def test_a_placeholder_is_never_written_in_lower_case(placeholder: str) -> None:
    issuer = ACME.replace("acme", placeholder)
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": OWN_ARN.replace(ACME, issuer)},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringLike": {f"{issuer}:sub": f"{REPO}:*"}},
    }
    faults = review({"Version": "2012-10-17", "Statement": [statement]}, ACCOUNT, Names()).faults
    assert [fault.rule for fault in faults] == ["wrong-issuer", "no-audience"]
    for fault in faults:
        assert issuer.lower() not in f"{fault.message} {fault.hint} {fault.suggested}"


def test_a_mistake_has_a_suggestion_without_a_mistake() -> None:
    names = Names(workspaces={WORKSPACE: "acme"})
    for value in _spellings():
        mistakes = subject_mistakes(value, names)
        assert mistakes.suggested is None or subject_mistakes(mistakes.suggested, names).phrases == (), value
        assert (mistakes.suggested is None) is (not mistakes.phrases or mistakes.foreign), value
    for value in [*AUDIENCE_VALUES, "ari:cloud:bitbucket::workspace/acme"]:
        suggested = audience_mistakes(value, names.workspaces).suggested
        assert suggested is None or audience_mistakes(suggested, names.workspaces).phrases == (), value
    for issuer in (f"https://{ACME}/", f"http://{ACME}", ACME.upper(), f"https://{ACME.replace('acme', WORKSPACE)}"):
        suggested = issuer_mistakes(issuer, names).suggested
        assert suggested == f"https://{ACME}"
    assert audience_mistakes("ari:cloud:bitbucket::workspace/acme", names.workspaces).suggested == AUDIENCE
    assert issuer_mistakes(f"https://{ACME.replace('acme', WORKSPACE)}", Names()).suggested is None
