"""One role: the role itself, its inline policies, and exactly its managed policies."""

from collections.abc import Collection, Sequence

import pulumi
import pulumi_aws as aws

from access.managed_by import PIPELINE_ROLE
from access.plan import RolePlan
from components.aws_provider import resource_tags

TYPE = PIPELINE_ROLE

HELD = (
    "assumeRolePolicy", "description", "forceDetachPolicies", "inlinePolicies", "managedPolicyArns",
    "maxSessionDuration", "permissionsBoundary", "tags", "tagsAll",
)  # fmt: skip
"""Properties that a role keeps in AWS in the run that takes it up: all that can be changed in place.

Pulumi's engine refuses to import a resource whose properties differ from the program's
(https://www.pulumi.com/docs/iac/concepts/resources/options/import/).
"""


class PipelineRole(pulumi.ComponentResource):
    """A role that pipelines may assume.

    Managed policies are exclusive: the next ``up`` detaches a policy that somebody attached by hand. Inline policies
    are not: AWS revokes stolen sessions with an inline policy, ``AWSRevokeOlderSessions``, which ``up`` must not remove
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_revoke-sessions.html).

    Attributes:
        arn: ``arn:aws:iam::222222222222:role/bitbucket/payments-deploy``.
        resources: The role, its inline policies and its attachments.
    """

    arn: pulumi.Output[str]
    resources: tuple[pulumi.Resource, ...]

    def __init__(
        self,
        name: str,
        plan: RolePlan,
        *,
        aws_provider: aws.Provider,
        oidc_providers: Sequence[aws.iam.OpenIdConnectProvider],
        take_up: Collection[str] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Register the role.

        Args:
            name: Account and key of the role: ``prod/payments-deploy``.
            plan: The planned role.
            aws_provider: The AWS provider of the account.
            oidc_providers: Those that its trust policy names; they must exist before the role.
            take_up: ARNs that this run takes up; a role among them is imported as it is in AWS.
            opts: Resource options, as for any component.
        """
        super().__init__(TYPE, name, None, opts)
        child = pulumi.ResourceOptions(parent=self, provider=aws_provider)
        taken_up = pulumi.ResourceOptions(import_=plan.name, ignore_changes=list(HELD)) if plan.arn in take_up else None
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
            opts=pulumi.ResourceOptions.merge(
                pulumi.ResourceOptions.merge(child, pulumi.ResourceOptions(depends_on=list(oidc_providers))), taken_up
            ),
        )
        inline_policies = [
            aws.iam.RolePolicy(
                f"{name}/{policy_name}", name=policy_name, role=role.name, policy=document.text, opts=child
            )
            for policy_name, document in plan.inline_policies.items()
        ]
        # A role without managed policies needs it too: it detaches every policy attached by hand.
        attachments = aws.iam.RolePolicyAttachmentsExclusive(
            name, role_name=role.name, policy_arns=list(plan.managed_policy_arns), opts=child
        )
        self.arn, self.resources = role.arn, (role, *inline_policies, attachments)
        self.register_outputs({"arn": role.arn})
