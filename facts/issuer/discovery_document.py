"""Validate the issuer's discovery document before anything in it is used. Pure; another module fetches it."""

from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, StrictStr, ValidationError

from oidc.errors import IssuerError

MAX_DOCUMENT_BYTES = 64 * 1024
"""A discovery document is a few hundred bytes; a larger answer is something else, and is not read to its end."""

INSTEAD = (
    "or do without the fetch: in the inventory's defaults, set `thumbprints: omit` (AWS then goes by its own library "
    "of trusted CAs) or list the thumbprints"
)
"""The remedy for every failure of the fetch, for the second half of an error's ``do``."""


class DiscoveryDocument(BaseModel):
    """The fields of an OpenID provider's metadata that are used here; other fields are ignored.

    Source: https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderMetadata.

    Attributes:
        issuer: The ``iss`` of the tokens, equal to the issuer's URL.
        jwks_uri: Where the signing keys are; AWS takes the thumbprint from this URL's host.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    issuer: StrictStr
    jwks_uri: StrictStr


def discovery_url(issuer: str) -> str:
    """Return where an issuer's discovery document is: the issuer, any slash at its end removed, and the fixed path.

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
    """Parse the document that an issuer served, and check that it belongs to that issuer.

    Raises:
        IssuerError: It is not a JSON object, a field is missing or no text, its ``issuer`` is not the one that was
            asked, character by character (https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfigurationValidation),
            or its ``jwks_uri`` is not https.
    """
    url = discovery_url(issuer)
    try:
        document = DiscoveryDocument.model_validate_json(body)
    except ValidationError as error:
        raise IssuerError(
            f"{url} holds no discovery document: {_first_fault(error)}",
            do=f"check that no proxy or login page answers in place of the issuer, {INSTEAD}",
        ) from error
    if document.issuer != issuer:
        raise IssuerError(
            f"{url} speaks for another issuer: expected {issuer!r}, found {document.issuer[:200]!r}",
            do="check the workspace's slug in the inventory: AWS compares it with the issuer of the tokens",
        )
    if authority(document.jwks_uri) is None:
        raise IssuerError(
            f"{url}: jwks_uri must be an https URL, found {document.jwks_uri[:200]!r}",
            do=f"check that no proxy answers in place of the issuer, {INSTEAD}",
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
