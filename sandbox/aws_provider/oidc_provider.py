"""``aws:iam/openIdConnectProvider:OpenIdConnectProvider``.

Sources: IAM API reference, CreateOpenIDConnectProvider, AddClientIDToOpenIDConnectProvider,
RemoveClientIDFromOpenIDConnectProvider, UpdateOpenIDConnectProviderThumbprint, TagOpenIDConnectProvider.
Behaviour: tf ``openid_connect_provider.go``, ``diff.go`` (``suppressOpenIDURL``, ``normalizeOpenIDURL``);
https://github.com/hashicorp/terraform-provider-aws/issues/40509.
"""

from typing import Any, ClassVar

from botocore.exceptions import ClientError

from sandbox.aws_provider import tags
from sandbox.aws_provider.resource_type import (
    Property,
    ReadResource,
    ResourceType,
    is_missing,
    same_set,
    same_url,
    tolerate_missing,
)
from sandbox.engine.values import Properties


class OpenIdConnectProvider(ResourceType):
    """An OIDC provider; its id is its ARN.

    Without thumbprints in the inputs, or with an empty list, AWS keeps its thumbprints: no call of IAM removes the last
    one.
    """

    properties: ClassVar = {
        "clientIdLists": Property(required=True, same=same_set),
        "tags": Property(default={}),
        "tagsAll": Property(default={}),
        "thumbprintLists": Property(kept=True),
        "url": Property(required=True, replaces=True, same=same_url),
    }
    computed = ("arn", "thumbprintLists")

    def identity_in(self, account: str, inputs: Properties) -> str:
        """Return the ARN without a call: a deploying role has no permission to list OIDC providers."""
        host_and_path = str(inputs.get("url", "")).removeprefix("https://")
        return f"arn:aws:iam::{account}:oidc-provider/{host_and_path}"

    def create(self, iam: Any, inputs: Properties) -> str:  # noqa: ANN401 - botocore makes its clients at run time
        """Create the OIDC provider."""
        request: dict[str, object] = {"Url": inputs["url"], "ClientIDList": inputs["clientIdLists"]}
        if inputs.get("thumbprintLists"):
            request["ThumbprintList"] = inputs["thumbprintLists"]
        if tags.all_of(inputs):
            request["Tags"] = tags.to_list(inputs)
        return str(iam.create_open_id_connect_provider(**request)["OpenIDConnectProviderArn"])

    def read(self, iam: Any, identity: str, inputs: Properties) -> ReadResource | None:  # noqa: ANN401 - as above
        """Read the OIDC provider; ``url`` is as AWS answers it, without ``https://``."""
        arn = identity or _find(iam, str(inputs["url"]))
        if not arn:
            return None
        try:
            provider = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
        except ClientError as error:
            if is_missing(error):
                return None
            raise
        outputs: Properties = {
            "arn": arn,
            "clientIdLists": list(provider.get("ClientIDList", [])),
            "thumbprintLists": list(provider.get("ThumbprintList", [])),
            "url": provider["Url"],
            **tags.to_outputs(provider.get("Tags"), inputs),
        }
        return ReadResource(arn, outputs)

    def update(self, iam: Any, identity: str, old: Properties, new: Properties) -> None:  # noqa: ANN401 - as above
        """Add audiences before removing others, so that a token that is valid before and after is always valid."""
        before, after = _texts(old, "clientIdLists"), _texts(new, "clientIdLists")
        for audience in after:
            if audience not in before:
                iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=identity, ClientID=audience)
        for audience in before:
            if audience not in after:
                iam.remove_client_id_from_open_id_connect_provider(OpenIDConnectProviderArn=identity, ClientID=audience)
        if "thumbprintLists" in self.differing(old, new):
            iam.update_open_id_connect_provider_thumbprint(
                OpenIDConnectProviderArn=identity, ThumbprintList=_texts(new, "thumbprintLists")
            )
        gone, changed = tags.changes(old, new)
        if gone:
            iam.untag_open_id_connect_provider(OpenIDConnectProviderArn=identity, TagKeys=gone)
        if changed:
            iam.tag_open_id_connect_provider(OpenIDConnectProviderArn=identity, Tags=changed)

    def delete(self, iam: Any, identity: str, outputs: Properties) -> None:  # noqa: ANN401, ARG002 - as above
        """Delete the OIDC provider."""
        with tolerate_missing():
            iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=identity)


def _texts(properties: Properties, name: str) -> list[str]:
    values = properties.get(name)
    return [str(value) for value in values] if isinstance(values, list) else []


def _find(iam: Any, url: str) -> str:  # noqa: ANN401 - as above
    suffix = ":oidc-provider/" + url.removeprefix("https://")
    arns = (str(listed["Arn"]) for listed in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"])
    return next((arn for arn in arns if arn.endswith(suffix)), "")
