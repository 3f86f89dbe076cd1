"""One OIDC provider of an account: created, adopted unchanged, or only read."""

from collections.abc import Collection, Mapping

import pulumi
import pulumi_aws as aws

from access.plan import OidcProviderPlan
from components.aws_provider import resource_tags
from oidc.thumbprint import Thumbprint

HELD = ("clientIdLists", "tags", "tagsAll", "thumbprintLists")
"""Properties that an imported OIDC provider keeps in AWS: all that can be changed in place.

Pulumi's AWS provider computes ``tagsAll`` from ``tags`` and its default tags; ignoring it keeps the default tags off an
adopted OIDC provider (https://github.com/pulumi/pulumi-aws/issues/4030).
"""


def oidc_provider(
    name: str,
    plan: OidcProviderPlan,
    *,
    thumbprints: Mapping[str, Thumbprint],
    protect: bool,
    take_up: Collection[str],
    child: pulumi.ResourceOptions,
) -> aws.iam.OpenIdConnectProvider:
    """Register an OIDC provider.

    A referenced one is read: a stack that created it drops it from the state and keeps it in AWS. If it does not exist,
    the run stops before roles trust it. An adopted one is imported unchanged and always retained: it existed before
    this stack, and others may trust it. One that this run takes up is imported unchanged, and changed by the next run.

    Args:
        name: Account and workspace: ``prod/acme``.
        plan: The planned OIDC provider.
        thumbprints: By URL of the issuer; has this issuer if the plan fetches its thumbprint.
        protect: Whether the engine refuses to delete it, if the stack created it.
        take_up: ARNs that this run takes up.
        child: Its resource options: parent and AWS provider.
    """
    if plan.mode == "reference":
        return aws.iam.OpenIdConnectProvider.get(name, plan.arn, opts=child)
    adopted = pulumi.ResourceOptions(
        import_=plan.arn,
        ignore_changes=list(HELD),
        retain_on_delete=True,
        # NOTE: intentional: nothing deletes it, so protection would only prevent dropping it from the state.
        protect=False,
    )
    own = adopted if plan.mode == "adopt" else pulumi.ResourceOptions(protect=protect)
    if plan.mode == "create" and plan.arn in take_up:
        own = pulumi.ResourceOptions(protect=protect, import_=plan.arn, ignore_changes=list(HELD))
    return aws.iam.OpenIdConnectProvider(
        name,
        url=plan.url,
        client_id_lists=list(plan.audiences),
        thumbprint_lists=None if plan.mode == "adopt" else _thumbprints(plan, thumbprints),
        tags=resource_tags(plan.tags),
        opts=pulumi.ResourceOptions.merge(child, own),
    )


def _thumbprints(plan: OidcProviderPlan, fetched: Mapping[str, Thumbprint]) -> list[str] | None:
    if plan.thumbprints == "omit":
        return None
    if plan.thumbprints == "fetch":
        return [fetched[plan.url]]
    return list(plan.thumbprints)
