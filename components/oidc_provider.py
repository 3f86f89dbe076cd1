"""One OIDC provider of an account: made, adopted as it is, or only read."""

from collections.abc import Mapping

import pulumi
import pulumi_aws as aws

from access.plan import OidcProviderPlan
from components.aws_provider import resource_tags
from oidc.thumbprint import Thumbprint

HELD = ("clientIdLists", "tags", "tagsAll", "thumbprintLists")
"""What an adopted OIDC provider keeps as it is in AWS: everything that could be changed in place.

``tagsAll`` is what Pulumi's AWS provider makes of ``tags`` and its default tags; with it, the default tags are not put
on what is adopted (https://github.com/pulumi/pulumi-aws/issues/4030).
"""


def oidc_provider(
    name: str,
    plan: OidcProviderPlan,
    *,
    thumbprints: Mapping[str, Thumbprint],
    protect: bool,
    inside: pulumi.ResourceOptions,
) -> aws.iam.OpenIdConnectProvider:
    """Register an OIDC provider.

    One that is only referred to is read: a stack that made it lets go of it without deleting it, and one that is not
    there stops the run before roles trust it. One that is adopted is imported as it is, and always retained: it was
    there before this stack, and others may trust it.

    Args:
        name: ``prod/acme``: account and workspace.
        plan: What it is.
        thumbprints: By URL of the issuer; has that of this one where the plan wants it fetched.
        protect: Whether the engine refuses to delete it, where the stack made it.
        inside: Parent and AWS provider.
    """
    if plan.mode == "reference":
        return aws.iam.OpenIdConnectProvider.get(name, plan.arn, opts=inside)
    adopted = pulumi.ResourceOptions(
        import_=plan.arn,
        ignore_changes=list(HELD),
        retain_on_delete=True,
        # NOTE: intentional: nothing deletes it, so protection would only stand in the way of letting go of it.
        protect=False,
    )
    own = adopted if plan.mode == "adopt" else pulumi.ResourceOptions(protect=protect)
    return aws.iam.OpenIdConnectProvider(
        name,
        url=plan.url,
        client_id_lists=list(plan.audiences),
        thumbprint_lists=None if plan.mode == "adopt" else _thumbprints(plan, thumbprints),
        tags=resource_tags(plan.tags),
        opts=pulumi.ResourceOptions.merge(inside, own),
    )


def _thumbprints(plan: OidcProviderPlan, fetched: Mapping[str, Thumbprint]) -> list[str] | None:
    if plan.thumbprints == "omit":
        return None
    if plan.thumbprints == "fetch":
        return [fetched[plan.url]]
    return list(plan.thumbprints)
