"""The Pulumi program: stack config → inventory → AccessPlan → component → stack outputs."""

import pulumi

from access.compile import compile_plan
from components.aws_provider import AwsSettings
from components.bitbucket_oidc import BitbucketOidc
from components.stack_settings import PROTECTED, StackSettings
from config.load import load_inventory
from facts.issuer_certificates import fetch_thumbprints
from oidc.errors import BitbucketOidcError, InventoryError


def main() -> None:
    """Register everything, or nothing: the whole plan is known to be valid before the first resource."""
    settings = StackSettings.of(pulumi.Config())
    compiled = compile_plan(load_inventory(settings.inventory, guardrails=settings.guardrails))
    if compiled.plan is None:
        findings = "\n".join(str(finding) for finding in compiled.findings)
        raise InventoryError(f"the inventory has findings:\n{findings}")
    for finding in compiled.findings:
        pulumi.log.warn(str(finding))
    plan = compiled.plan.only(settings.taken([account.key for account in compiled.plan.accounts]))
    thumbprints = fetch_thumbprints(
        plan.issuers_to_fetch(),
        alike=plan.issuers_alike(),
        connect=settings.issuer_connect,
        timeout=settings.issuer_timeout,
    )
    stack = AwsSettings(f"{pulumi.get_project()}/{pulumi.get_stack()}", settings.aws_endpoint)
    access = BitbucketOidc(
        "bitbucket-oidc",
        plan,
        aws_settings=stack,
        thumbprints=thumbprints,
        protect_oidc_providers=settings.protect_oidc_providers,
    )
    if settings.protect_oidc_providers:
        pulumi.log.info(PROTECTED)
    pulumi.export("roleArns", access.role_arns)
    pulumi.export("oidcProviderArns", access.oidc_provider_arns)


try:
    main()
except BitbucketOidcError as error:
    raise pulumi.RunError(str(error)) from error
