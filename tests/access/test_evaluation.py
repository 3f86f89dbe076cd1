"""The trust evaluator follows AWS's documentation, vector by vector."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from access.evaluation.decide import decide
from access.evaluation.request import WebIdentityRequest
from oidc.errors import EvaluationError

FOLDER = Path(__file__).parent / "evaluation_vectors"
ACME = "api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc"
REPO, ENV = "{9a6d6bde-2ae3-4d4c-8a43-1f6a5d9a3c01}", "{c2b1a5de-6b7e-4d4b-b1a0-6a9d8c7b5e03}"
WORDS = {
    "<acme>": ACME,
    "<ACME>": ACME.upper(),
    "<other>": ACME.replace("acme", "other"),
    "<aud>": "ari:cloud:bitbucket::workspace/0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11",
    "<repo>": REPO,
    "<REPO>": REPO.upper(),
    "<env>": ENV,
    "<step>": "{11111111-2222-4333-8444-555555555555}",
    "<role>": "arn:aws:iam::222222222222:role/bitbucket/shop",
    "<any>": "{????????-????-????-????-????????????}",
}
USUAL_CLAIMS = {"iss": "https://<acme>", "aud": "<aud>", "sub": "<repo>:<env>:<step>"}
USUAL_CALL = {"account": "222222222222", "at": "2027-01-31T23:59:59Z", "source_ip": "203.0.113.7"}
USUAL_STATEMENT = {
    "Effect": "Allow",
    "Principal": {"Federated": "arn:aws:iam::222222222222:oidc-provider/<acme>"},
    "Action": "sts:AssumeRoleWithWebIdentity",
    "Condition": {"StringEquals": {"<acme>:aud": "<aud>"}, "StringLike": {"<acme>:sub": "<repo>:*"}},
}
OF_THE_CALL = {"at", "account", "partition", "source_ip", "vpc_endpoint", "session_name", "role_arn", "is_token"}


def vectors() -> Iterator[Any]:
    for file in sorted(FOLDER.glob("*.yaml")):
        topic = yaml.safe_load(file.read_text())
        for vector in topic["vectors"]:
            yield pytest.param(vector, topic["about"], id=f"{file.stem}: {vector['name']}")


def put_in(value: Any) -> Any:
    """Replace the words in angle brackets, in keys too."""
    if isinstance(value, dict):
        return {put_in(key): put_in(each) for key, each in value.items()}
    if isinstance(value, list):
        return [put_in(each) for each in value]
    for word, text in WORDS.items():
        value = value.replace(word, text) if isinstance(value, str) else value
    return value


def changed(usual: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in (usual | changes).items() if value is not None}


def policy_of(vector: dict[str, Any]) -> dict[str, Any]:
    if "policy" in vector:
        return dict(vector["policy"])
    own = vector.get("statement", {}) | ({"Condition": vector["condition"]} if "condition" in vector else {})
    statements = [changed(USUAL_STATEMENT, changes) for changes in (own, *vector.get("more", []))]
    return changed({"Version": "2012-10-17"}, {"Version": vector.get("version", "2012-10-17"), "Statement": statements})


def request_of(vector: dict[str, Any]) -> WebIdentityRequest:
    said = vector.get("request", {})
    claims = changed(USUAL_CLAIMS, {name: value for name, value in said.items() if name not in OF_THE_CALL})
    call = USUAL_CALL | {name: value for name, value in said.items() if name in OF_THE_CALL}
    claims |= vector.get("claims", {})
    return WebIdentityRequest(put_in(claims), **put_in({**call, "at": datetime.fromisoformat(call["at"])}))


@pytest.mark.parametrize(("vector", "about"), list(vectors()))
def test_a_vector_is_decided_as_aws_documents_it(vector: dict[str, Any], about: str) -> None:
    policy, request = put_in(policy_of(vector)), request_of(vector)
    assert vector.get("source", about).startswith(("https://docs.aws.amazon.com/", "seen: real AWS, "))
    if vector["decision"] == "error":
        with pytest.raises(EvaluationError):
            decide(policy, request)
        return
    decision = decide(policy, request)
    outcome = "allowed" if decision.allowed else "denied" if decision.denied else "refused"
    assert outcome == vector["decision"]
    assert (decision.refusal is not None) is ("refusal" in vector)
    if decision.refusal is not None:
        assert vector["refusal"] in decision.refusal.message
    failed = [check for statement in decision.statements for check in statement.failed]
    names = [check.key.replace(ACME, "").split(":", 1)[-1] if ".org" in check.key else check.key for check in failed]
    assert [name or check.element for name, check in zip(names, failed, strict=True)] == vector.get("failed", [])


def test_vectors_cover_all_kinds() -> None:
    decisions = [parameter.values[0]["decision"] for parameter in vectors()]
    assert len(decisions) >= 200
    assert set(decisions) == {"allowed", "refused", "denied", "error"}
    assert min(map(decisions.count, ("allowed", "refused", "error"))) > 30


def test_a_refusal_names_the_failed_part_with_expected_and_actual_values() -> None:
    vector = {"condition": {"StringLike": {"<acme>:sub": ["<env>:*"]}, "IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}
    [statement] = decide(put_in(policy_of(vector)), request_of(vector)).statements
    subject, address = statement.failed
    assert (statement.index, statement.effect, statement.applies) == (0, "Allow", False)
    assert (subject.element, subject.operator, subject.key) == ("Condition", "StringLike", f"{ACME}:sub")
    assert (subject.expected, subject.actual) == ((f"{ENV}:*",), (put_in("<repo>:<env>:<step>"),))
    assert (address.key, address.expected, address.actual) == ("aws:SourceIp", ("10.0.0.0/8",), ("203.0.113.7",))


def test_a_missing_key_has_no_actual_values() -> None:
    vector = {"condition": {"StringEquals": {"<acme>:branchName": "main"}}}
    [statement] = decide(put_in(policy_of(vector)), request_of(vector)).statements
    assert statement.failed[0].actual == ()


def test_a_time_without_a_time_zone_is_refused() -> None:
    request = WebIdentityRequest(put_in(USUAL_CLAIMS), "222222222222", datetime(2027, 1, 1))  # noqa: DTZ001 - the point
    with pytest.raises(EvaluationError, match="time zone"):
        decide(put_in(policy_of({})), request)


OTHER_ISSUERS = {
    "token.actions.githubusercontent.com": "repository", "token.actions.githubusercontent.com/acme": "ref",
    "gitlab.com": "project_id", "agent.buildkite.com": "pipeline_slug", "token.actions.acme.ghe.com": "environment",
    "oidc.circleci.com/org/0b3ff4a1": "oidc.circleci.com/project-id",
}  # fmt: skip


def decided(issuer: str, key: str, claims: dict[str, Any]) -> bool:
    at = datetime.fromisoformat("2027-01-31T00:00Z")
    request = WebIdentityRequest({"iss": f"https://{issuer}", "aud": "a", "sub": "s", **claims}, "222222222222", at)
    own = {"Federated": f"arn:aws:iam::222222222222:oidc-provider/{issuer}"}
    statement = {**USUAL_STATEMENT, "Principal": own, "Condition": {"StringEquals": {f"{issuer}:{key}": "shop"}}}
    return decide({"Version": "2012-10-17", "Statement": statement}, request).allowed


@pytest.mark.parametrize(("issuer", "claim"), OTHER_ISSUERS.items())
def test_a_claim_that_aws_lists_for_another_issuer_is_compared(issuer: str, claim: str) -> None:
    assert decided(issuer, claim, {claim: "shop"})
    assert not decided(issuer, claim, {claim: "site"})
    assert not decided(issuer, claim, {})


@pytest.mark.parametrize(
    ("issuer", "claim"),
    [
        ("token.actions.githubusercontent.com", "runner_environment"),
        ("gitlab.example.org", "project_id"),
        ("accounts.google.com", "google/organization_number"),
    ],
)
def test_a_claim_that_aws_lists_for_no_such_issuer_is_not_guessed(issuer: str, claim: str) -> None:
    with pytest.raises(EvaluationError, match="not known whether STS compares"):
        decided(issuer, claim, {claim: "shop"})


def test_a_bitbucket_token_has_no_keys_of_other_issuers() -> None:
    for issuer, claim in OTHER_ISSUERS.items():
        vector = {"condition": {"StringLike": {f"{issuer}:{claim}": "*"}}, "request": {claim: "shop"}}
        [statement] = decide(put_in(policy_of(vector)), request_of(vector)).statements
        assert statement.failed[0].actual == ()
