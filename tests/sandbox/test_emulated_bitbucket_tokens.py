"""PipelineStep tokens, verified with PyJWT's own client against the key set that the emulated Bitbucket serves."""

import json
import ssl
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import jwt
import pytest

from sandbox.emulated_bitbucket import EmulatedBitbucket
from sandbox.emulated_bitbucket.workspaces import EmulatedWorkspace, PipelineStep, step_claims

ACME = EmulatedWorkspace("acme", "{0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11}")
REPOSITORY = "{9a6d6bde-2ae3-4d4c-8a43-1f6a5d9a3c01}"
PRODUCTION = "{c2b1a5de-6b7e-4d4b-b1a0-6a9d8c7b5e03}"
HOST = "api.bitbucket.org"
ACME_PATH = "/2.0/workspaces/acme/pipelines-config/identity/oidc"
DEFAULT_AUDIENCE = "ari:cloud:bitbucket::workspace/0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11"


@pytest.fixture(scope="module")
def bitbucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatedBitbucket]:
    with EmulatedBitbucket(tmp_path_factory.mktemp("bitbucket"), [ACME]) as bitbucket:
        yield bitbucket


def test_a_step_in_an_environment_has_the_claims_of_a_real_one(bitbucket: EmulatedBitbucket) -> None:
    step = PipelineStep(ACME, REPOSITORY, PRODUCTION, branch="release/1")
    now = datetime.now(UTC).replace(microsecond=0)

    claims = verified(bitbucket, bitbucket.step_token(step, now=now))

    assert claims == {
        "iss": f"https://{HOST}{ACME_PATH}",
        "aud": DEFAULT_AUDIENCE,
        "sub": f"{REPOSITORY}:{PRODUCTION}:{step.step_uuid}",
        "iat": int(now.timestamp()),
        "exp": int(now.timestamp()) + 3600,
        "workspaceUuid": ACME.uuid,
        "repositoryUuid": REPOSITORY,
        "pipelineUuid": step.pipeline_uuid,
        "pipelineRunUuid": step.pipeline_run_uuid,
        "stepUuid": step.step_uuid,
        "branchName": "release/1",
        "deploymentEnvironmentUuid": PRODUCTION,
    }
    assert len(step.subject) == 116


def test_a_step_outside_environments_has_no_environment_in_subject_or_claims(bitbucket: EmulatedBitbucket) -> None:
    step = PipelineStep(ACME, REPOSITORY)
    claims = verified(bitbucket, bitbucket.step_token(step))
    assert claims["sub"] == f"{REPOSITORY}:{step.step_uuid}"
    assert len(step.subject) == 77
    assert "deploymentEnvironmentUuid" not in claims
    assert claims["branchName"] == "main"


def test_further_audiences_come_after_the_workspaces_own(bitbucket: EmulatedBitbucket) -> None:
    claims = verified(bitbucket, bitbucket.step_token(PipelineStep(ACME, REPOSITORY), audiences=["sts.amazonaws.com"]))
    assert claims["aud"] == [DEFAULT_AUDIENCE, "sts.amazonaws.com"]


def test_every_step_has_uuids_of_its_own() -> None:
    one, other = PipelineStep(ACME, REPOSITORY), PipelineStep(ACME, REPOSITORY)
    assert one.step_uuid != other.step_uuid
    assert one.pipeline_uuid != other.pipeline_uuid
    for uuid in (one.step_uuid, one.pipeline_uuid, one.pipeline_run_uuid):
        assert (uuid[0], uuid[-1], len(uuid)) == ("{", "}", 38)


def test_a_token_of_long_ago_is_expired(bitbucket: EmulatedBitbucket) -> None:
    token = bitbucket.step_token(PipelineStep(ACME, REPOSITORY), now=datetime.now(UTC) - timedelta(hours=2))
    with pytest.raises(jwt.ExpiredSignatureError):
        verified(bitbucket, token)


def test_any_claims_can_be_signed(bitbucket: EmulatedBitbucket) -> None:
    claims = step_claims(PipelineStep(ACME, REPOSITORY), issued_at=datetime.now(UTC)) | {"sub": "no brace", "iss": 1}
    token = bitbucket.sign(claims)
    assert json.loads(jwt.PyJWS().decode(token, key_of(bitbucket, token), ["RS256"])) == claims


def test_a_forged_token_names_the_right_key_and_does_not_verify(bitbucket: EmulatedBitbucket) -> None:
    claims = step_claims(PipelineStep(ACME, REPOSITORY), issued_at=datetime.now(UTC))
    genuine, forged = bitbucket.sign(claims), bitbucket.forge(claims)
    assert jwt.get_unverified_header(forged) == jwt.get_unverified_header(genuine)
    assert forged.split(".")[:2] == genuine.split(".")[:2]
    with pytest.raises(jwt.InvalidSignatureError):
        verified(bitbucket, forged)


def jwk_client(bitbucket: EmulatedBitbucket) -> jwt.PyJWKClient:
    context = ssl.create_default_context(cafile=bitbucket.ca_file)
    context.check_hostname = False  # urllib connects to the address, and so checks for that
    uri = f"https://{bitbucket.address}{ACME_PATH}/keys.json"
    return jwt.PyJWKClient(uri, headers={"Host": HOST}, ssl_context=context)


def key_of(bitbucket: EmulatedBitbucket, token: str) -> jwt.PyJWK:
    return jwk_client(bitbucket).get_signing_key_from_jwt(token)


def verified(bitbucket: EmulatedBitbucket, token: str) -> dict[str, object]:
    return jwt.decode(
        token, key_of(bitbucket, token), algorithms=["RS256"], audience=DEFAULT_AUDIENCE, issuer=ACME.issuer
    )


@pytest.fixture(autouse=True)
def without_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(urllib.request, "getproxies", dict)
