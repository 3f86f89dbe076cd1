"""The top of a stack: all accounts of an AccessPlan, and the stack outputs."""

from collections.abc import Collection, Mapping

import pulumi

from access.plan import AccessPlan
from components.account_access import AccountAccess, previous_names
from components.aws_provider import AwsSettings
from config.findings import one_line
from oidc.errors import UsageError
from oidc.thumbprint import Thumbprint

TYPE = "bitbucket-aws-oidc:index:BitbucketOidc"

TOP = "bitbucket-oidc"
"""The logical name of the component, the same in every stack."""

_PROTECTED = (
    "OIDC providers are protected: if Pulumi refuses to delete one that no role needs, list its workspace under "
    "`keep_oidc_providers` of the account to keep it; to delete it, run once without protection (stack config "
    "protectOidcProviders, or protect_oidc_providers of `rollout`) while it is still needed or kept, then remove it"
)
"""Printed at every run with protection: Pulumi's refusal cannot name the inventory's keys."""


class BitbucketOidc(pulumi.ComponentResource):
    """The Bitbucket Pipelines that may assume AWS roles, in all accounts of a stack.

    Attributes:
        role_arns: ARNs by account and by key of the role.
        oidc_provider_arns: ARNs by account and workspace.
        resources: All resources in AWS.
    """

    role_arns: dict[str, dict[str, pulumi.Output[str]]]
    oidc_provider_arns: dict[str, dict[str, pulumi.Input[str]]]
    resources: list[pulumi.Resource]

    def __init__(
        self,
        name: str,
        plan: AccessPlan,
        *,
        aws_settings: AwsSettings,
        thumbprints: Mapping[str, Thumbprint],
        protect_oidc_providers: bool = False,
        take_up: Collection[str] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Register everything.

        Args:
            name: Logical name, the same in every stack.
            plan: A complete and valid plan.
            aws_settings: How the stack talks to AWS.
            thumbprints: By URL of the issuer, for ``plan.issuers_to_fetch()``.
            protect_oidc_providers: Whether the engine refuses to delete OIDC providers.
            take_up: ARNs of roles and OIDC providers to import as they are in AWS.
            opts: Resource options, as for any component.
        """
        super().__init__(TYPE, name, None, opts)
        self.role_arns, self.oidc_provider_arns, self.resources = {}, {}, []
        for account in plan.accounts:
            if not account.roles and not account.oidc_providers:
                continue
            access = AccountAccess(
                account.key,
                account,
                aws_settings=aws_settings,
                thumbprints=thumbprints,
                protect_oidc_providers=protect_oidc_providers,
                take_up=take_up,
                opts=pulumi.ResourceOptions(parent=self, aliases=previous_names("", account.previous_keys)),
            )
            self.role_arns[account.key] = access.role_arns
            self.oidc_provider_arns[account.key] = access.oidc_provider_arns
            self.resources += access.resources
        self.register_outputs({"roleArns": self.role_arns, "oidcProviderArns": self.oidc_provider_arns})


def register_stack(
    plan: AccessPlan,
    *,
    aws_settings: AwsSettings,
    thumbprints: Mapping[str, Thumbprint],
    protect_oidc_providers: bool,
    take_up: Collection[str],
    digest: str,
) -> None:
    """Register everything of a stack, and export its outputs.

    The output ``planDigest`` is that of the plan that was last applied completely. A run in which a resource fails
    keeps the earlier outputs. A run that takes resources up leaves ``planDigest`` out, since it does not change them.
    Resources that the plan does not have any more are deleted after the outputs are written.

    Args:
        plan: The part that the stack takes.
        aws_settings: How the stack talks to AWS.
        thumbprints: By URL of the issuer, for ``plan.issuers_to_fetch()``.
        protect_oidc_providers: Whether the engine refuses to delete OIDC providers.
        take_up: ARNs of roles and OIDC providers that exist in AWS and that this run imports as they are.
        digest: Of the plan with the settings of the stack.

    Raises:
        UsageError: The plan does not create a resource to be taken up. Nothing is registered then.
    """
    created = {role.arn for account in plan.accounts for role in account.roles}
    created |= {it.arn for account in plan.accounts for it in account.oidc_providers if it.mode == "create"}
    for arn in take_up:
        if arn not in created:
            what = f"stack config takeUp: this stack creates no role or OIDC provider {one_line(arn)[:200]}"
            raise UsageError(what, do="remove it from takeUp, or correct the ARN")
    access = BitbucketOidc(
        TOP,
        plan,
        aws_settings=aws_settings,
        thumbprints=thumbprints,
        protect_oidc_providers=protect_oidc_providers,
        take_up=take_up,
    )
    if protect_oidc_providers:
        pulumi.log.info(_PROTECTED)
    if take_up:
        pulumi.log.warn(f"takeUp: this run changes nothing of {', '.join(take_up)}; the next run without takeUp does")
    pulumi.export("roleArns", access.role_arns)
    pulumi.export("oidcProviderArns", access.oidc_provider_arns)
    if not take_up:
        # The engine writes outputs when their values are known, also in a run that fails. This one waits for all.
        applied = pulumi.Output.all(*(resource.urn for resource in access.resources))
        pulumi.export("planDigest", applied.apply(lambda _: digest))
