"""One explicit AWS provider for each account, which refuses every other account."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from access.managed_by import default_tags
from access.plan import DEFAULT_SESSION_NAME, AccountPlan


@dataclass(frozen=True, slots=True)
class AwsSettings:
    """How this stack talks to AWS, the same for every account.

    Attributes:
        stack: The managing stack, put on resources as a tag: ``bitbucket-aws-oidc/dev``.
        endpoint: ``http://127.0.0.1:4566`` in the sandbox, else ``None``.
    """

    stack: str
    endpoint: str | None = None

    def default_tags(self) -> dict[str, str]:
        """Return the tags that show who manages a resource."""
        return default_tags(self.stack)


def aws_provider(account: AccountPlan, settings: AwsSettings, parent: pulumi.Resource) -> aws.Provider:
    """Register the AWS provider of an account.

    With ``allowed_account_ids`` it refuses credentials of any other account before it writes anything. Calls of IAM go
    to the control plane of the partition, in any region.
    """
    access = account.access
    assume_roles = (
        [
            aws.ProviderAssumeRoleArgs(
                role_arn=access.role_arn,
                external_id=access.external_id,
                session_name=access.session_name or DEFAULT_SESSION_NAME,
            )
        ]
        if access.role_arn
        else None
    )
    return aws.Provider(
        account.key,
        region=account.region or account.partition.iam_region,
        profile=access.profile,
        assume_roles=assume_roles,
        allowed_account_ids=[account.id],
        default_tags=aws.ProviderDefaultTagsArgs(tags=settings.default_tags()),
        endpoints=_endpoints(settings.endpoint),
        opts=pulumi.ResourceOptions(parent=parent),
    )


def _endpoints(endpoint: str | None) -> list[aws.ProviderEndpointArgs] | None:
    return [aws.ProviderEndpointArgs(iam=endpoint, sts=endpoint)] if endpoint else None


def resource_tags(tags: Mapping[str, str]) -> dict[str, str] | None:
    """Return a resource's tags, or ``None`` without any: an empty mapping would show as a change in every preview."""
    return dict(tags) or None
