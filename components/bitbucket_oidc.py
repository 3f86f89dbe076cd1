"""The top of a stack: all accounts of an AccessPlan."""

from collections.abc import Mapping

import pulumi

from access.plan import AccessPlan
from components.account_access import AccountAccess, previous_names
from components.aws_provider import AwsSettings
from oidc.thumbprint import Thumbprint

TYPE = "bitbucket-aws-oidc:index:BitbucketOidc"


class BitbucketOidc(pulumi.ComponentResource):
    """The Bitbucket Pipelines that may assume AWS roles, in all accounts of a stack.

    Attributes:
        role_arns: ARNs by account and by key of the role.
        oidc_provider_arns: ARNs by account and workspace.
    """

    role_arns: dict[str, dict[str, pulumi.Output[str]]]
    oidc_provider_arns: dict[str, dict[str, pulumi.Input[str]]]

    def __init__(
        self,
        name: str,
        plan: AccessPlan,
        *,
        aws_settings: AwsSettings,
        thumbprints: Mapping[str, Thumbprint],
        protect_oidc_providers: bool = False,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Register everything.

        Args:
            name: Logical name, the same in every stack.
            plan: A complete and valid plan.
            aws_settings: How the stack talks to AWS.
            thumbprints: By URL of the issuer, for ``plan.issuers_to_fetch()``.
            protect_oidc_providers: Whether the engine refuses to delete OIDC providers.
            opts: Resource options, as for any component.
        """
        super().__init__(TYPE, name, None, opts)
        self.role_arns, self.oidc_provider_arns = {}, {}
        for account in plan.accounts:
            if not account.roles and not account.oidc_providers:
                continue
            access = AccountAccess(
                account.key,
                account,
                aws_settings=aws_settings,
                thumbprints=thumbprints,
                protect_oidc_providers=protect_oidc_providers,
                opts=pulumi.ResourceOptions(parent=self, aliases=previous_names("", account.previous_keys)),
            )
            self.role_arns[account.key] = access.role_arns
            self.oidc_provider_arns[account.key] = access.oidc_provider_arns
        self.register_outputs({"roleArns": self.role_arns, "oidcProviderArns": self.oidc_provider_arns})
