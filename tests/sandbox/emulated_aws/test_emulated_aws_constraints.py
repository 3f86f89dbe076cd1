"""Every parameter keeps the lengths, patterns and ranges of AWS's service model."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.emulated_aws.front.limits import _faults, _service_model
from sandbox.emulated_aws.query import AwsCall
from tests.sandbox.emulated_aws.aws_calls import refusal, trust_policy


def role(account: str, **changes: Any) -> dict[str, Any]:
    return {"RoleName": "deploy", "AssumeRolePolicyDocument": trust_policy(account)} | changes


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"RoleName": "a b"}, r"Value 'a b' at 'roleName' failed to satisfy constraint: Member must satisfy regular"),
        ({"RoleName": "ä"}, "at 'roleName' failed to satisfy constraint: Member must satisfy regular"),
        ({"RoleName": "x" * 65}, "Member must have length less than or equal to 64"),
        ({"Path": "no-slash"}, "at 'path' failed to satisfy constraint: Member must satisfy regular"),
        ({"Path": f"/{'x' * 511}/"}, "at 'path' failed to satisfy constraint: Member must have length less than or"),
        ({"Description": "a dash \u2014"}, "at 'description' failed to satisfy constraint"),
        ({"Description": "x" * 1001}, "Member must have length less than or equal to 1000"),
        ({"MaxSessionDuration": 3599}, "at 'maxSessionDuration' failed to satisfy constraint: Member must have value"),
        ({"MaxSessionDuration": 43201}, "Member must have value less than or equal to 43200"),
        ({"Tags": [{"Key": "a!", "Value": ""}]}, "Value 'a!' at 'tags.1.member.key' failed to satisfy constraint"),
        ({"Tags": [{"Key": str(n), "Value": ""} for n in range(51)]}, "'tags' failed to satisfy constraint: Member"),
    ],
)
def test_a_role_that_aws_would_refuse_is_a_validation_error(
    iam: Any, account: str, changes: dict[str, Any], fault: str
) -> None:
    status, code, message = refusal(iam.create_role, **role(account, **changes))
    assert (status, code) == (400, "ValidationError")
    assert message.startswith("1 validation error detected: ")
    assert fault in message


def test_without_the_front_all_that_is_created(bare_iam: Any, account: str) -> None:
    odd = role(account, RoleName="a b" * 30, Path="no-slash", MaxSessionDuration=1)
    assert bare_iam.create_role(**odd)["Role"]["RoleName"] == "a b" * 30


def test_what_lies_within_the_limits_is_accepted(iam: Any, account: str) -> None:
    made = iam.create_role(
        **role(
            account,
            RoleName="x" * 64,
            Path="/bitbucket/a.b/",
            Description="Zürich: 100 % \u00a9",
            MaxSessionDuration=43200,
            Tags=[{"Key": "Größe", "Value": "a b:/=+-@"}],
        )
    )["Role"]
    assert made["Arn"] == f"arn:aws:iam::{account}:role/bitbucket/a.b/{'x' * 64}"


def test_several_faults_are_named_together(iam: Any, account: str) -> None:
    message = refusal(iam.create_role, **role(account, RoleName="a b", Path="x"))[2]
    assert message.startswith("2 validation errors detected: ")


def test_a_caller_without_permission_learns_of_no_fault(front_user: Any, account: str) -> None:
    assert refusal(front_user.create_role, **role(account, RoleName="a b"))[:2] == (403, "AccessDenied")


@pytest.fixture(scope="module", autouse=True)
def _model_is_read() -> None:
    """Reading the model takes longer than hypothesis lets an example take."""
    _service_model("iam")


@given(st.from_regex(r"[A-Za-z0-9_+=,.@-]{1,64}", fullmatch=True))
def test_every_name_of_the_grammar_is_accepted(name: str) -> None:
    params = {"Action": "GetRole", "RoleName": name}
    assert list(_faults(AwsCall("iam", "000000000001", "", params))) == []


@given(st.text(min_size=1).filter(lambda text: not text.isascii() or " " in text))
def test_no_name_outside_of_the_grammar_is_accepted(name: str) -> None:
    params = {"Action": "GetRole", "RoleName": name}
    assert len(list(_faults(AwsCall("iam", "000000000001", "", params)))) >= 1
