"""The emulated Bitbucket's certificate authority: root, intermediate, and the certificate of its host.

The host presents its certificate and the intermediate, as public hosts do, so the thumbprint is that of the
intermediate. Root and intermediate are kept for years. The host's certificate is short-lived. The same intermediate
signs its successor, so the thumbprint does not change. The root's key is deleted once the intermediate is signed:
nobody with access to the folder can make another intermediate.

https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1 requires the extensions; Python 3.13 and later refuse a chain
without them.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sandbox.emulated_bitbucket.signing_key import keep, read_kept

AUTHORITY_LIFETIME = timedelta(days=3650)
HOST_LIFETIME = timedelta(days=90)
RENEW_BEFORE = timedelta(days=30)
"""A certificate that expires sooner is replaced. No run of the sandbox lasts this long."""

OWN_ADDRESS = IPv4Address("127.0.0.1")
"""In the host's certificate too, for clients that name the address."""

_BACKDATED = timedelta(hours=1)


@dataclass(frozen=True)
class Authority:
    """The issuer of the host's certificate.

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
    """Tell whether a certificate is valid now and does not expire soon."""
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


_DOES_NOT_FIT = (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm)
"""``cryptography`` raises these for PEM that is broken, encrypted, or signed by another key."""


@dataclass(frozen=True)
class KeptCertificates:
    """The certificate files.

    Attributes:
        ca_file: PEM of the root certificate.
        host_file: PEM of the host's key and of the chain that it presents.
        warnings: A sentence for each existing file that was replaced.
    """

    ca_file: Path
    host_file: Path
    warnings: tuple[str, ...]


def keep_certificates(folder: Path, host: str, now: datetime) -> KeptCertificates:
    """Load the certificates for ``host`` from ``folder``; make those that are missing, broken or expire soon.

    Raises:
        SandboxError: The folder cannot be read or written.
    """
    paths = folder / "ca.pem", folder / "intermediate.pem", folder / "host.pem"
    ca, intermediate, host_file = (read_kept(path) for path in paths)
    warnings = []
    authority = _load_authority(ca, intermediate, now)
    if authority is None:
        if ca is not None or intermediate is not None:
            warnings.append(
                f"the emulated Bitbucket's CA in {folder} was broken, incomplete or about to expire; a new CA "
                "with another thumbprint replaces it"
            )
        authority = make_authority(now)
        keep(paths[0], authority.root.public_bytes(Encoding.PEM))
        keep(paths[1], _pem(authority.key) + authority.intermediate.public_bytes(Encoding.PEM))
    state = _host_state(host_file, authority, host, now)
    if state == "broken" and not warnings:
        warnings.append(f"{paths[2]} was broken; a new certificate with the same thumbprint replaces it")
    if state != "good":
        key = ec.generate_private_key(ec.SECP256R1())
        chain = issue_host_certificate(authority, host, key, now), authority.intermediate
        keep(paths[2], _pem(key) + b"".join(certificate.public_bytes(Encoding.PEM) for certificate in chain))
    return KeptCertificates(paths[0], paths[2], tuple(warnings))


def _load_authority(ca: bytes | None, intermediate: bytes | None, now: datetime) -> Authority | None:
    if ca is None or intermediate is None:
        return None
    try:
        root = x509.load_pem_x509_certificate(ca)
        certificate = x509.load_pem_x509_certificate(intermediate)
        key = load_pem_private_key(intermediate, None)
        certificate.verify_directly_issued_by(root)
    except _DOES_NOT_FIT:
        return None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        return None
    # The host's certificate must not outlive its issuer.
    long_enough = all(is_usable(authority, now, spare=HOST_LIFETIME) for authority in (root, certificate))
    return Authority(root, certificate, key) if long_enough else None


def _host_state(content: bytes | None, authority: Authority, host: str, now: datetime) -> str:
    """Return ``good``, ``broken``, or ``due``: missing, or expires soon."""
    if content is None:
        return "due"
    try:
        certificate, *issuers = x509.load_pem_x509_certificates(content)
        key = load_pem_private_key(content, None)
        certificate.verify_directly_issued_by(authority.intermediate)
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (*_DOES_NOT_FIT, x509.ExtensionNotFound):
        return "broken"
    right_names = names.get_values_for_type(x509.DNSName) == [host]
    if key.public_key() != certificate.public_key() or issuers != [authority.intermediate] or not right_names:
        return "broken"
    has_address = names.get_values_for_type(x509.IPAddress) == [OWN_ADDRESS]  # older certificates lack it
    return "good" if has_address and is_usable(certificate, now) else "due"


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
