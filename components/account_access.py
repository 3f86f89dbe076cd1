"""One account of a stack, and aliases of components for their previous logical names.

Children need no aliases: their names begin with the parent's name, and an engine that finds a parent under an earlier
name looks for its children under that name too
(https://www.pulumi.com/docs/iac/concepts/options/aliases/).
"""

from collections.abc import Collection, Mapping, Sequence

import pulumi

from access.plan import AccountPlan
from components.aws_provider import AwsSettings, aws_provider
from components.oidc_provider import oidc_provider
from components.pipeline_role import PipelineRole
from oidc.thumbprint import Thumbprint


def previous_names(prefix: str, keys: Sequence[str]) -> list["pulumi.Input[str | pulumi.Alias]"] | None:
    """Return the aliases for previous keys of the inventory, or ``None`` without any.

    Args:
        prefix: The part of the logical name before the key: ``prod/`` for a role.
        keys: ``["payments"]``.
    """
    return [pulumi.Alias(name=f"{prefix}{key}") for key in keys] or None


TYPE = "bitbucket-aws-oidc:index:AccountAccess"


class AccountAccess(pulumi.ComponentResource):
    """The roles that pipelines may assume in one account, and its OIDC providers.

    Attributes:
        role_arns: ARNs by key of the role in the inventory.
        oidc_provider_arns: ARNs by workspace; computed for a referenced OIDC provider.
        resources: All resources in AWS.
    """

    role_arns: dict[str, pulumi.Output[str]]
    oidc_provider_arns: dict[str, pulumi.Input[str]]
    resources: list[pulumi.Resource]

    def __init__(
        self,
        name: str,
        plan: AccountPlan,
        *,
        aws_settings: AwsSettings,
        thumbprints: Mapping[str, Thumbprint],
        protect_oidc_providers: bool,
        take_up: Collection[str] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Register the account.

        Args:
            name: The key of the account in the inventory.
            plan: The planned OIDC providers and roles.
            aws_settings: How the stack talks to AWS.
            thumbprints: By URL of the issuer; complete for the plan.
            protect_oidc_providers: Whether the engine refuses to delete OIDC providers.
            take_up: ARNs of roles and OIDC providers to import as they are in AWS.
            opts: Resource options, as for any component.
        """
        super().__init__(TYPE, name, None, opts)
        provider = aws_provider(plan, aws_settings, self)
        child = pulumi.ResourceOptions(parent=self, provider=provider)
        oidc_providers = {
            planned.workspace: oidc_provider(
                f"{name}/{planned.workspace}",
                planned,
                thumbprints=thumbprints,
                protect=protect_oidc_providers,
                take_up=take_up,
                child=child,
            )
            for planned in plan.oidc_providers
        }
        self.role_arns, self.resources = {}, list(oidc_providers.values())
        for role in plan.roles:
            trusted = sorted({trust.workspace for trust in role.trust} & oidc_providers.keys())
            component = PipelineRole(
                f"{name}/{role.key}",
                role,
                aws_provider=provider,
                oidc_providers=[oidc_providers[workspace] for workspace in trusted],
                take_up=take_up,
                opts=pulumi.ResourceOptions(parent=self, aliases=previous_names(f"{name}/", role.previous_keys)),
            )
            self.role_arns[role.key] = component.arn
            self.resources += component.resources
        self.oidc_provider_arns = {
            planned.workspace: planned.arn if planned.mode == "reference" else oidc_providers[planned.workspace].arn
            for planned in plan.oidc_providers
        }
        self.register_outputs({"roleArns": self.role_arns, "oidcProviderArns": self.oidc_provider_arns})
