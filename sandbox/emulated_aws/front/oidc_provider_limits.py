"""Gap: ministack creates OIDC providers with any URL, any number of client ids, and whatever stands for a thumbprint.

Sources: https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateOpenIDConnectProvider.html and
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html.
"""

import asyncio
import re
from urllib.parse import urlsplit

from oidc.limits import CLIENT_IDS_PER_OIDC_PROVIDER, THUMBPRINTS_PER_OIDC_PROVIDER
from sandbox.emulated_aws.front.issuer_connection import IssuerConnection, UnreachableError
from sandbox.emulated_aws.inner import Inner
from sandbox.emulated_aws.query import Answer, Call, Proceed, RefusalError, Step
from sandbox.emulated_aws.settings import Settings


def oidc_provider_limits(inner: Inner, issuers: IssuerConnection, settings: Settings) -> Step:
    """Make the step for CreateOpenIDConnectProvider.

    Where no thumbprint is given, it fetches the top one of the issuer's chain, as IAM does.
    """

    async def step(call: Call, proceed: Proceed) -> Answer:
        url = call.params["Url"]
        host = _host(url)
        check_client_id_count(len(call.members("ClientIDList")))
        check_thumbprints(call.members("ThumbprintList"))
        most = settings.quotas_of(call.account).oidc_providers_per_account
        if inner.oidc_provider_count() >= most:
            quota = f"OpenIdConnectProvidersPerAccount: {most}"
            raise RefusalError("LimitExceeded", f"Cannot exceed quota for {quota}", 409)
        if not call.members("ThumbprintList"):
            call = call.with_params(**{"ThumbprintList.member.1": await _fetched_thumbprint(issuers, url, host)})
        return await proceed(call)

    return step


def check_client_id_count(count: int) -> None:
    """Refuse more client ids than one OIDC provider may have.

    Raises:
        RefusalError: ``LimitExceeded``.
    """
    if count > CLIENT_IDS_PER_OIDC_PROVIDER:
        quota = f"ClientIdsPerOpenIdConnectProvider: {CLIENT_IDS_PER_OIDC_PROVIDER}"
        raise RefusalError("LimitExceeded", f"Cannot exceed quota for {quota}", 409)


def check_thumbprints(thumbprints: list[str]) -> None:
    """Refuse too many thumbprints, and what is no SHA-1 value of 40 hex digits.

    Raises:
        RefusalError: ``InvalidInput``.
    """
    if len(thumbprints) > THUMBPRINTS_PER_OIDC_PROVIDER:
        message = f"Thumbprint list must contain at most {THUMBPRINTS_PER_OIDC_PROVIDER} entries."
        raise RefusalError("InvalidInput", message)
    if not all(re.fullmatch(r"[0-9A-Fa-f]{40}", thumbprint, re.ASCII) for thumbprint in thumbprints):
        raise RefusalError("InvalidInput", "Thumbprint must be a hex-encoded SHA-1 value of 40 characters.")


def _host(url: str) -> str:
    """Return the host of a URL with https, without port, query, fragment or user."""
    parts = urlsplit(url)
    plain = re.fullmatch(r"https://[A-Za-z0-9.-]+(?:/[^?#\s]*)?", url, re.ASCII)
    if plain is None or not parts.hostname:
        raise RefusalError("ValidationError", "Invalid Open ID Connect Provider URL")
    return parts.hostname


async def _fetched_thumbprint(issuers: IssuerConnection, url: str, host: str) -> str:
    try:
        return await asyncio.to_thread(issuers.top_thumbprint, host)
    except UnreachableError as error:
        message = f"Please check .well-known/openid-configuration of provider: {url} is valid. ({error})"
        raise RefusalError("OpenIdIdpCommunicationError", message) from error
