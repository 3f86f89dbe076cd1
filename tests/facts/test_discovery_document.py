"""What a discovery document must hold before it is used."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facts.issuer.discovery_document import authority, discovery_url, parse_discovery_document
from oidc.errors import IssuerError

ISSUER = "https://api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc"
GOOD = {"issuer": ISSUER, "jwks_uri": f"{ISSUER}/keys.json"}


def test_fields_that_are_not_used_are_left_alone() -> None:
    document = parse_discovery_document(ISSUER, json.dumps({**GOOD, "claims_supported": 1, "new": None}).encode())
    assert (document.issuer, document.jwks_uri) == (ISSUER, f"{ISSUER}/keys.json")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "not JSON"),
        (b"<html>log in</html>", "not JSON"),
        (b'{"issuer": "\xff"}', "not JSON"),
        (b"[" * 60_000, "not JSON"),
        (b"[]", "not a JSON object"),
        (b"null", "not a JSON object"),
        (b'"text"', "not a JSON object"),
        (json.dumps({"jwks_uri": GOOD["jwks_uri"]}).encode(), "issuer is missing"),
        (json.dumps({"issuer": ISSUER}).encode(), "jwks_uri is missing"),
        (json.dumps({**GOOD, "issuer": 1}).encode(), "issuer is not text"),
        (json.dumps({**GOOD, "jwks_uri": ["x"]}).encode(), "jwks_uri is not text"),
        (json.dumps({**GOOD, "issuer": f"{ISSUER}/"}).encode(), "is the document of another issuer"),
        (json.dumps({**GOOD, "issuer": ISSUER.upper()}).encode(), "is the document of another issuer"),
        (json.dumps({**GOOD, "jwks_uri": "http://api.bitbucket.org/k"}).encode(), "jwks_uri must be an https URL"),
        (json.dumps({**GOOD, "jwks_uri": "https://[broken/k"}).encode(), "jwks_uri must be an https URL"),
        (json.dumps({**GOOD, "jwks_uri": "https:///k"}).encode(), "jwks_uri must be an https URL"),
        (json.dumps({**GOOD, "jwks_uri": "/keys.json"}).encode(), "jwks_uri must be an https URL"),
    ],
)
def test_a_faulty_document_is_one_error_that_says_what_is_wrong(body: bytes, message: str) -> None:
    with pytest.raises(IssuerError, match=message) as caught:
        parse_discovery_document(ISSUER, body)
    assert caught.value.what.startswith(discovery_url(ISSUER))
    assert caught.value.do


def test_what_a_document_claims_is_cut_and_escaped_in_the_message() -> None:
    body = json.dumps({**GOOD, "issuer": "\x1b[2J" + "x" * 10_000}).encode()
    with pytest.raises(IssuerError) as caught:
        parse_discovery_document(ISSUER, body)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 1000


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["issuer", "jwks_uri", "x"]), inner),
    )
)
def test_any_json_gives_a_document_of_that_issuer_or_an_issuer_error(value: object) -> None:
    try:
        document = parse_discovery_document(ISSUER, json.dumps(value).encode())
    except IssuerError:
        return
    assert document.issuer == ISSUER
    assert authority(document.jwks_uri) is not None


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://api.bitbucket.org/x", ("api.bitbucket.org", 443)),
        ("https://API.bitbucket.org./x", ("api.bitbucket.org", 443)),
        ("https://api.bitbucket.org:8443", ("api.bitbucket.org", 8443)),
        ("https://[::1]:8443/x", ("::1", 8443)),
        ("http://api.bitbucket.org/x", None),
        ("https://api.bitbucket.org:99999", None),
        ("api.bitbucket.org", None),
    ],
)
def test_authority_is_host_and_port_of_an_https_url(url: str, expected: tuple[str, int] | None) -> None:
    assert authority(url) == expected
