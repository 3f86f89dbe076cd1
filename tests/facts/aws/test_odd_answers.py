"""For any answer of AWS: the facts, or one clear line, in bounded time."""

import json
import time
from collections.abc import Callable, Iterator
from urllib.parse import quote

import pytest

from facts.aws.account_facts import AccountFacts, ask_account
from facts.aws.callers import CallSettings
from facts.aws.survey import Answered, Failed, ask_each
from oidc.bitbucket import issuer_url
from tests.facts.aws.answering_aws import AnsweringAws, Reply, listed_role, refused, result, usual
from tests.facts.aws.conftest import ACME, account_plan

ACCOUNT = "222222222222"
ARN = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{issuer_url(ACME).removeprefix('https://')}"
PRESENT = result("GetOpenIDConnectProvider", f"<Url>{issuer_url(ACME)}</Url><ClientIDList/><ThumbprintList/>")


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[AnsweringAws]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-of-somebody")
    answering = AnsweringAws()
    answering.replies = usual(ACCOUNT)
    yield answering
    answering.close()


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    seconds: list[float] = []
    monkeypatch.setattr("botocore.endpoint.time.sleep", seconds.append)
    return seconds


def ask(aws: AnsweringAws, *, attempts: int = 6) -> Answered[AccountFacts] | Failed:
    (outcome,) = ask_each([account_plan(ACCOUNT)], CallSettings(aws.endpoint, attempts), ask_account)
    return outcome


def failure(aws: AnsweringAws) -> str:
    outcome = ask(aws, attempts=1)
    assert isinstance(outcome, Failed), outcome
    text = str(outcome.error)
    assert text.isprintable()
    assert "secret-of-somebody" not in text
    return text


def test_throttling_passes_with_patience(aws: AnsweringAws, slept: list[float]) -> None:
    listed = aws.replies["ListRoles"]
    assert isinstance(listed, tuple)
    aws.replies["ListRoles"] = lambda before: refused("Throttling") if before < 4 else listed
    assert isinstance(ask(aws), Answered)
    assert len([pause for pause in slept if pause]) == 4


def test_throttling_without_end_ends(aws: AnsweringAws, slept: list[float]) -> None:
    aws.replies["ListRoles"] = refused("Throttling", message="Rate exceeded")
    outcome = ask(aws)
    assert isinstance(outcome, Failed)
    assert outcome.error.what == "the list of roles: AWS refused ListRoles: Throttling: Rate exceeded"
    assert outcome.error.do == "AWS throttled the calls again and again: run the same command later"
    assert aws.asked.count("ListRoles") == 6
    assert sum(slept) < 60


TOKEN = "IQoJb3JpZ2luX2VjEHsaCWV1LXdlc3QtMSJH/+=="


@pytest.mark.parametrize("action", ["GetCallerIdentity", "ListRoles"])
@pytest.mark.parametrize("secret", ["secret-of-somebody", TOKEN])
@pytest.mark.parametrize("encode", [str, lambda text: quote(text, safe=""), lambda text: text.encode().hex()])
def test_a_repeated_secret_is_not_shown(
    aws: AnsweringAws, monkeypatch: pytest.MonkeyPatch, action: str, secret: str, encode: Callable[[str], str]
) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", TOKEN)
    aws.replies[action] = refused("InvalidClientTokenId", status=403, message=f"not a token: {encode(secret)}, sorry")
    assert f"{action}: InvalidClientTokenId: not a token: [hidden], sorry; " in failure(aws)


@pytest.mark.parametrize(
    ("code", "do"),
    [
        ("ExpiredToken", "log in again"),
        ("InvalidClientTokenId", "the access key is unknown, deleted or inactive"),
        ("RegionDisabledException", "switch STS on for this region"),
        ("SignatureDoesNotMatch", "the clock of this machine"),
    ],
)
def test_a_refusal_says_what_to_do(aws: AnsweringAws, code: str, do: str) -> None:
    aws.replies["GetCallerIdentity"] = refused(code, status=403)
    assert do in failure(aws)


@pytest.mark.parametrize(
    "odd",
    [
        (200, "<html>login page of a proxy</html>"),
        (200, "<ListRolesResponse><ListRolesResult><Roles>"),
        (200, ""),
        (200, "{}"),
        (500, "oh no"),
        (302, ""),
        refused("AccessDenied", message="a line\nand another"),
        refused("AccessDenied", message="red: \x1b[31m"),
    ],
    ids=["html", "truncated", "empty", "json", "error in plain text", "redirect", "two lines", "control characters"],
)  # fmt: skip
def test_an_invalid_answer_is_a_clear_error(aws: AnsweringAws, odd: Reply) -> None:
    aws.replies["ListRoles"] = odd
    assert "the list of roles" in failure(aws)


def test_an_unreachable_endpoint_is_an_error(aws: AnsweringAws) -> None:
    aws.close()
    assert "AWS could not be called: Could not connect to the endpoint URL" in failure(aws)


def test_a_token_file_without_a_role_is_wrong_configuration_and_no_network_failure(
    aws: AnsweringAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", "web-identity-token")
    monkeypatch.delenv("AWS_ROLE_ARN", raising=False)
    said = failure(aws)
    assert "no role ARN configured" in said
    assert said.endswith("correct the AWS configuration or the environment of this run")


def test_a_list_of_roles_without_end_is_given_up(aws: AnsweringAws) -> None:
    aws.replies["ListRoles"] = result("ListRoles", "<Roles/><IsTruncated>true</IsTruncated><Marker>again</Marker>")
    start = time.monotonic()
    assert "the list of roles" in failure(aws)
    assert time.monotonic() - start < 20


def test_an_unreadable_trust_policy_is_listed(aws: AnsweringAws) -> None:
    sound = json.dumps({"Version": "2012-10-17", "Statement": []})
    odd = {"torn": '{"Version": "2012', "text": '"x"', "number": "7", "other": '{"Statement": [7]}', "empty": ""}
    roles = [listed_role(ACCOUNT, name, text) for name, text in {**odd, "sound": sound}.items()]
    aws.replies = usual(ACCOUNT, *roles) | {"GetOpenIDConnectProvider": PRESENT}
    outcome = ask(aws, attempts=1)
    assert isinstance(outcome, Answered)
    oidc_provider = outcome.facts.oidc_providers["acme"]
    assert oidc_provider is not None
    assert [arn.rpartition("/")[2] for arn in oidc_provider.unchecked_roles] == sorted(odd)


def test_an_unprintable_audience_is_an_error(aws: AnsweringAws) -> None:
    odd = PRESENT[1].replace("<ClientIDList/>", "<ClientIDList><member>a&#133;b</member></ClientIDList>")
    aws.replies["GetOpenIDConnectProvider"] = (200, odd)
    assert "has a client id with unprintable characters: 'a\\x85b'" in failure(aws)


@pytest.mark.parametrize("value", ["NaN", "1e999", "-5", "0", '"many"', "null", "[]"])
def test_invalid_quotas_are_left_out(aws: AnsweringAws, value: str) -> None:
    quota = f'{{"QuotaCode": "L-FE177D64", "Value": {value}}}'
    aws.replies["ListServiceQuotas"] = (200, f'{{"Quotas": [{quota}]}}')
    aws.replies["GetAccountSummary"] = result("GetAccountSummary", "<SummaryMap/>")
    outcome = ask(aws, attempts=1)
    assert isinstance(outcome, Answered)
    assert outcome.facts.quotas == {}
