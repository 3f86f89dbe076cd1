"""aws:SourceIp and aws:SourceVpce are tested against what headers of the sandbox name."""

import json
from typing import Any

import pytest
import requests
from botocore.awsrequest import AWSRequest

from sandbox.emulated_aws import EmulatedAws
from sandbox.emulated_aws.prepare_accounts import RootUsers
from sandbox.emulated_aws.settings import SOURCE_IP_HEADER, SOURCE_VPCE_HEADER
from tests.sandbox.emulated_aws.aws_calls import refusal


@pytest.fixture
def office_role(account: str) -> dict[str, str]:
    trust = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
        "Action": "sts:AssumeRole",
        "Condition": {"IpAddress": {"aws:SourceIp": ["203.0.113.0/24", "2001:db8::/32"]}},
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    return {"RoleName": "office", "AssumeRolePolicyDocument": document}


def assume(users: RootUsers, account: str, source_address: list[str], endpoint: str | None = None) -> Any:
    """Return AssumeRole as a call that carries the headers."""
    sts = users.client(account, "sts")

    def add_header(request: AWSRequest, **_: Any) -> None:
        for address in source_address:
            request.headers[SOURCE_IP_HEADER] = address
        if endpoint is not None:
            request.headers[SOURCE_VPCE_HEADER] = endpoint

    sts.meta.events.register("before-send.sts.AssumeRole", add_header)
    return sts.assume_role


@pytest.mark.parametrize("address", ["203.0.113.7", "2001:db8::1"])
def test_the_header_sets_the_address(
    roots: RootUsers, iam: Any, account: str, office_role: dict[str, str], address: str
) -> None:
    arn = iam.create_role(**office_role)["Role"]["Arn"]
    call = assume(roots, account, [address])
    assert call(RoleArn=arn, RoleSessionName="it")["AssumedRoleUser"]["Arn"].endswith("/office/it")


@pytest.mark.parametrize("addresses", [["198.51.100.1"], []])
def test_another_address_and_no_header_at_all_are_refused(
    roots: RootUsers, iam: Any, account: str, office_role: dict[str, str], addresses: list[str]
) -> None:
    arn = iam.create_role(**office_role)["Role"]["Arn"]
    call = assume(roots, account, addresses)
    assert refusal(call, RoleArn=arn, RoleSessionName="it")[:2] == (403, "AccessDenied")


def test_without_the_front_the_header_means_nothing(
    bare_roots: RootUsers, bare_iam: Any, account: str, office_role: dict[str, str]
) -> None:
    arn = bare_iam.create_role(**office_role)["Role"]["Arn"]
    call = assume(bare_roots, account, ["203.0.113.7"])
    assert refusal(call, RoleArn=arn, RoleSessionName="it")[:2] == (403, "AccessDenied")


def test_a_header_that_is_no_address_is_refused(front: EmulatedAws) -> None:
    answer = requests.get(front.endpoint, headers={SOURCE_IP_HEADER: "203.0.113.0/24"}, timeout=5)
    assert (answer.status_code, "must be one IP address" in answer.text) == (400, True)


ENDPOINT = "vpce-0123456789abcdef0"


@pytest.fixture
def endpoint_role(account: str) -> dict[str, str]:
    trust = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"aws:SourceVpce": [ENDPOINT]}},
    }
    return {
        "RoleName": "endpoint",
        "AssumeRolePolicyDocument": json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
    }


def test_the_other_header_sets_the_endpoint(
    roots: RootUsers, iam: Any, account: str, endpoint_role: dict[str, str]
) -> None:
    arn = iam.create_role(**endpoint_role)["Role"]["Arn"]
    call = assume(roots, account, [], ENDPOINT)
    assert call(RoleArn=arn, RoleSessionName="it")["AssumedRoleUser"]["Arn"].endswith("/endpoint/it")
    for endpoint in ("vpce-01234567", None):
        other = assume(roots, account, ["203.0.113.7"], endpoint)
        assert refusal(other, RoleArn=arn, RoleSessionName="it")[:2] == (403, "AccessDenied")


def test_a_call_through_an_endpoint_has_no_address(
    roots: RootUsers, iam: Any, account: str, office_role: dict[str, str]
) -> None:
    arn = iam.create_role(**office_role)["Role"]["Arn"]
    call = assume(roots, account, ["203.0.113.7"], ENDPOINT)
    assert refusal(call, RoleArn=arn, RoleSessionName="it")[:2] == (403, "AccessDenied")


def test_without_the_front_no_endpoint_is_known(
    bare_roots: RootUsers, bare_iam: Any, account: str, endpoint_role: dict[str, str]
) -> None:
    arn = bare_iam.create_role(**endpoint_role)["Role"]["Arn"]
    call = assume(bare_roots, account, [], ENDPOINT)
    assert refusal(call, RoleArn=arn, RoleSessionName="it")[:2] == (403, "AccessDenied")


def test_a_header_that_is_no_endpoint_is_refused(front: EmulatedAws) -> None:
    answer = requests.get(front.endpoint, headers={SOURCE_VPCE_HEADER: "vpc-01234567"}, timeout=5)
    assert (answer.status_code, "must be the id of a VPC endpoint" in answer.text) == (400, True)
