"""One role: the role itself, its inline policies, and exactly its managed policies."""

from collections.abc import Sequence

import pulumi
import pulumi_aws as aws

from access.plan import RolePlan
from components.aws_provider import resource_tags

TYPE = "bitbucket-aws-oidc:index:PipelineRole"


class PipelineRole(pulumi.ComponentResource):
    """A role that pipelines may assume.

    Managed policies are exclusive: the next ``up`` detaches a policy that somebody attached by hand. Inline policies
    are not: AWS revokes stolen sessions with an inline policy, ``AWSRevokeOlderSessions``, which ``up`` must not remove
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_revoke-sessions.html).

    Attributes:
        arn: ``arn:aws:iam::222222222222:role/bitbucket/payments-deploy``.
    """

    arn: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        plan: RolePlan,
        *,
        aws_provider: aws.Provider,
        oidc_providers: Sequence[aws.iam.OpenIdConnectProvider],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Register the role.

        Args:
            name: Account and key of the role: ``prod/payments-deploy``.
            plan: The planned role.
            aws_provider: The AWS provider of the account.
            oidc_providers: Those that its trust policy names; they must exist before the role.
            opts: Resource options, as for any component.
        """
        super().__init__(TYPE, name, None, opts)
        child = pulumi.ResourceOptions(parent=self, provider=aws_provider)
        role = aws.iam.Role(
            name,
            name=plan.name,
            path=plan.path,
            description=plan.description,
            assume_role_policy=plan.trust_policy.text,
            max_session_duration=plan.max_session_duration,
            permissions_boundary=plan.permissions_boundary_arn,
            # Deleting RolePolicyAttachmentsExclusive detaches nothing, and a role with policies cannot be deleted.
            force_detach_policies=True,
            tags=resource_tags(plan.tags),
            opts=pulumi.ResourceOptions(parent=self, provider=aws_provider, depends_on=list(oidc_providers)),
        )
        for policy_name, document in plan.inline_policies.items():
            aws.iam.RolePolicy(
                f"{name}/{policy_name}", name=policy_name, role=role.name, policy=document.text, opts=child
            )
        # A role without managed policies needs it too: it detaches every policy attached by hand.
        aws.iam.RolePolicyAttachmentsExclusive(
            name, role_name=role.name, policy_arns=list(plan.managed_policy_arns), opts=child
        )
        self.arn = role.arn
        self.register_outputs({"arn": role.arn})
