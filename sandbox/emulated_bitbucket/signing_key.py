"""The signing key of the emulated Bitbucket, and files that the sandbox keeps from one run to the next."""

import base64
import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from oidc.errors import SandboxError


def read_kept(path: Path) -> bytes | None:
    """Return the content of a file; ``None`` if the file does not exist.

    Raises:
        SandboxError: The file cannot be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unusable(path, error) from error


def keep(path: Path, content: bytes) -> None:
    """Write a file for this user alone (mode 0600), whole or not at all; make its folder if necessary (mode 0700).

    Raises:
        SandboxError: The file cannot be written.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # mkstemp makes files of mode 0600. In the same folder, replacing is one atomic step.
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise _unusable(path, error) from error


def _unusable(path: Path, error: OSError) -> SandboxError:
    return SandboxError(
        f"the emulated Bitbucket cannot read or write {path}: {error.strerror or error}",
        do="make the sandbox's folder writable, or remove it; the next run makes new files",
    )


_BITS = 2048


class SigningKey:
    """An RSA key that signs claims as JSON Web Tokens with RS256, as Bitbucket does.

    Args:
        key: The private key.
        key_id: The ``kid`` to put into tokens; by default the key's own (its SHA-256 thumbprint, RFC 7638).
    """

    def __init__(self, key: rsa.RSAPrivateKey, *, key_id: str | None = None) -> None:
        self._key = key
        self.key_id = key_id or _key_id(key.public_key())

    @classmethod
    def make(cls, *, key_id: str | None = None) -> "SigningKey":
        """Make a new key."""
        return cls(rsa.generate_private_key(public_exponent=65537, key_size=_BITS), key_id=key_id)

    def sign(self, claims: Mapping[str, object]) -> str:
        """Return any claims as a signed token: ``eyJ…``, three parts separated by dots."""
        payload = json.dumps(claims, separators=(",", ":")).encode()
        return jwt.PyJWS().encode(payload, self._key, algorithm="RS256", headers={"kid": self.key_id})

    def jwks(self) -> dict[str, object]:
        """Return the public half as a key set (https://www.rfc-editor.org/rfc/rfc7517#section-5)."""
        public = {"kid": self.key_id, "alg": "RS256", "use": "sig"} | _public_parts(self._key.public_key())
        return {"keys": [public]}

    def pem(self) -> bytes:
        """Return the private key as PEM."""
        return self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def keep_signing_key(path: Path) -> tuple[SigningKey, tuple[str, ...]]:
    """Load the key from a file, or make a new one; return it with a warning if a broken file was replaced.

    Raises:
        SandboxError: The file cannot be read or written.
    """
    content = read_kept(path)
    key = _load(content)
    if key is not None:
        return SigningKey(key), ()
    new_key = SigningKey.make()
    keep(path, new_key.pem())
    warnings = (
        () if content is None else (f"{path} was broken; a new key replaces it, and earlier tokens are not valid",)
    )
    return new_key, warnings


def _load(content: bytes | None) -> rsa.RSAPrivateKey | None:
    if content is None:
        return None
    try:
        key = load_pem_private_key(content, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, rsa.RSAPrivateKey) and key.key_size >= _BITS else None


def _public_parts(key: rsa.RSAPublicKey) -> dict[str, str]:
    """Return ``kty``, ``n`` and ``e`` (https://www.rfc-editor.org/rfc/rfc7518#section-6.3.1)."""
    numbers = key.public_numbers()
    return {"kty": "RSA", "n": _base64url_integer(numbers.n), "e": _base64url_integer(numbers.e)}


def _key_id(key: rsa.RSAPublicKey) -> str:
    """Return the key's thumbprint by https://www.rfc-editor.org/rfc/rfc7638#section-3: the same at every run."""
    canonical = json.dumps(_public_parts(key), sort_keys=True, separators=(",", ":")).encode()
    return _base64url(hashlib.sha256(canonical).digest())


def _base64url_integer(number: int) -> str:
    return _base64url(number.to_bytes((number.bit_length() + 7) // 8, "big"))


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode("ascii")
