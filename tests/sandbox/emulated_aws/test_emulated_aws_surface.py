"""Only IAM and STS are answered, each parameter in one place, and in the Query protocol."""

import json
from typing import Any

import pytest
import requests

from sandbox.emulated_aws import EmulatedAws
from sandbox.emulated_aws.prepare_accounts import RootUsers
from tests.sandbox.emulated_aws.aws_calls import refusal
from tests.sandbox.emulated_aws.issuer_server import Issuer

RESET = "/_ministack/reset"


@pytest.mark.parametrize("path", [RESET, "/_ministack/config", "/health", "/bucket/key", "/v2/email/identities"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_other_paths_are_not_found(front: EmulatedAws, method: str, path: str) -> None:
    assert requests.request(method, front.endpoint + path, timeout=5).status_code == 404


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "PATCH"])
def test_other_methods_are_not_found(front: EmulatedAws, method: str) -> None:
    assert requests.request(method, front.endpoint, timeout=5).status_code == 404


def test_without_the_front_anybody_may_ask_for_internals(bare: EmulatedAws) -> None:
    assert requests.get(f"{bare.endpoint}/_ministack/health", timeout=5).status_code == 200


def test_a_call_without_a_signature_is_refused(front: EmulatedAws) -> None:
    answer = requests.post(front.endpoint, data={"Action": "ListRoles", "Version": "2010-05-08"}, timeout=5)
    assert (answer.status_code, "MissingAuthenticationToken" in answer.text) == (403, True)


def assume(**changes: str) -> dict[str, str]:
    """The parameters of an unsigned call."""
    usual = {"Action": "AssumeRoleWithWebIdentity", "RoleArn": "arn:aws:iam::000000000001:role/x"}
    return usual | {"RoleSessionName": "it", "WebIdentityToken": "token", "Version": "2011-06-15"} | changes


def test_a_parameter_in_query_string_and_body_is_refused(front: EmulatedAws) -> None:
    query = {"RoleArn": "arn:aws:iam::000000000002:role/y"}
    answer = requests.post(front.endpoint, params=query, data=assume(), timeout=5)
    assert (answer.status_code, "InvalidQueryParameter" in answer.text) == (400, True)


def test_the_signature_of_a_form_is_nobodys(front: EmulatedAws, issuer: Issuer) -> None:
    form = assume(**{"X-Amz-Credential": "000000000001/20260101/us-east-1/sts/aws4_request"})
    answer = requests.post(front.endpoint, data=form | {"WebIdentityToken": issuer.token()}, timeout=5)
    assert (answer.status_code, "AccessDenied" in answer.text) == (403, True)


@pytest.mark.parametrize("action", ["CreateRole", "Nothing", "assumerolewithwebidentity"])
def test_an_action_of_another_service_or_of_none_is_refused(roots: RootUsers, account: str, action: str) -> None:
    sts = roots.client(account, "sts")

    def rename(params: dict[str, Any], **_: Any) -> None:
        params["body"]["Action"] = action

    sts.meta.events.register("before-call.sts.GetSessionToken", rename)
    assert refusal(sts.get_session_token)[:2] == (400, "InvalidAction")


def test_a_parameter_given_twice_is_refused(front: EmulatedAws) -> None:
    fields = [*assume().items(), ("RoleArn", "arn:aws:iam::000000000002:role/y")]
    answer = requests.post(front.endpoint, data=fields, timeout=5)
    assert (answer.status_code, "InvalidQueryParameter" in answer.text) == (400, True)


def test_json_which_ministack_would_take_is_refused(front: EmulatedAws, bare: EmulatedAws) -> None:
    headers = {
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": "AWSSecurityTokenServiceV20110615.AssumeRoleWithWebIdentity",
    }
    body = json.dumps(assume())
    through_front = requests.post(front.endpoint, data=body, headers=headers, timeout=5)
    assert (through_front.status_code, "InvalidInput" in through_front.text) == (400, True)
    without = requests.post(bare.endpoint, data=body, headers=headers, timeout=5)
    assert (without.status_code, "AccessDenied" in without.text) == (403, True)
