"""No thumbprint is taken from a chain that is not trusted, in date, in order and made for the host."""

import datetime as dt
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from facts.issuer.certificates import fetch_thumbprints
from facts.issuer.connect import IssuerConnect
from oidc.errors import IssuerError

if TYPE_CHECKING:
    from tests.facts.conftest import Refusal, StartHost

LONG_AGO = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
FAR_AHEAD = dt.datetime(2099, 1, 1, tzinfo=dt.UTC)


def test_a_ca_that_is_not_trusted(refusal: "Refusal", start_host: "StartHost", ca_file: Path) -> None:
    host = start_host(trustme.CA().issue_cert("localhost"))
    error = refusal(host.issuer(), ca_file=ca_file)
    assert "not trusted: unable to get issuer cert locally (certificate 1 of the chain" in error.what
    assert "intercepts" in error.do
    assert host.requests == []


def test_a_root_that_is_presented_but_not_trusted(refusal: "Refusal", start_host: "StartHost", ca_file: Path) -> None:
    other = trustme.CA()
    leaf = other.issue_cert("localhost")
    host = start_host(leaf, [leaf.cert_chain_pems[0].bytes(), other.cert_pem.bytes()])
    assert "self signed cert in chain" in refusal(host.issuer(), ca_file=ca_file).what


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_a_ca_that_only_the_environment_names(
    refusal: "Refusal",
    start_host: "StartHost",
    ca: trustme.CA,
    ca_file: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    variable: str,
) -> None:
    monkeypatch.setenv(variable, str(ca_file))
    host = start_host(ca.issue_cert("localhost"))
    assert "not trusted" in refusal(host.issuer()).what


def test_an_expired_certificate(refusal: "Refusal", start_host: "StartHost", ca: trustme.CA, ca_file: Path) -> None:
    expired = ca.issue_cert("localhost", not_before=LONG_AGO, not_after=LONG_AGO + dt.timedelta(days=1))
    assert "cert has expired" in refusal(start_host(expired).issuer(), ca_file=ca_file).what


def test_a_certificate_of_the_future(
    refusal: "Refusal", start_host: "StartHost", ca: trustme.CA, ca_file: Path
) -> None:
    early = ca.issue_cert("localhost", not_before=FAR_AHEAD, not_after=FAR_AHEAD + dt.timedelta(days=1))
    assert "cert not yet valid" in refusal(start_host(early).issuer(), ca_file=ca_file).what


def test_a_missing_intermediate(refusal: "Refusal", start_host: "StartHost", ca: trustme.CA, ca_file: Path) -> None:
    leaf = ca.create_child_ca().issue_cert("localhost")
    host = start_host(leaf, [leaf.cert_chain_pems[0].bytes()])
    assert "unable to get issuer cert locally" in refusal(host.issuer(), ca_file=ca_file).what


def test_a_certificate_issued_by_a_certificate_that_is_no_ca(
    refusal: "Refusal", start_host: "StartHost", ca: trustme.CA, ca_file: Path
) -> None:
    key, chain = issued_by_a_host(ca.issue_cert("evil.example"))
    error = refusal(start_host(key, chain).issuer(), ca_file=ca_file)
    assert "not trusted: invalid ca" in error.what


@pytest.mark.parametrize(
    ("certified", "asked"),
    [
        (["other.example"], "localhost"),
        (["*.localhost"], "localhost"),
        (["127.0.0.1"], "localhost"),
        (["localhost"], "127.0.0.1"),
        (["127.0.0.2"], "127.0.0.1"),
    ],
)
def test_a_certificate_of_another_host(
    refusal: "Refusal", start_host: "StartHost", ca: trustme.CA, ca_file: Path, *, certified: list[str], asked: str
) -> None:
    host = start_host(ca.issue_cert(*certified))
    error = refusal(host.issuer(asked), ca_file=ca_file)
    assert "for another host" in error.what
    assert host.requests == []


def test_a_common_name_instead_of_an_alternative_name(
    refusal: "Refusal", start_host: "StartHost", ca: trustme.CA, ca_file: Path
) -> None:
    host = start_host(ca.issue_cert("other.example", common_name="localhost"))
    assert "for another host" in refusal(host.issuer(), ca_file=ca_file).what


def test_a_certificate_of_the_address_instead_of_the_host(
    refusal: "Refusal", start_host: "StartHost", ca: trustme.CA, ca_file: Path
) -> None:
    host = start_host(ca.issue_cert("127.0.0.1", "localhost"))
    connect = IssuerConnect(f"127.0.0.1:{host.port}", ca_file)
    error = refusal("https://issuer.example/acme", connect=connect)
    assert "for another host" in error.what
    assert f"asked at 127.0.0.1:{host.port}" in error.what


def test_a_trusted_chain_with_a_stray_certificate_after_it(
    start_host: "StartHost", ca: trustme.CA, ca_file: Path
) -> None:
    leaf = ca.create_child_ca().issue_cert("localhost")
    chain = [pem.bytes() for pem in leaf.cert_chain_pems] + [trustme.CA().cert_pem.bytes()]
    host = start_host(leaf, chain)
    with pytest.raises(IssuerError, match=r"/acme/keys\.json: .* not one chain in order: certificate 2 "):
        fetch_thumbprints([host.issuer()], ca_file=ca_file)


def test_a_trusted_chain_out_of_order(start_host: "StartHost", ca: trustme.CA, ca_file: Path) -> None:
    leaf = ca.create_child_ca().create_child_ca().issue_cert("localhost")
    own, issuing, top = (pem.bytes() for pem in leaf.cert_chain_pems)
    host = start_host(leaf, [own, top, issuing])
    with pytest.raises(IssuerError, match=r"not one chain in order: certificate 1 .* is not issued by certificate 2 "):
        fetch_thumbprints([host.issuer()], ca_file=ca_file)


def test_a_ca_of_the_keys_host_that_is_not_trusted(start_host: "StartHost", ca: trustme.CA, ca_file: Path) -> None:
    keys_host = start_host(trustme.CA().issue_cert("localhost"))
    jwks_uri = f"https://localhost:{keys_host.port}/keys"
    host = start_host(ca.issue_cert("localhost"))
    issuer = host.issuer(jwks_uri=jwks_uri)
    with pytest.raises(IssuerError, match=f"^{jwks_uri} could not be fetched: its certificate is not trusted"):
        fetch_thumbprints([issuer], ca_file=ca_file)


def test_a_keys_host_that_never_answers(start_host: "StartHost", ca: trustme.CA, ca_file: Path) -> None:
    host = start_host(ca.issue_cert("localhost"))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        jwks_uri = f"https://localhost:{silent.getsockname()[1]}/keys"
        issuer = host.issuer(jwks_uri=jwks_uri)
        with pytest.raises(IssuerError, match="did not answer in time"):
            fetch_thumbprints([issuer], ca_file=ca_file, timeout=0.3)


def issued_by_a_host(host: trustme.LeafCert) -> tuple[bytes, list[bytes]]:
    """Return key and chain of a certificate for localhost that the holder of another host's certificate made."""
    issuer = x509.load_pem_x509_certificate(host.cert_chain_pems[0].bytes())
    issuer_key = serialization.load_pem_private_key(host.private_key_pem.bytes(), None)
    assert isinstance(issuer_key, ec.EllipticCurvePrivateKey)
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(issuer.subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(issuer.not_valid_before_utc)
        .not_valid_after(issuer.not_valid_after_utc)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=True)
        .sign(issuer_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return secret, [certificate.public_bytes(pem), *(ca.bytes() for ca in host.cert_chain_pems)]
