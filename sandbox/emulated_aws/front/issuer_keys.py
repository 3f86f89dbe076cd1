"""The public keys of issuers, through their discovery documents, kept as AWS keeps them.

Sources: https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfig, RFC 7517 and
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_oidc.html.
"""

from collections.abc import Callable, Mapping
from typing import Any

import jwt

from sandbox.emulated_aws.front.issuer_connection import UnusableError

FetchJson = Callable[[str], Mapping[str, Any]]
"""Returns the JSON object at an https address; raises ``UnreachableError`` or ``UnusableError``."""


class IssuerKeys:
    """A cache of each issuer's keys by key id; a key id that is not in it makes it fetch once more."""

    def __init__(self, fetch_json: FetchJson) -> None:
        self._fetch_json = fetch_json
        self._known: dict[str, dict[str, jwt.PyJWK]] = {}

    def key(self, issuer: str, key_id: str) -> jwt.PyJWK | None:
        """Return the key with this id, ``None`` when the issuer does not have it.

        Raises:
            UnreachableError: The issuer cannot be reached.
            UnusableError: Its documents are not what the specifications say, or belong to another issuer.
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
