"""Thumbprints fetched from real TLS hosts on loopback."""

import hashlib
import json
import ssl
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import trustme

from facts.issuer.certificates import fetch_thumbprints
from facts.issuer.connect import IssuerConnect
from oidc.errors import IssuerError, UsageError

if TYPE_CHECKING:
    from tests.facts.conftest import StartHost, TlsHost

DISCOVERY = "/.well-known/openid-configuration"


def sha1(pem: bytes) -> str:
    return hashlib.sha1(ssl.PEM_cert_to_DER_cert(pem.decode())).hexdigest()


def document(issuer: str, jwks_uri: str | None = None) -> bytes:
    body = json.dumps({"issuer": issuer, "jwks_uri": jwks_uri or f"{issuer}/keys.json"}).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body


def serve_issuers(host: "TlsHost", name: str, *slugs: str, jwks_uri: str | None = None) -> list[str]:
    """Have a host serve a discovery document for each slug; return the issuers."""
    issuers = [f"https://{name}/{slug}" for slug in slugs]
    for slug, issuer in zip(slugs, issuers, strict=True):
        host.replies[f"/{slug}{DISCOVERY}"] = document(issuer, jwks_uri)
    return issuers


@pytest.mark.parametrize("key_type", list(trustme.KeyType), ids=lambda kind: kind.name)
@pytest.mark.parametrize("with_root", [False, True], ids=["without root", "with root"])
@pytest.mark.parametrize("intermediates", [0, 1, 2])
def test_thumbprint_is_that_of_the_last_certificate_presented(
    start_host: "StartHost", tmp_path: Path, intermediates: int, *, with_root: bool, key_type: trustme.KeyType
) -> None:
    root = issuing = trustme.CA(key_type=key_type)
    for _ in range(intermediates):
        issuing = issuing.create_child_ca(key_type=key_type)
    leaf = issuing.issue_cert("localhost", key_type=key_type)
    chain = [pem.bytes() for pem in leaf.cert_chain_pems] + [root.cert_pem.bytes()] * with_root
    assert len(chain) == 1 + intermediates + with_root
    root.cert_pem.write_to_path(tmp_path / "root.pem")
    host = start_host(leaf, chain)
    [issuer] = serve_issuers(host, f"localhost:{host.port}", "acme")

    assert fetch_thumbprints([issuer], ca_file=tmp_path / "root.pem") == {issuer: sha1(chain[-1])}


def test_many_issuers_of_one_host_need_one_tls_connection(
    start_host: "StartHost", ca: trustme.CA, ca_file: Path
) -> None:
    host = start_host(ca.issue_cert("localhost"))
    issuers = serve_issuers(host, f"localhost:{host.port}", *(f"w{number}" for number in range(25)))

    thumbprints = fetch_thumbprints([*issuers, issuers[0]], ca_file=ca_file)

    assert list(thumbprints) == issuers
    assert host.connections == 1
    assert len(host.requests) == 25


def test_thumbprint_comes_from_the_host_of_the_keys_by_one_connection_to_each_host(
    start_host: "StartHost", ca: trustme.CA, ca_file: Path
) -> None:
    of_keys = ca.create_child_ca().issue_cert("localhost")
    keys_host, issuer_host = start_host(of_keys), start_host(ca.issue_cert("localhost"))
    issuers = serve_issuers(
        issuer_host, f"localhost:{issuer_host.port}", "a", "b", jwks_uri=f"https://localhost:{keys_host.port}/keys"
    )

    thumbprints = fetch_thumbprints(issuers, ca_file=ca_file)

    assert thumbprints == dict.fromkeys(issuers, sha1(of_keys.cert_chain_pems[-1].bytes()))
    assert (issuer_host.connections, keys_host.connections) == (1, 1)


def test_more_hosts_than_a_pool_manager_keeps_by_default_still_need_one_connection_each(
    start_host: "StartHost", ca: trustme.CA, ca_file: Path
) -> None:
    hosts = [start_host(ca.issue_cert("localhost")) for _ in range(12)]
    by_host = [serve_issuers(host, f"localhost:{host.port}", "a", "b") for host in hosts]

    fetch_thumbprints([first for first, _ in by_host] + [second for _, second in by_host], ca_file=ca_file)

    assert [host.connections for host in hosts] == [1] * 12


def test_an_ip_address_is_accepted_where_the_certificate_names_it(
    start_host: "StartHost", ca: trustme.CA, ca_file: Path
) -> None:
    leaf = ca.issue_cert("127.0.0.1")
    host = start_host(leaf)
    [issuer] = serve_issuers(host, f"127.0.0.1:{host.port}", "acme")

    assert fetch_thumbprints([issuer], ca_file=ca_file) == {issuer: sha1(leaf.cert_chain_pems[0].bytes())}


def test_another_address_changes_neither_the_names_in_tls_and_http_nor_the_check_of_the_certificate(
    start_host: "StartHost", ca: trustme.CA, ca_file: Path
) -> None:
    leaf = ca.create_child_ca().issue_cert("issuer.example")
    host = start_host(leaf)
    [issuer] = serve_issuers(host, "issuer.example", "acme")

    thumbprints = fetch_thumbprints([issuer], connect=IssuerConnect(f"127.0.0.1:{host.port}", ca_file))

    assert thumbprints == {issuer: sha1(leaf.cert_chain_pems[-1].bytes())}
    assert host.server_names == ["issuer.example"]
    assert b"\r\nHost: issuer.example\r\n" in host.requests[0]


def test_the_document_is_asked_for_by_name_and_without_anybodys_login(
    start_host: "StartHost", ca: trustme.CA, ca_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine localhost login me password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    host = start_host(ca.issue_cert("localhost"))
    [issuer] = serve_issuers(host, f"localhost:{host.port}", "acme")

    fetch_thumbprints([issuer], ca_file=ca_file)

    assert b"\r\nUser-Agent: bitbucket-aws-oidc\r\n" in host.requests[0]
    assert b"authorization" not in host.requests[0].lower()


def test_no_issuer_needs_no_connection() -> None:
    assert fetch_thumbprints([]) == {}


@pytest.mark.parametrize("issuer", ["http://issuer.example/x", "issuer.example", "https://", "https://x:y/"])
def test_an_issuer_that_is_no_https_url_is_wrong_usage(issuer: str) -> None:
    with pytest.raises(UsageError, match="not an https URL"):
        fetch_thumbprints([issuer])


@pytest.mark.parametrize("content", [None, b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_a_ca_file_without_certificates_is_wrong_usage(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "broken.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match=r"broken\.pem cannot be used"):
        fetch_thumbprints(["https://issuer.example"], ca_file=path)
    with pytest.raises(UsageError, match=r"broken\.pem cannot be used"):
        fetch_thumbprints(["https://issuer.example"], connect=IssuerConnect("127.0.0.1:1", path))


def test_two_ca_files_are_wrong_usage(ca_file: Path) -> None:
    with pytest.raises(UsageError, match="both"):
        fetch_thumbprints([], connect=IssuerConnect("127.0.0.1:1", ca_file), ca_file=ca_file)


def test_where_a_workspace_is_renamed_the_issuer_that_answers_stands_for_both(
    start_host: "StartHost", ca: trustme.CA, ca_file: Path
) -> None:
    leaf = ca.create_child_ca().issue_cert("localhost")
    host = start_host(leaf)
    [now] = serve_issuers(host, f"localhost:{host.port}", "acme")
    before = now.replace("acme", "acme-old")
    alike = {now: (before,), before: (now,)}

    thumbprints = fetch_thumbprints([before, now], alike=alike, ca_file=ca_file)

    assert thumbprints == dict.fromkeys([before, now], sha1(leaf.cert_chain_pems[-1].bytes()))
    assert host.connections == 1


def test_an_issuer_without_a_document_is_named_where_no_other_slug_has_one(
    start_host: "StartHost", ca: trustme.CA, ca_file: Path
) -> None:
    host = start_host(ca.issue_cert("localhost"))
    missing = [f"https://localhost:{host.port}/{slug}" for slug in ("acme", "acme-old")]

    with pytest.raises(IssuerError, match=r"localhost:.*/acme/.*404"):
        fetch_thumbprints(missing, alike={missing[0]: (missing[1],)}, ca_file=ca_file)


def test_only_a_missing_document_is_stood_in_for(start_host: "StartHost", ca: trustme.CA, ca_file: Path) -> None:
    host = start_host(ca.issue_cert("localhost"))
    [good] = serve_issuers(host, f"localhost:{host.port}", "acme")
    broken = good.replace("acme", "acme-old")
    host.replies[f"/acme-old{DISCOVERY}"] = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"

    with pytest.raises(IssuerError, match="403"):
        fetch_thumbprints([broken], alike={broken: (good,)}, ca_file=ca_file)
