"""Why a run of the CLI failed, by the error codes of AWS in what the AWS provider reports."""

import pytest

from fleet.pulumi_cli.failures import PASSING, FailureKind, kind_of

OFFICIAL = (
    "creating IAM Role (shop): operation error IAM: CreateRole, https response error StatusCode: {status}, "
    "RequestID: 1b2c, api error {code}: {message}"
)
OURS = "urn:pulumi:prod::p::aws:iam/role:Role::r: AWS refused CreateRole: {code}: {message}"


@pytest.mark.parametrize("text", [OFFICIAL, OURS])
@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("Throttling", FailureKind.THROTTLED),
        ("ServiceUnavailable", FailureKind.THROTTLED),
        ("ExpiredToken", FailureKind.EXPIRED),
        ("ExpiredTokenException", FailureKind.EXPIRED),
        ("AccessDenied", FailureKind.DENIED),
        ("MalformedPolicyDocument", FailureKind.OTHER),
        ("EntityAlreadyExists", FailureKind.OTHER),
    ],
)
def test_the_code_of_aws_tells_the_cause(text: str, code: str, kind: FailureKind) -> None:
    assert kind_of([text.format(code=code, status=403, message="whatever it says, Throttling, dial tcp")]) is kind


@pytest.mark.parametrize(
    "text",
    [
        "operation error STS: AssumeRole, https response error StatusCode: 0, RequestID: , request send failed, EOF",
        "urn:x: AWS could not be called: Could not connect to the endpoint URL",
    ],
)
def test_a_network_failure_is_told_from_an_answer(text: str) -> None:
    assert kind_of([text]) is FailureKind.UNREACHABLE


def test_a_run_starts_again_only_if_every_cause_may_pass() -> None:
    throttled, expired, denied = (
        OURS.format(code=code, message="") for code in ("Throttling", "ExpiredToken", "AccessDenied")
    )
    assert kind_of([throttled, expired]) in PASSING
    assert kind_of([throttled, denied]) is FailureKind.DENIED
    assert kind_of([throttled, "the inventory has findings"]) is FailureKind.OTHER
    assert kind_of([]) is FailureKind.OTHER
