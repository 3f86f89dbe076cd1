"""AssumeRoleWithWebIdentity: the token, the OIDC provider and the role are checked before the trust policy."""

import json
import time
from typing import Any

import jwt
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.session import Session

from sandbox.emulated_aws import EmulatedAws
from sandbox.emulated_aws.front.web_identity import check_times
from sandbox.emulated_aws.query import RefusalError
from tests.sandbox.emulated_aws.aws_calls import AUDIENCE, ISSUER, SUBJECT, make_oidc_provider, refusal, trust_policy
from tests.sandbox.emulated_aws.issuer_server import Issuer, new_key


def anonymous_sts(session: Session, emulator: EmulatedAws) -> Any:
    """A client that neither signs nor checks parameters by itself."""
    config = Config(signature_version=UNSIGNED, parameter_validation=False, retries={"max_attempts": 0})
    return session.create_client("sts", region_name="us-east-1", endpoint_url=emulator.endpoint, config=config)


@pytest.fixture(scope="module")
def sts(session: Session, front: EmulatedAws) -> Any:
    return anonymous_sts(session, front)


@pytest.fixture(scope="module")
def bare_sts(session: Session, bare: EmulatedAws) -> Any:
    return anonymous_sts(session, bare)


@pytest.fixture
def role_arn(iam: Any, account: str) -> str:
    """A role with a path that trusts SUBJECT, and the OIDC provider for it."""
    make_oidc_provider(iam)
    role = iam.create_role(
        RoleName="deploy", Path="/bitbucket/", AssumeRolePolicyDocument=trust_policy(account), MaxSessionDuration=7200
    )
    arn: str = role["Role"]["Arn"]
    return arn


def request(role_arn: str, token: str, **changes: Any) -> dict[str, Any]:
    return {"RoleArn": role_arn, "RoleSessionName": "step", "WebIdentityToken": token} | changes


def test_a_good_token_gets_credentials_and_the_answer_says_what_it_said(
    sts: Any, session: Session, issuer: Issuer, role_arn: str, account: str
) -> None:
    answer = sts.assume_role_with_web_identity(**request(role_arn, issuer.token(), DurationSeconds=7200))
    assert answer["SubjectFromWebIdentityToken"] == SUBJECT
    assert answer["Audience"] == AUDIENCE
    assert answer["Provider"] == f"arn:aws:iam::{account}:oidc-provider/{ISSUER.removeprefix('https://')}"
    keys = answer["Credentials"]
    caller = session.create_client(
        "sts",
        region_name="us-east-1",
        endpoint_url=sts.meta.endpoint_url,
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )
    assert caller.get_caller_identity()["Arn"] == f"arn:aws:sts::{account}:assumed-role/deploy/step"


def test_a_token_file_written_by_echo_is_good(sts: Any, issuer: Issuer, role_arn: str) -> None:
    """``echo "$BITBUCKET_STEP_OIDC_TOKEN" > web-identity-token`` ends with a newline, which SDKs send along."""
    assert sts.assume_role_with_web_identity(**request(role_arn, f"{issuer.token()}\n"))["Credentials"]


def test_without_the_front_a_forged_expired_token_without_oidc_provider_is_accepted(
    bare_sts: Any, bare_iam: Any, issuer: Issuer, account: str
) -> None:
    bare_iam.create_role(RoleName="deploy", Path="/a/", AssumeRolePolicyDocument=trust_policy(account))
    token = issuer.token(key=new_key(), exp=1, iss=f"{ISSUER}/")
    wrong_path = f"arn:aws:iam::{account}:role/deploy"
    answer = bare_sts.assume_role_with_web_identity(**request(wrong_path, token, DurationSeconds=43200))
    assert answer["SubjectFromWebIdentityToken"] == "test-subject"
    assert answer["Audience"] == "sts.amazonaws.com"


@pytest.mark.parametrize(
    ("claims", "refused"),
    [
        ({"exp": int(time.time()) - 600}, "ExpiredTokenException: Token expired: current date/time"),
        ({"iat": int(time.time()) + 3000}, "InvalidIdentityToken: could not be validated"),
        ({"nbf": int(time.time()) + 3000}, "InvalidIdentityToken: could not be validated"),
        ({"aud": "sts.amazonaws.com"}, "InvalidIdentityToken: Incorrect token audience"),
        ({"aud": ["other"]}, "InvalidIdentityToken: Incorrect token audience"),
        ({"aud": ["other", "another"]}, "InvalidIdentityToken: Token audience contains more than one audience while"),
        ({"aud": [AUDIENCE, "custom"]}, "InvalidIdentityToken: Token audience contains more than one audience while"),
        ({"aud": AUDIENCE, "azp": "other"}, "InvalidIdentityToken: The web identity token provided could not be"),
        ({"aud": AUDIENCE, "azp": ""}, "InvalidIdentityToken: The web identity token provided could not be"),
        ({"iss": f"{ISSUER}/"}, "InvalidIdentityToken: No OpenIDConnect provider found in your account for"),
        ({"iss": ISSUER.replace("acme", "Acme")}, "InvalidIdentityToken: No OpenIDConnect provider found"),
        ({"iss": ISSUER.removeprefix("https://")}, "InvalidIdentityToken: No OpenIDConnect provider found"),
        ({"sub": None}, "InvalidIdentityToken: Missing a required claim: sub"),
        ({"exp": None}, "InvalidIdentityToken: Missing a required claim: exp"),
        ({"exp": "soon"}, "InvalidIdentityToken: not a valid JWT"),
        ({"kid": "unknown", "key": new_key()}, "InvalidIdentityToken: Couldn't retrieve verification key"),
        ({"key": new_key()}, "InvalidIdentityToken: could not be validated"),
    ],
)
def test_a_bad_token_is_refused_with_status_400(
    sts: Any, issuer: Issuer, role_arn: str, claims: dict[str, Any], refused: str
) -> None:
    status, found, text = refusal(sts.assume_role_with_web_identity, **request(role_arn, issuer.token(**claims)))
    code, fragment = refused.split(": ", 1)
    assert (status, found) == (400, code)
    assert fragment in text


def test_what_is_no_jwt_is_refused(sts: Any, role_arn: str) -> None:
    status, code, message = refusal(sts.assume_role_with_web_identity, **request(role_arn, "not-a-token"))
    assert (status, code) == (400, "InvalidIdentityToken")
    assert "not a valid JWT" in message


def test_a_token_signed_with_a_shared_secret_is_refused(sts: Any, role_arn: str, issuer: Issuer) -> None:
    claims = jwt.decode(issuer.token(), options={"verify_signature": False})
    token = jwt.encode(claims, "s" * 32, algorithm="HS256", headers={"kid": "one"})
    assert refusal(sts.assume_role_with_web_identity, **request(role_arn, token))[1] == "InvalidIdentityToken"


def test_an_unsigned_token_is_refused(sts: Any, role_arn: str, issuer: Issuer) -> None:
    claims = jwt.decode(issuer.token(), options={"verify_signature": False})
    token = jwt.encode(claims, "", algorithm="none", headers={"kid": "one"})
    assert refusal(sts.assume_role_with_web_identity, **request(role_arn, token))[1] == "InvalidIdentityToken"


def test_a_token_is_good_for_five_minutes_after_its_end_and_no_longer() -> None:
    claims = {"iat": 0, "exp": 1000}
    check_times(claims, 1299.0)
    with pytest.raises(RefusalError, match="Token expired"):
        check_times(claims, 1300.0)


def test_the_trust_policy_is_what_decides_in_the_end(sts: Any, issuer: Issuer, role_arn: str) -> None:
    token = issuer.token(sub=SUBJECT.replace("9a6d6bde", "00000000"))
    expected = (403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")
    assert refusal(sts.assume_role_with_web_identity, **request(role_arn, token)) == expected


@pytest.mark.parametrize("claims", [{"aud": [AUDIENCE]}, {"aud": ["other", "another"], "azp": AUDIENCE}])
def test_a_list_of_one_audience_and_azp_are_what_the_trust_policy_compares(
    sts: Any, bare_sts: Any, issuer: Issuer, role_arn: str, claims: dict[str, Any]
) -> None:
    token = issuer.token(**claims)
    assert sts.assume_role_with_web_identity(**request(role_arn, token))["Audience"] == AUDIENCE
    assert refusal(bare_sts.assume_role_with_web_identity, **request(role_arn, token))[1] == "AccessDenied"


def test_the_role_is_named_by_its_whole_arn(sts: Any, issuer: Issuer, role_arn: str, account: str) -> None:
    for wrong in (f"arn:aws:iam::{account}:role/deploy", f"arn:aws:iam::{account}:role/bitbucket/other"):
        status, code, _ = refusal(sts.assume_role_with_web_identity, **request(wrong, issuer.token()))
        assert (status, code) == (403, "AccessDenied")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"DurationSeconds": 7201}, "exceeds the MaxSessionDuration set for this role"),
        ({"DurationSeconds": 899}, "Member must have value greater than or equal to 900"),
        ({"RoleSessionName": "with space"}, "Member must satisfy regular expression pattern"),
        ({"RoleArn": "arn:aws:iam::12:role/deploy"}, "Request ARN is invalid"),
    ],
)
def test_parameters_out_of_range_are_validation_errors(
    sts: Any, issuer: Issuer, role_arn: str, changes: dict[str, Any], message: str
) -> None:
    status, code, text = refusal(sts.assume_role_with_web_identity, **request(role_arn, issuer.token(), **changes))
    assert (status, code) == (400, "ValidationError")
    assert message in text


def test_the_oidc_provider_must_be_in_the_account_of_the_role(sts: Any, iam: Any, issuer: Issuer, account: str) -> None:
    role = iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=trust_policy(account))["Role"]["Arn"]
    status, code, message = refusal(sts.assume_role_with_web_identity, **request(role, issuer.token()))
    assert (status, code) == (400, "InvalidIdentityToken")
    assert message == f"No OpenIDConnect provider found in your account for {ISSUER}"


def test_keys_are_fetched_once_and_again_when_a_key_id_is_new(sts: Any, iam: Any, account: str, issuer: Issuer) -> None:
    url = ISSUER.replace("acme", "rotating")
    path = url.removeprefix("https://api.bitbucket.org")
    make_oidc_provider(iam, Url=url)
    policy = trust_policy(account).replace("workspaces/acme", "workspaces/rotating")
    role = iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=policy)["Role"]["Arn"]
    for _ in range(3):
        sts.assume_role_with_web_identity(**request(role, issuer.token(iss=url)))
    assert issuer.requests[f"{path}/keys.json"] == 1
    issuer.keys["two"] = new_key()
    sts.assume_role_with_web_identity(**request(role, issuer.token(iss=url, kid="two")))
    assert issuer.requests[f"{path}/keys.json"] == 2


@pytest.mark.parametrize(
    "document", [{"issuer": "https://api.bitbucket.org/other", "jwks_uri": "x"}, {"issuer": None}, ["list"]]
)
def test_a_discovery_document_of_another_issuer_or_shape_gives_no_key(
    sts: Any, iam: Any, account: str, issuer: Issuer, document: object
) -> None:
    url = ISSUER.replace("acme", f"odd{account}")
    issuer.documents[f"{url}/.well-known/openid-configuration"] = document
    make_oidc_provider(iam, Url=url)
    role = iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=trust_policy(account))["Role"]["Arn"]
    status, code, text = refusal(sts.assume_role_with_web_identity, **request(role, issuer.token(iss=url)))
    assert (status, code) == (400, "InvalidIdentityToken")
    assert "Couldn't retrieve verification key" in text


def test_an_issuer_whose_certificate_is_not_trusted_cannot_be_reached(
    sts: Any, iam: Any, account: str, issuer: Issuer
) -> None:
    url = "https://issuer.example.com"
    make_oidc_provider(iam, Url=url)
    policy = json.dumps(json.loads(trust_policy(account)))
    role = iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=policy)["Role"]["Arn"]
    status, code, _ = refusal(sts.assume_role_with_web_identity, **request(role, issuer.token(iss=url)))
    assert (status, code) == (400, "IDPCommunicationError")
