"""Gap: of ministack's OIDC providers, Get returns the URL with ``https://`` and raw text, Delete is not idempotent.

AWS returns it without: "https://" stands in CreateOpenIDConnectProvider's ``Url`` and not in this answer, and the
official AWS provider of Terraform and Pulumi relies on that
(https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetOpenIDConnectProvider.html).
"""

from typing import Any
from xml.sax.saxutils import escape

from sandbox.emulated_aws.inner import Inner
from sandbox.emulated_aws.query import Answer, Call, Proceed, RefusalError, Step, member_list, success


def oidc_provider_record(inner: Inner, call: Call) -> dict[str, Any]:
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

    async def step(call: Call, _proceed: Proceed) -> Answer:
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

    async def step(call: Call, proceed: Proceed) -> Answer:
        if inner.oidc_provider(call.account, call.params["OpenIDConnectProviderArn"]) is None:
            return success(call.action)
        return await proceed(call)

    return step
