"""OIDC providers: limits at creation, the answer of Get, and the operations that ministack does not have."""

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from sandbox.emulated_aws.prepare_accounts import RootUsers
from tests.sandbox.emulated_aws.aws_calls import AUDIENCE, ISSUER, THUMBPRINT, make_oidc_provider, refusal
from tests.sandbox.emulated_aws.issuer_server import Issuer

CHANGES: dict[str, Callable[[Any, str], Any]] = {
    "UpdateOpenIDConnectProviderThumbprint": lambda iam, arn: iam.update_open_id_connect_provider_thumbprint(
        OpenIDConnectProviderArn=arn, ThumbprintList=["b" * 40]
    ),
    "AddClientIDToOpenIDConnectProvider": lambda iam, arn: iam.add_client_id_to_open_id_connect_provider(
        OpenIDConnectProviderArn=arn, ClientID="more"
    ),
    "RemoveClientIDFromOpenIDConnectProvider": lambda iam, arn: iam.remove_client_id_from_open_id_connect_provider(
        OpenIDConnectProviderArn=arn, ClientID=AUDIENCE
    ),
    "TagOpenIDConnectProvider": lambda iam, arn: iam.tag_open_id_connect_provider(
        OpenIDConnectProviderArn=arn, Tags=[{"Key": "Owner", "Value": "team"}]
    ),
    "UntagOpenIDConnectProvider": lambda iam, arn: iam.untag_open_id_connect_provider(
        OpenIDConnectProviderArn=arn, TagKeys=["Owner"]
    ),
    "ListOpenIDConnectProviderTags": lambda iam, arn: iam.list_open_id_connect_provider_tags(
        OpenIDConnectProviderArn=arn
    ),
}


def get(iam: Any, arn: str) -> dict[str, Any]:
    found: dict[str, Any] = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    return found


def tags(iam: Any, arn: str) -> dict[str, str]:
    listed = iam.list_open_id_connect_provider_tags(OpenIDConnectProviderArn=arn)
    return {tag["Key"]: tag["Value"] for tag in listed["Tags"]}


@pytest.mark.parametrize("operation", CHANGES)
def test_without_the_front_the_operation_does_not_exist(bare_iam: Any, operation: str) -> None:
    arn = make_oidc_provider(bare_iam)
    assert refusal(lambda: CHANGES[operation](bare_iam, arn))[:2] == (400, "InvalidAction")


@pytest.mark.parametrize("operation", CHANGES)
def test_a_caller_without_the_permission_is_denied(iam: Any, front_user: Any, operation: str) -> None:
    arn = make_oidc_provider(iam)
    status, code, message = refusal(lambda: CHANGES[operation](front_user, arn))
    assert (status, code) == (403, "AccessDenied")
    assert f"iam:{operation}" in message


@pytest.mark.parametrize("operation", CHANGES)
def test_the_permission_for_one_operation_is_enough(iam: Any, front_user: Any, operation: str) -> None:
    arn = make_oidc_provider(iam)
    document = f'{{"Statement":[{{"Effect":"Allow","Action":"iam:{operation}","Resource":"*"}}]}}'
    iam.put_user_policy(UserName="nobody", PolicyName="one", PolicyDocument=document)
    assert CHANGES[operation](front_user, arn)["ResponseMetadata"]["HTTPStatusCode"] == 200


@pytest.mark.parametrize("operation", CHANGES)
def test_an_oidc_provider_that_is_not_there_is_no_such_entity(iam: Any, account: str, operation: str) -> None:
    arn = f"arn:aws:iam::{account}:oidc-provider/example.com"
    assert refusal(lambda: CHANGES[operation](iam, arn))[:2] == (404, "NoSuchEntity")


def test_the_oidc_provider_of_another_account_is_not_there(iam: Any, roots: RootUsers) -> None:
    arn = make_oidc_provider(iam)
    stranger = roots.client("900000000009")
    assert refusal(lambda: CHANGES["TagOpenIDConnectProvider"](stranger, arn))[:2] == (404, "NoSuchEntity")
    assert refusal(lambda: get(stranger, arn))[:2] == (404, "NoSuchEntity")


def test_a_list_of_thumbprints_replaces_the_old_one(iam: Any) -> None:
    arn = make_oidc_provider(iam)
    CHANGES["UpdateOpenIDConnectProviderThumbprint"](iam, arn)
    assert get(iam, arn)["ThumbprintList"] == ["b" * 40]


def test_client_ids_are_added_and_removed_and_twice_is_no_error(iam: Any) -> None:
    arn = make_oidc_provider(iam)
    for _ in range(2):
        CHANGES["AddClientIDToOpenIDConnectProvider"](iam, arn)
    assert get(iam, arn)["ClientIDList"] == [AUDIENCE, "more"]
    for _ in range(2):
        CHANGES["RemoveClientIDFromOpenIDConnectProvider"](iam, arn)
    assert get(iam, arn)["ClientIDList"] == ["more"]


def test_a_hundred_client_ids_and_no_more(iam: Any) -> None:
    hundred = [f"id-{number}" for number in range(100)]
    arn = make_oidc_provider(iam, ClientIDList=hundred)
    status, code, message = refusal(
        iam.add_client_id_to_open_id_connect_provider, OpenIDConnectProviderArn=arn, ClientID="more"
    )
    assert (status, code) == (409, "LimitExceeded")
    assert message == "Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: 100"
    iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="id-7")


def test_tags_are_set_overwritten_listed_by_key_and_removed(iam: Any) -> None:
    arn = make_oidc_provider(iam, Tags=[{"Key": "Zone", "Value": "1"}, {"Key": "owner", "Value": "nobody"}])
    CHANGES["TagOpenIDConnectProvider"](iam, arn)
    assert list(tags(iam, arn).items()) == [("Owner", "team"), ("Zone", "1")]
    assert [tag["Key"] for tag in get(iam, arn)["Tags"]] == ["Owner", "Zone"]
    CHANGES["UntagOpenIDConnectProvider"](iam, arn)
    assert tags(iam, arn) == {"Zone": "1"}


def test_tags_come_in_pages(iam: Any) -> None:
    arn = make_oidc_provider(iam, Tags=[{"Key": key, "Value": ""} for key in "abc"])
    first = iam.list_open_id_connect_provider_tags(OpenIDConnectProviderArn=arn, MaxItems=2)
    assert (len(first["Tags"]), first["IsTruncated"]) == (2, True)
    rest = iam.list_open_id_connect_provider_tags(OpenIDConnectProviderArn=arn, Marker=first["Marker"])
    assert ([tag["Key"] for tag in rest["Tags"]], rest["IsTruncated"]) == (["c"], False)


def test_fifty_tags_and_no_more(iam: Any) -> None:
    arn = make_oidc_provider(iam, Tags=[{"Key": f"key-{number}", "Value": ""} for number in range(50)])
    assert refusal(lambda: CHANGES["TagOpenIDConnectProvider"](iam, arn))[:2] == (409, "LimitExceeded")


@pytest.mark.parametrize("keys", [["aws:mine"], ["One", "one"]])
def test_keys_of_aws_and_keys_that_differ_in_case_alone_are_refused(iam: Any, keys: list[str]) -> None:
    wanted = [{"Key": key, "Value": ""} for key in keys]
    assert refusal(lambda: make_oidc_provider(iam, Tags=wanted))[:2] == (400, "InvalidInput")
    arn = make_oidc_provider(iam)
    call = iam.tag_open_id_connect_provider
    assert refusal(call, OpenIDConnectProviderArn=arn, Tags=wanted)[:2] == (400, "InvalidInput")


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com",
        "example.com",
        "https://example.com:443/x",
        "https://example.com/x?y=z",
        "https://example.com/x#y",
        "https://user@example.com/",
        "https://",
        "https://example.com/" + "x" * 240,
    ],
)
def test_a_url_that_aws_would_refuse_is_a_validation_error(iam: Any, bare_iam: Any, url: str) -> None:
    assert refusal(lambda: make_oidc_provider(iam, Url=url))[:2] == (400, "ValidationError")
    assert make_oidc_provider(bare_iam, Url=url)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"ThumbprintList": [f"{number:040x}" for number in range(6)]}, (400, "InvalidInput")),
        ({"ThumbprintList": ["g" * 40]}, (400, "InvalidInput")),
        ({"ThumbprintList": ["a" * 39]}, (400, "ValidationError")),
        ({"ClientIDList": ["x" * 256]}, (400, "ValidationError")),
        ({"ClientIDList": [str(number) for number in range(101)]}, (409, "LimitExceeded")),
    ],
)
def test_lists_out_of_their_limits_are_refused(
    iam: Any, bare_iam: Any, changes: dict[str, Any], expected: tuple[int, str]
) -> None:
    assert refusal(lambda: make_oidc_provider(iam, **changes))[:2] == expected
    assert make_oidc_provider(bare_iam, **changes)


def test_a_second_one_for_the_same_url_already_exists(iam: Any) -> None:
    make_oidc_provider(iam)
    assert refusal(lambda: make_oidc_provider(iam))[:2] == (409, "EntityAlreadyExists")


def test_get_returns_the_url_without_its_scheme(iam: Any, bare_iam: Any) -> None:
    found = get(iam, make_oidc_provider(iam, ClientIDList=["a&b<c>"]))
    assert found["Url"] == ISSUER.removeprefix("https://")
    assert found["ClientIDList"] == ["a&b<c>"]
    assert found["ThumbprintList"] == [THUMBPRINT]
    assert get(bare_iam, make_oidc_provider(bare_iam))["Url"] == ISSUER


def test_a_thumbprint_left_out_is_that_of_the_last_certificate_presented(
    iam: Any, bare_iam: Any, issuer: Issuer
) -> None:
    top = x509.load_pem_x509_certificate(issuer.intermediate.cert_pem.bytes())
    expected = hashlib.sha1(top.public_bytes(Encoding.DER)).hexdigest()
    left_out: dict[str, Any] = {"ThumbprintList": []}
    assert get(iam, make_oidc_provider(iam, **left_out))["ThumbprintList"] == [expected]
    assert get(bare_iam, make_oidc_provider(bare_iam, **left_out))["ThumbprintList"] == []


def test_a_thumbprint_left_out_for_an_issuer_out_of_reach_is_refused(iam: Any) -> None:
    call = iam.create_open_id_connect_provider
    assert refusal(call, Url="https://issuer.example.com")[:2] == (400, "OpenIdIdpCommunicationError")


def test_deleting_twice_is_no_error(iam: Any, bare_iam: Any) -> None:
    arn = make_oidc_provider(iam)
    for _ in range(2):
        iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert refusal(lambda: get(iam, arn))[:2] == (404, "NoSuchEntity")
    missing = {"OpenIDConnectProviderArn": arn}
    assert refusal(bare_iam.delete_open_id_connect_provider, **missing)[1] == "NoSuchEntity"
