"""Gap: of ministack's OIDC providers, Get returns the URL with ``https://`` and raw text, Delete is not idempotent.

AWS returns it without: "https://" stands in CreateOpenIDConnectProvider's ``Url`` and not in this answer, and the
official AWS provider of Terraform and Pulumi relies on that
(https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetOpenIDConnectProvider.html).
"""

import asyncio
import re
from typing import Any
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

from oidc.limits import CLIENT_IDS_PER_OIDC_PROVIDER, OIDC_PROVIDERS_PER_ACCOUNT, THUMBPRINTS_PER_OIDC_PROVIDER
from sandbox.emulated_aws.front.issuers import IssuerConnection, UnreachableError
from sandbox.emulated_aws.inner import Inner
from sandbox.emulated_aws.query import Answer, AwsCall, Proceed, RefusalError, Step, member_list, success
from sandbox.emulated_aws.settings import EmulatorSettings


def oidc_provider_record(inner: Inner, call: AwsCall) -> dict[str, Any]:
    """Return the record of the OIDC provider that a call names.

    Raises:
        RefusalError: ``NoSuchEntity``.
    """
    arn = call.params["OpenIDConnectProviderArn"]
    record = inner.oidc_provider(call.account, arn)
    if record is None:
        raise RefusalError("NoSuchEntity", f"OpenIDConnect Provider not found for arn {arn}", 404)
    return record


def tag_list(tags: list[dict[str, str]]) -> str:
    """Render ``<Tags>``, sorted by key."""
    members = [
        f"<Key>{escape(tag['Key'])}</Key><Value>{escape(tag['Value'])}</Value>"
        for tag in sorted(tags, key=lambda tag: tag["Key"])
    ]
    return member_list("Tags", members)


def get_oidc_provider(inner: Inner) -> Step:
    """Make the step that answers GetOpenIDConnectProvider."""

    async def step(call: AwsCall, _proceed: Proceed) -> Answer:
        record = oidc_provider_record(inner, call)
        return success(
            call.action,
            f"<Url>{escape(record['Url'].removeprefix('https://'))}</Url>"
            + member_list("ClientIDList", [escape(client_id) for client_id in record["ClientIDList"]])
            + member_list("ThumbprintList", [escape(thumbprint) for thumbprint in record["ThumbprintList"]])
            + f"<CreateDate>{record['CreateDate']}</CreateDate>"
            + tag_list(record["Tags"]),
        )

    return step


def delete_oidc_provider(inner: Inner) -> Step:
    """Make the step for DeleteOpenIDConnectProvider, which is no error for one that does not exist.

    Source: https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteOpenIDConnectProvider.html
    """

    async def step(call: AwsCall, proceed: Proceed) -> Answer:
        if inner.oidc_provider(call.account, call.params["OpenIDConnectProviderArn"]) is None:
            return success(call.action)
        return await proceed(call)

    return step


def oidc_provider_limits(inner: Inner, issuers: IssuerConnection, settings: EmulatorSettings) -> Step:
    """Make the step for CreateOpenIDConnectProvider.

    Where no thumbprint is given, it fetches the top one of the issuer's chain, as IAM does.
    """

    async def step(call: AwsCall, proceed: Proceed) -> Answer:
        url = call.params["Url"]
        host = _host(url)
        check_client_id_count(len(call.members("ClientIDList")))
        check_thumbprints(call.members("ThumbprintList"))
        most = settings.quota_of(call.account, OIDC_PROVIDERS_PER_ACCOUNT)
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
