"""Gaps of ministack's OIDC providers: the answer of Get, Delete of an absent one, limits, and every later change.

AWS returns the URL without ``https://``, though CreateOpenIDConnectProvider takes it with ``https://``. The official
AWS provider of Terraform and Pulumi relies on that
(https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetOpenIDConnectProvider.html).
Thumbprints, client ids and tags are changed in ministack's record, so they are saved with its state. ministack
authenticates and authorises the call before, with the resource ``*``: it knows no other for these actions.
Sources: the pages of the operations under https://docs.aws.amazon.com/IAM/latest/APIReference/.
"""

import asyncio
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

from oidc.limits import (
    CLIENT_IDS_PER_OIDC_PROVIDER,
    OIDC_PROVIDERS_PER_ACCOUNT,
    TAGS_PER_RESOURCE,
    THUMBPRINTS_PER_OIDC_PROVIDER,
)
from sandbox.emulated_aws.front.issuers import IssuerConnection, UnreachableError
from sandbox.emulated_aws.front.limits import check_tags
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
    """Make the step for DeleteOpenIDConnectProvider; an absent OIDC provider is no error.

    Source: https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteOpenIDConnectProvider.html
    """

    async def step(call: AwsCall, proceed: Proceed) -> Answer:
        if inner.oidc_provider(call.account, call.params["OpenIDConnectProviderArn"]) is None:
            return success(call.action)
        return await proceed(call)

    return step


def oidc_provider_limits(inner: Inner, issuers: IssuerConnection, settings: EmulatorSettings) -> Step:
    """Make the step for CreateOpenIDConnectProvider.

    If a call gives no thumbprint, the step fetches the top one of the issuer's chain, as IAM does.
    """

    async def step(call: AwsCall, proceed: Proceed) -> Answer:
        url = call.params["Url"]
        host = _host(url)
        check_client_id_count(len(call.members("ClientIDList")))
        check_thumbprints(call.members("ThumbprintList"))
        quota = settings.quota_of(call.account, OIDC_PROVIDERS_PER_ACCOUNT)
        if inner.oidc_provider_count() >= quota:
            message = f"Cannot exceed quota for OpenIdConnectProvidersPerAccount: {quota}"
            raise RefusalError("LimitExceeded", message, 409)
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
    """Refuse too many thumbprints, and thumbprints that are not 40 hex digits (SHA-1).

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


_DEFAULT_PAGE = 100


def update_thumbprints(inner: Inner) -> Step:
    """Make the step for UpdateOpenIDConnectProviderThumbprint: the list replaces the old one."""

    def change(call: AwsCall) -> str | None:
        record = oidc_provider_record(inner, call)
        thumbprints = call.members("ThumbprintList")
        check_thumbprints(thumbprints)
        record["ThumbprintList"] = thumbprints
        return None

    return _answering(change)


def add_client_id(inner: Inner) -> Step:
    """Make the step for AddClientIDToOpenIDConnectProvider; an id that it already has is no error."""

    def change(call: AwsCall) -> str | None:
        record = oidc_provider_record(inner, call)
        if call.params["ClientID"] not in record["ClientIDList"]:
            check_client_id_count(len(record["ClientIDList"]) + 1)
            record["ClientIDList"] = [*record["ClientIDList"], call.params["ClientID"]]
        return None

    return _answering(change)


def remove_client_id(inner: Inner) -> Step:
    """Make the step for RemoveClientIDFromOpenIDConnectProvider; an absent id is no error."""

    def change(call: AwsCall) -> str | None:
        record = oidc_provider_record(inner, call)
        record["ClientIDList"] = [known for known in record["ClientIDList"] if known != call.params["ClientID"]]
        return None

    return _answering(change)


def tag_oidc_provider(inner: Inner) -> Step:
    """Make the step for TagOpenIDConnectProvider: a tag of the same key, ignoring case, is overwritten."""

    def change(call: AwsCall) -> str | None:
        record = oidc_provider_record(inner, call)
        given = call.tags()
        check_tags(given)
        new_keys = {key.lower() for key, _ in given}
        kept = [old for old in record["Tags"] if old["Key"].lower() not in new_keys]
        if len(kept) + len(given) > TAGS_PER_RESOURCE:
            quota = f"Cannot exceed quota for TagsPerOpenIdConnectProvider: {TAGS_PER_RESOURCE}"
            raise RefusalError("LimitExceeded", quota, 409)
        record["Tags"] = kept + [{"Key": key, "Value": value} for key, value in given]
        return None

    return _answering(change)


def untag_oidc_provider(inner: Inner) -> Step:
    """Make the step for UntagOpenIDConnectProvider; an absent key is no error."""

    def change(call: AwsCall) -> str | None:
        record = oidc_provider_record(inner, call)
        removed = {key.lower() for key in call.members("TagKeys")}
        record["Tags"] = [old for old in record["Tags"] if old["Key"].lower() not in removed]
        return None

    return _answering(change)


def list_oidc_provider_tags(inner: Inner) -> Step:
    """Make the step for ListOpenIDConnectProviderTags: sorted by key, in pages of ``MaxItems``."""

    def answer(call: AwsCall) -> str | None:
        tags = sorted(oidc_provider_record(inner, call)["Tags"], key=lambda tag: str(tag["Key"]))
        marker = call.params.get("Marker", "0")
        if not marker.isdecimal():
            raise RefusalError("InvalidInput", "Invalid Marker")
        start, end = int(marker), int(marker) + int(call.params.get("MaxItems", _DEFAULT_PAGE))
        more = f"<IsTruncated>true</IsTruncated><Marker>{end}</Marker>"
        return tag_list(tags[start:end]) + (more if end < len(tags) else "<IsTruncated>false</IsTruncated>")

    return _answering(answer)


def _answering(change: Callable[[AwsCall], str | None]) -> Step:
    async def step(call: AwsCall, _proceed: Proceed) -> Answer:
        return success(call.action, change(call))

    return step
