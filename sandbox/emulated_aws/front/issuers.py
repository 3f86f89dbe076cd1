"""Connect to issuers as AWS does: TLS with the issuer's host name, but to the sandbox's address."""

import hashlib
import http.client
import json
import select
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import jwt
from cryptography.hazmat.primitives.serialization import Encoding
from OpenSSL import SSL

from sandbox.emulated_aws.settings import IssuerEndpoint

_SECONDS = 5.0
"""How long AWS waits for an issuer ("within 5 seconds", https://repost.aws/knowledge-center/iam-sts-invalididentitytoken)."""

_MOST_BYTES = 1_000_000


class UnreachableError(Exception):
    """The issuer could not be reached, or its certificate was not trusted; ``str()`` says why."""


class UnusableError(Exception):
    """The issuer did not answer with a JSON object; ``str()`` says what it answered."""


class IssuerConnection:
    """Connects to every issuer at one address; without an endpoint, to no issuer."""

    def __init__(self, endpoint: IssuerEndpoint | None) -> None:
        self._endpoint = endpoint

    def fetch_json(self, url: str) -> dict[str, Any]:
        """Return the JSON object at ``https://HOST/path``.

        Raises:
            UnreachableError: The connection fails, the certificate is not trusted, or no answer comes in time.
            UnusableError: The status is not 200, or the body is not a JSON object.
        """
        status, body = self._get(url)
        if status != http.HTTPStatus.OK:
            raise UnusableError(f"{url} answered {status}")
        try:
            document = json.loads(body)
        except ValueError as error:
            raise UnusableError(f"{url} is no JSON") from error
        if not isinstance(document, dict):
            raise UnusableError(f"{url} is no JSON object")
        return document

    def top_thumbprint(self, host: str) -> str:
        """Return the SHA-1 fingerprint of the last certificate that the host presents, 40 lower-case hex digits.

        IAM fetches the same one if a call gives no thumbprint
        (https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateOpenIDConnectProvider.html).

        Raises:
            UnreachableError: As for ``fetch_json``.
        """
        endpoint = self._required()
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        try:
            # The standard library checks name and chain, but does not show the chain. OpenSSL's wrapper shows it.
            with self._trusted(host):
                pass
            context.load_verify_locations(str(endpoint.ca_file))
            context.set_verify(SSL.VERIFY_PEER)
            with socket.create_connection(endpoint.host_and_port(), _SECONDS) as plain:
                connection = SSL.Connection(context, plain)
                connection.set_tlsext_host_name(host.encode("idna"))
                connection.set_connect_state()
                _handshake(connection, plain)
                chain = connection.get_peer_cert_chain(as_cryptography=True) or []
        except (OSError, SSL.Error, UnicodeError) as error:
            raise UnreachableError(f"{host}: {error}") from error
        if not chain:
            raise UnreachableError(f"{host}: no certificate")
        return hashlib.sha1(chain[-1].public_bytes(Encoding.DER), usedforsecurity=False).hexdigest()

    def _get(self, url: str) -> tuple[int, bytes]:
        self._required()
        parts = urlsplit(url)
        if parts.scheme != "https" or not parts.hostname:
            raise UnusableError(f"{url} is no https address")
        try:
            with self._trusted(parts.hostname) as secured:
                client = http.client.HTTPConnection(parts.hostname, timeout=_SECONDS)
                client.sock = secured
                client.request("GET", parts.path or "/", headers={"Accept": "application/json"})
                answer = client.getresponse()
                return answer.status, answer.read(_MOST_BYTES)
        except (OSError, http.client.HTTPException, UnicodeError) as error:
            raise UnreachableError(f"{url}: {error}") from error

    def _trusted(self, host: str) -> ssl.SSLSocket:
        """Connect to the sandbox's address, and check its certificate for the issuer's host name."""
        endpoint = self._required()
        context = ssl.create_default_context(cafile=str(endpoint.ca_file))
        plain = socket.create_connection(endpoint.host_and_port(), _SECONDS)
        try:
            return context.wrap_socket(plain, server_hostname=host)
        except (OSError, UnicodeError):
            plain.close()
            raise

    def _required(self) -> IssuerEndpoint:
        if self._endpoint is None:
            raise UnreachableError("no issuer is served in this sandbox")
        return self._endpoint


def _handshake(connection: SSL.Connection, plain: socket.socket) -> None:
    deadline = time.monotonic() + _SECONDS
    while True:
        try:
            connection.do_handshake()
        except SSL.WantReadError:
            if not select.select([plain], [], [], max(0.0, deadline - time.monotonic()))[0]:
                raise TimeoutError("TLS handshake timed out") from None
        else:
            return


FetchJson = Callable[[str], Mapping[str, Any]]
"""Returns the JSON object at an https address; raises ``UnreachableError`` or ``UnusableError``."""


class IssuerKeys:
    """A cache of each issuer's keys by key id; it fetches the keys again for an unknown key id."""

    def __init__(self, fetch_json: FetchJson) -> None:
        self._fetch_json = fetch_json
        self._known: dict[str, dict[str, jwt.PyJWK]] = {}

    def key(self, issuer: str, key_id: str) -> jwt.PyJWK | None:
        """Return the key with this id; ``None`` if the issuer does not have it.

        Raises:
            UnreachableError: The issuer cannot be reached.
            UnusableError: Its documents violate the specifications, or belong to another issuer.
        """
        known = self._known.get(issuer, {})
        if key_id not in known:
            known = self._known[issuer] = self._fetch(issuer)
        return known.get(key_id)

    def _fetch(self, issuer: str) -> dict[str, jwt.PyJWK]:
        discovery = self._fetch_json(f"{issuer}/.well-known/openid-configuration")
        if discovery.get("issuer") != issuer:
            raise UnusableError(f"the discovery document of {issuer} names the issuer {discovery.get('issuer')!r}")
        address = discovery.get("jwks_uri")
        if not isinstance(address, str):
            raise UnusableError(f"the discovery document of {issuer} has no jwks_uri")
        try:
            keys = jwt.PyJWKSet.from_dict(dict(self._fetch_json(address))).keys
        except (jwt.PyJWTError, AttributeError, TypeError) as error:
            raise UnusableError(f"{address} is no JSON Web Key Set: {error}") from error
        return {key.key_id: key for key in keys if key.key_id}
