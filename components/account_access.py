"""One account of a stack, and the previous logical names of components, under which an engine finds its resources.

Children need no aliases: their names begin with the parent's name, and an engine that finds a parent under an earlier
name looks for its children under that name too
(https://www.pulumi.com/docs/iac/concepts/options/aliases/).
"""

from collections.abc import Mapping, Sequence

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
    """What pipelines may assume in one account.

    Attributes:
        role_arns: By key of the inventory.
        oidc_provider_arns: By workspace; computed for those that are only referenced.
    """

    role_arns: dict[str, pulumi.Output[str]]
    oidc_provider_arns: dict[str, pulumi.Input[str]]

    def __init__(
        self,
        name: str,
        plan: AccountPlan,
        *,
        aws_settings: AwsSettings,
        thumbprints: Mapping[str, Thumbprint],
        protect_oidc_providers: bool,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Register the account.

        Args:
            name: Its key of the inventory.
            plan: The planned OIDC providers and roles.
            aws_settings: How the stack talks to AWS.
            thumbprints: By URL of the issuer; has all that the plan wants fetched.
            protect_oidc_providers: Whether the engine refuses to delete OIDC providers.
            opts: As of any component.
        """
        super().__init__(TYPE, name, None, opts)
        provider = aws_provider(plan, aws_settings, self)
        inside = pulumi.ResourceOptions(parent=self, provider=provider)
        there = {
            found.workspace: oidc_provider(
                f"{name}/{found.workspace}",
                found,
                thumbprints=thumbprints,
                protect=protect_oidc_providers,
                inside=inside,
            )
            for found in plan.oidc_providers
        }
        self.role_arns = {}
        for role in plan.roles:
            trusted = sorted({line.workspace for line in role.trust} & there.keys())
            component = PipelineRole(
                f"{name}/{role.key}",
                role,
                aws_provider=provider,
                oidc_providers=[there[workspace] for workspace in trusted],
                opts=pulumi.ResourceOptions(parent=self, aliases=previous_names(f"{name}/", role.previous_keys)),
            )
            self.role_arns[role.key] = component.arn
        self.oidc_provider_arns = {
            found.workspace: found.arn if found.mode == "reference" else there[found.workspace].arn
            for found in plan.oidc_providers
        }
        self.register_outputs({"roleArns": self.role_arns, "oidcProviderArns": self.oidc_provider_arns})
