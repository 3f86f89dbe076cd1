"""The emulated Bitbucket's certificates in its folder: made once, renewed in time, made anew when broken.

| file | holds |
|---|---|
| ``ca.pem`` | the root certificate: what a client trusts |
| ``intermediate.pem`` | the intermediate's key and certificate |
| ``host.pem`` | the host's key, its certificate and the intermediate: what the server loads |

The files are written in this order, each whole; what does not fit together after a crash is found at the next load.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from sandbox.emulated_bitbucket.certificates import (
    HOST_LIFETIME,
    OWN_ADDRESS,
    Authority,
    is_usable,
    issue_host_certificate,
    make_authority,
)
from sandbox.emulated_bitbucket.kept_files import keep, read_kept

_DOES_NOT_FIT = (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm)
"""What ``cryptography`` raises for PEM that is broken, locked with a password, or signed by somebody else."""


@dataclass(frozen=True)
class KeptCertificates:
    """Where the certificates are.

    Attributes:
        ca_file: PEM of the root certificate.
        host_file: PEM of the host's key and of the chain that it presents.
        warnings: A sentence for each thing that was made anew though it had been there.
    """

    ca_file: Path
    host_file: Path
    warnings: tuple[str, ...]


def keep_certificates(folder: Path, host: str, now: datetime) -> KeptCertificates:
    """Load the certificates for ``host`` from ``folder``, and make those that are missing, broken or near their end.

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
                f"the emulated Bitbucket's CA in {folder} was broken, incomplete or near its end and was made anew: "
                "its thumbprint is another one now"
            )
        authority = make_authority(now)
        keep(paths[0], authority.root.public_bytes(Encoding.PEM))
        keep(paths[1], _pem(authority.key) + authority.intermediate.public_bytes(Encoding.PEM))
    state = _host_state(host_file, authority, host, now)
    if state == "broken" and not warnings:
        warnings.append(f"{paths[2]} was broken and was made anew; the thumbprint is the same")
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
    # The host's certificate must not outlive what issued it.
    long_enough = all(is_usable(one, now, spare=HOST_LIFETIME) for one in (root, certificate))
    return Authority(root, certificate, key) if long_enough else None


def _host_state(content: bytes | None, authority: Authority, host: str, now: datetime) -> str:
    """Return ``good``, ``broken``, or ``due`` for what is not there yet or near its end."""
    if content is None:
        return "due"
    try:
        certificate, *rest = x509.load_pem_x509_certificates(content)
        key = load_pem_private_key(content, None)
        certificate.verify_directly_issued_by(authority.intermediate)
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (*_DOES_NOT_FIT, x509.ExtensionNotFound):
        return "broken"
    right_names = names.get_values_for_type(x509.DNSName) == [host]
    if key.public_key() != certificate.public_key() or rest != [authority.intermediate] or not right_names:
        return "broken"
    has_address = names.get_values_for_type(x509.IPAddress) == [OWN_ADDRESS]  # older ones have not
    return "good" if has_address and is_usable(certificate, now) else "due"


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
