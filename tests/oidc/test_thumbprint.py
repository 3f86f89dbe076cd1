"""Vectors made by the openssl command line, and properties of generated chains."""

from itertools import permutations

import pytest
import trustme
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from oidc.errors import IssuerError
from oidc.thumbprint import chain_thumbprint, thumbprint

# openssl req -x509 and openssl x509 -req: P-256 root, RSA intermediate, P-256 host; the fingerprints are what
# `openssl x509 -in FILE -fingerprint -sha1 -noout` printed (OpenSSL 3.0).
HOST_PEM = b"""\
-----BEGIN CERTIFICATE-----
MIICZTCCAU2gAwIBAgIUdnlNZV3FfcEuftCHcHpevw0So/swDQYJKoZIhvcNAQEL
BQAwHjEcMBoGA1UEAwwTVmVjdG9yIEludGVybWVkaWF0ZTAeFw0yNjExMjMwODAx
MDRaFw0zNjExMjAwODAxMDRaMBkxFzAVBgNVBAMMDmlzc3Vlci5leGFtcGxlMFkw
EwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEy9oJNQ2gjTipL693D45Nx6xRFPn0wS5l
paLLPVCo4RGHTVY+6Ybq18aKqsBoKatcReyEgxC0CSsSwxciWEzG4qNrMGkwDAYD
VR0TAQH/BAIwADAZBgNVHREEEjAQgg5pc3N1ZXIuZXhhbXBsZTAdBgNVHQ4EFgQU
XY0zohBjLq6uaj/8EJ2mXBP/gvkwHwYDVR0jBBgwFoAUj9PE4RorPWUYewdrmsMI
+yaigOwwDQYJKoZIhvcNAQELBQADggEBAJsqQuYWmTx5PalDNdYS8asE7IiXEKvW
npNL0qUNjOZ9XxKQn+Y/gHVnk2XivoIRsrBNaamz6t6jggCNElFXJ0dokA8BIVG/
O5qmX7qoTzy/8vs9ZrMUGL03LT/84KCRmeo04iDsyYaZdILHxAi2UpjLKEC6ScQe
ckj9LB4LTScCieekj1DCioNFRnVyqoDsO84GIqGepAVZR/o1uORsPP3rzK6JHi7R
z0HH86Dqf8zscOoGD0K3pTiuo7HhCijCDyWCxoFagvNOTFdqrAe/sEts+rPL+PBb
abROTKKj9YWxkRMgGi11PxSRLMTkhzr3R3SXiD4MPj76ZclPcHKdej0=
-----END CERTIFICATE-----
"""
HOST_PRINTED = "sha1 Fingerprint=37:13:05:54:39:BD:F2:F5:52:3D:78:57:F5:BB:5B:33:47:D2:3F:B7"
INTERMEDIATE_PEM = b"""\
-----BEGIN CERTIFICATE-----
MIICZTCCAgqgAwIBAgIUZbCT6gr+louPknJs2hfvErAJo+YwCgYIKoZIzj0EAwIw
FjEUMBIGA1UEAwwLVmVjdG9yIFJvb3QwHhcNMjYxMTIzMDgwMTA0WhcNMzYxMTIw
MDgwMTA0WjAeMRwwGgYDVQQDDBNWZWN0b3IgSW50ZXJtZWRpYXRlMIIBIjANBgkq
hkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAulFimW4S99gb2p7rxr2NJBiuvn5I3MWK
wNprXX8sOIB4j+iw6sj3J/jQIVO4vvd+4m391RD+Kae6D92rEqi996UdBQWOStGI
I7FJV+QM1u062PQQvXISa/bsykESCecFOdC5uR5jZUrTjXcxBiwnvNYbvkkqykEV
Lyd5cdf41wG8C7Bx5efqLdjoCzxIIM/PTouw4G4gwPR+9uWOlu5QEEar2T0f1kwh
QFioZ8Zzc4DUJyPbqa9veNGCAxtO2RCK0Iisw0xabbck4FGCv/3VbUHXveBu0tmp
L2aXU9rUk9aYhZCNiWf85th8vlNqfRhVyZ99C1qagxBr17U9RWJ9xwIDAQABo2Mw
YTAPBgNVHRMBAf8EBTADAQH/MA4GA1UdDwEB/wQEAwIBBjAdBgNVHQ4EFgQUj9PE
4RorPWUYewdrmsMI+yaigOwwHwYDVR0jBBgwFoAU2Ibu0Xg0Ny9Ak+wc8oNPO8/m
weEwCgYIKoZIzj0EAwIDSQAwRgIhAJY6YOIfXk0AB883OmaujNwl0KXKVh25Rzi7
7Qqn2z1FAiEA5ICkVP1+9OwFIaxG08gZsYBQBUvhyvwYGUfLD28fDSo=
-----END CERTIFICATE-----
"""
INTERMEDIATE_PRINTED = "sha1 Fingerprint=77:68:4A:F0:0C:75:BD:52:72:81:FA:16:39:58:18:F2:26:E1:13:AF"
ROOT_PEM = b"""\
-----BEGIN CERTIFICATE-----
MIIBcDCCARagAwIBAgIUVXQGt9eLiehep9jy7Nne/CdqZDwwCgYIKoZIzj0EAwIw
FjEUMBIGA1UEAwwLVmVjdG9yIFJvb3QwHhcNMjYxMTIzMDgwMTA0WhcNMzYxMTIw
MDgwMTA0WjAWMRQwEgYDVQQDDAtWZWN0b3IgUm9vdDBZMBMGByqGSM49AgEGCCqG
SM49AwEHA0IABKbYRVGxeIJA9HlF3usSvoDguC4EakuV6wTt5JPMqeNiHCmdQktG
FwzKyTMHTWmcwJX6lhF7BQWdKk+yySbVZJGjQjBAMA8GA1UdEwEB/wQFMAMBAf8w
DgYDVR0PAQH/BAQDAgEGMB0GA1UdDgQWBBTYhu7ReDQ3L0CT7Bzyg087z+bB4TAK
BggqhkjOPQQDAgNIADBFAiAX3TQ9IYHzX0FuLb2lnULsViVkwtwvWH6CtIx5+KCS
hQIhAPvgiLxkxKUj189tRKhTcdMHO1psDczXPjUwEdtU8iil
-----END CERTIFICATE-----
"""
ROOT_PRINTED = "sha1 Fingerprint=3C:DB:FA:67:2E:6B:06:43:72:50:E6:26:BA:3F:F1:6A:91:2C:E5:1F"


def load(*pems: bytes) -> list[x509.Certificate]:
    return [x509.load_pem_x509_certificate(pem) for pem in pems]


def as_aws_wants_it(printed: str) -> str:
    return printed.partition("=")[2].replace(":", "").lower()


@pytest.mark.parametrize(
    ("pem", "printed"),
    [(HOST_PEM, HOST_PRINTED), (INTERMEDIATE_PEM, INTERMEDIATE_PRINTED), (ROOT_PEM, ROOT_PRINTED)],
    ids=["host", "intermediate", "root"],
)
def test_thumbprint_is_what_openssl_prints_without_colons_in_lower_case(pem: bytes, printed: str) -> None:
    assert thumbprint(load(pem)[0]) == as_aws_wants_it(printed)


@pytest.mark.parametrize(
    ("presented", "printed"),
    [
        ((HOST_PEM,), HOST_PRINTED),
        ((HOST_PEM, INTERMEDIATE_PEM), INTERMEDIATE_PRINTED),
        ((HOST_PEM, INTERMEDIATE_PEM, ROOT_PEM), ROOT_PRINTED),
    ],
    ids=["host alone", "without the root", "with the root"],
)
def test_thumbprint_of_a_chain_is_that_of_the_last_certificate_presented(
    presented: tuple[bytes, ...], printed: str
) -> None:
    assert chain_thumbprint(load(*presented)) == as_aws_wants_it(printed)


def test_no_certificate_is_an_error() -> None:
    with pytest.raises(IssuerError, match="presented no certificate"):
        chain_thumbprint([])


def test_a_wrong_order_is_an_error_that_names_the_first_pair() -> None:
    with pytest.raises(IssuerError) as caught:
        chain_thumbprint(load(HOST_PEM, ROOT_PEM, INTERMEDIATE_PEM))
    assert "certificate 1 ('CN=issuer.example') is not issued by certificate 2 ('CN=Vector Root')" in str(caught.value)
    assert "thumbprints: omit" in caught.value.do


def test_a_stray_certificate_at_the_end_is_an_error_that_names_the_pair() -> None:
    stray = trustme.CA(organization_name="Stray", organization_unit_name="x").cert_pem.bytes()
    with pytest.raises(IssuerError, match=r"certificate 2 \('CN=Vector Intermediate'\) is not issued by certificate 3"):
        chain_thumbprint(load(HOST_PEM, INTERMEDIATE_PEM, stray))


def test_a_ca_of_the_same_name_with_another_key_is_not_the_issuer() -> None:
    first, second = (trustme.CA(organization_name="Twin", organization_unit_name="x") for _ in range(2))
    host = first.issue_cert("issuer.example").cert_chain_pems[0].bytes()
    with pytest.raises(IssuerError, match="not one chain in order"):
        chain_thumbprint(load(host, second.cert_pem.bytes()))


def test_control_characters_in_a_certificate_name_cannot_reach_the_terminal() -> None:
    hostile = trustme.CA(organization_name="\x1b[2Jgone", organization_unit_name="x").cert_pem.bytes()
    with pytest.raises(IssuerError) as caught:
        chain_thumbprint(load(HOST_PEM, hostile))
    assert str(caught.value).isprintable()


@pytest.fixture(scope="module")
def long_chain() -> list[x509.Certificate]:
    """A host, three intermediates and a root, in order."""
    root = trustme.CA()
    low = root.create_child_ca().create_child_ca().create_child_ca()
    host = low.issue_cert("issuer.example")
    return load(*(pem.bytes() for pem in host.cert_chain_pems), root.cert_pem.bytes())


def test_of_all_orders_only_the_one_from_host_to_root_is_accepted(long_chain: list[x509.Certificate]) -> None:
    accepted = []
    for order in permutations(range(len(long_chain))):
        try:
            chain_thumbprint([long_chain[position] for position in order])
        except IssuerError:
            continue
        accepted.append(order)
    assert accepted == [(0, 1, 2, 3, 4)]


@given(st.data())
def test_any_run_of_neighbours_is_a_chain_and_any_gap_is_not(
    long_chain: list[x509.Certificate], data: st.DataObject
) -> None:
    picked = sorted(data.draw(st.sets(st.integers(0, len(long_chain) - 1), min_size=1)))
    presented = [long_chain[position] for position in picked]
    if picked == list(range(picked[0], picked[-1] + 1)):
        assert chain_thumbprint(presented) == thumbprint(long_chain[picked[-1]])
    else:
        with pytest.raises(IssuerError):
            chain_thumbprint(presented)
