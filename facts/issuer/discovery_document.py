"""Validate an issuer's discovery document before its fields are used. Pure; ``certificates`` fetches it."""

from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, StrictStr, ValidationError

from oidc.errors import IssuerError

MAX_DOCUMENT_BYTES = 64 * 1024
"""A discovery document has a few hundred bytes; a larger answer is something else, and is not read to the end."""

INSTEAD = (
    "or switch the fetch off: in the inventory's defaults, set `thumbprints: omit` (AWS then uses its own library of "
    "trusted CAs) or list the thumbprints"
)
"""The second half of ``do`` for every failure of the fetch."""


class DiscoveryDocument(BaseModel):
    """The fields of an OpenID provider's metadata that this program uses; other fields are ignored.

    Source: https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderMetadata.

    Attributes:
        issuer: The ``iss`` of the tokens, equal to the issuer's URL.
        jwks_uri: The URL of the signing keys; AWS takes the thumbprint from its host.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    issuer: StrictStr
    jwks_uri: StrictStr


def discovery_url(issuer: str) -> str:
    """Return the URL of an issuer's discovery document: the issuer without a slash at the end, and the fixed path.

    Source: https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfigurationRequest.
    """
    return issuer.rstrip("/") + "/.well-known/openid-configuration"


def authority(url: str) -> tuple[str, int] | None:
    """Return host and port of an ``https`` URL, ``("api.bitbucket.org", 443)``, or ``None`` for any other text."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme != "https" or not host:
        return None
    return host.rstrip("."), port or 443


def parse_discovery_document(issuer: str, body: bytes) -> DiscoveryDocument:
    """Parse an issuer's discovery document, and check that it belongs to that issuer.

    Raises:
        IssuerError: The document is not a JSON object, a field is missing or not text, its ``issuer`` is not exactly
            the given issuer (https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfigurationValidation),
            or its ``jwks_uri`` is not https.
    """
    url = discovery_url(issuer)
    try:
        document = DiscoveryDocument.model_validate_json(body)
    except ValidationError as error:
        raise IssuerError(
            f"{url} has no discovery document: {_first_fault(error)}",
            do=f"check that no proxy or login page answers instead of the issuer, {INSTEAD}",
        ) from error
    if document.issuer != issuer:
        raise IssuerError(
            f"{url} is the document of another issuer: expected {issuer!r}, found {document.issuer[:200]!r}",
            do="check the workspace's slug in the inventory: AWS compares it with the issuer of the tokens",
        )
    if authority(document.jwks_uri) is None:
        raise IssuerError(
            f"{url}: jwks_uri must be an https URL, found {document.jwks_uri[:200]!r}",
            do=f"check that no proxy answers instead of the issuer, {INSTEAD}",
        )
    return document


def _first_fault(error: ValidationError) -> str:
    fault = error.errors(include_url=False, include_input=False)[0]
    match fault["type"], fault["loc"]:
        case "json_invalid", _:
            return "not JSON"
        case "missing", (field,):
            return f"{field} is missing"
        case _, (field,):
            return f"{field} is not text"
        case _:
            return "not a JSON object"
