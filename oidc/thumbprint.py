"""The thumbprint that an IAM OIDC provider holds, computed from the certificates that the issuer's host presents.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc_verify-thumbprint.html
"""

import hashlib
from collections.abc import Sequence
from itertools import pairwise
from typing import NewType

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import Certificate

from oidc.errors import IssuerError

Thumbprint = NewType("Thumbprint", str)
"""SHA-1 of a certificate as 40 lower-case hex digits, without colons: ``990f4193972f2becf12ddeda5237f9c952f20d9e``.

The form of ``ThumbprintList`` in
https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateOpenIDConnectProvider.html.
"""


def thumbprint(certificate: Certificate) -> Thumbprint:
    """Return the SHA-1 of the certificate's DER encoding, as ``openssl x509 -fingerprint -sha1`` prints it, bare.

    AWS defines the thumbprint as SHA-1. Here the hash only names a certificate which was verified by other means, so
    it is not used for security; saying so also keeps it available on a machine in FIPS mode.
    """
    der = certificate.public_bytes(Encoding.DER)
    return Thumbprint(hashlib.sha1(der, usedforsecurity=False).hexdigest())


def chain_thumbprint(presented: Sequence[Certificate]) -> Thumbprint:
    """Return the thumbprint of the last certificate that a host presented, the host's own certificate being the first.

    The last one is AWS's rule ("the last certificate displayed" by ``openssl s_client -showcerts``): usually the top
    intermediate CA, the root if the host sends it too, or the host's own if it sends no other. The rule needs one
    chain in order (https://www.rfc-editor.org/rfc/rfc5246#section-7.4.2: each certificate
    certifies the one before it). TLS libraries accept stray certificates and any order, so this function checks it.
    The code that connects checks trust, dates and host name.

    Raises:
        IssuerError: There is no certificate, or one is not issued by the next; the first such pair is named.
    """
    if not presented:
        raise IssuerError("the issuer's host presented no certificate", do="check that no proxy intercepts TLS")
    for position, (certificate, issuer) in enumerate(pairwise(presented), start=1):
        if not _is_issued_by(certificate, issuer):
            raise IssuerError(
                f"the issuer's host presented {len(presented)} certificates that are not one chain in order: "
                f"certificate {position} ({_name(certificate)}) is not issued by certificate {position + 1} "
                f"({_name(issuer)})",
                do="so the last one need not be the CA of the host; list the thumbprints in the inventory's defaults, "
                "or set `thumbprints: omit` there",
            )
    return thumbprint(presented[-1])


def _is_issued_by(certificate: Certificate, issuer: Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
        # In this order: another key signed it; a signature scheme that cannot be checked; the names differ; the
        # issuer's key is of a kind that signs no certificates.
        return False
    return True


def _name(certificate: Certificate) -> str:
    """Return the subject for a message, escaped and shortened, because the host chose it."""
    try:
        return repr(certificate.subject.rfc4514_string()[:200])
    except ValueError:
        return "with a malformed name"
