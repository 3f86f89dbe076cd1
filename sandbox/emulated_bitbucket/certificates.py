"""A certificate authority of the emulated Bitbucket's own: root, intermediate, and the certificate of its host.

The host presents its own certificate and the intermediate, as public hosts do, so the thumbprint is that of the
intermediate. Root and intermediate are kept for years; the host's certificate is short-lived, and a new one comes from
the same intermediate, so the thumbprint stays what it was. The root's key is thrown away once the intermediate is
signed: whoever finds the folder cannot make another intermediate.

The extensions are those that https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1 asks for; Python 3.13 and later
refuse a chain without them.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Address

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_LIFETIME = timedelta(days=3650)
HOST_LIFETIME = timedelta(days=90)
RENEW_BEFORE = timedelta(days=30)
"""A certificate with less than this left is replaced: no run of the sandbox lasts that long."""

OWN_ADDRESS = IPv4Address("127.0.0.1")
"""In the host's certificate too, for clients that name the address."""

_BACKDATED = timedelta(hours=1)


@dataclass(frozen=True)
class Authority:
    """What issues the host's certificate.

    Attributes:
        root: The self-signed certificate to trust.
        intermediate: Signed by the root; the host presents it too.
        key: The key of the intermediate.
    """

    root: x509.Certificate
    intermediate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def make_authority(now: datetime) -> Authority:
    """Make a root and an intermediate with new keys, valid from ``now`` (aware, with a time zone)."""
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root_name = _name("Emulated Bitbucket Root CA")
    root = _sign(_ca(root_name, root_key, root_name, root_key, now, path_length=1), root_key)
    intermediate_name = _name("Emulated Bitbucket Intermediate CA")
    intermediate = _sign(_ca(intermediate_name, key, root_name, root_key, now, path_length=0), root_key)
    return Authority(root, intermediate, key)


def issue_host_certificate(
    authority: Authority, host: str, key: ec.EllipticCurvePrivateKey, now: datetime
) -> x509.Certificate:
    """Issue the certificate of a DNS name and this machine, for TLS servers, valid from ``now`` (aware) for 90 days."""
    builder = (
        _builder(_name(host), key, authority.intermediate.subject, now, HOST_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host), x509.IPAddress(OWN_ADDRESS)]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(_issued_with(authority.key), critical=False)
    )
    return _sign(builder, authority.key)


def is_usable(certificate: x509.Certificate, now: datetime, *, spare: timedelta = RENEW_BEFORE) -> bool:
    """Tell whether a certificate is valid now and for a while yet."""
    return certificate.not_valid_before_utc <= now and now + spare < certificate.not_valid_after_utc


def _ca(
    name: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    issuer: x509.Name,
    issuer_key: ec.EllipticCurvePrivateKey,
    now: datetime,
    *,
    path_length: int,
) -> x509.CertificateBuilder:
    return (
        _builder(name, key, issuer, now, AUTHORITY_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(_issued_with(issuer_key), critical=False)
    )


def _builder(
    name: x509.Name, key: ec.EllipticCurvePrivateKey, issuer: x509.Name, now: datetime, lifetime: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + lifetime)
    )


def _sign(builder: x509.CertificateBuilder, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    return builder.sign(key, hashes.SHA256())


def _issued_with(key: ec.EllipticCurvePrivateKey) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
