"""What nobody but the program and an administrator may change: ARNs, and the actions that change them."""

from collections.abc import Iterable

from access.bootstrap.foundation import Foundation
from access.deploy_policy import outermost
from oidc.policy_patterns import literally

WRITES = (
    "iam:Add*", "iam:Attach*", "iam:Create*", "iam:Delete*", "iam:Detach*", "iam:PassRole", "iam:Put*", "iam:Remove*",
    "iam:Set*", "iam:Tag*", "iam:Untag*", "iam:Update*", "iam:Upload*",
)  # fmt: skip
"""Every action of IAM on a role, a policy or an OIDC provider that does more than read; a test holds them against AWS's
list (https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html)."""


def deployed_patterns(found: Foundation) -> set[str]:
    """Return patterns of the ARNs that the program itself writes: roles by their paths, OIDC providers."""
    return role_patterns(found) | {literally(arn) for arn in found.scope.oidc_provider_arns}


def role_patterns(found: Foundation) -> set[str]:
    """Return patterns of the ARNs of the program's roles, by their paths."""
    return outermost(role.pattern for role in found.scope.roles)


def bootstrapped_patterns(found: Foundation) -> set[str]:
    """Return patterns of the ARNs that an administrator makes: both roles, their policies, the boundaries."""
    exact: Iterable[str] = (found.deploying_role_arn, found.reading_role_arn, *found.scope.own_boundary_arns)
    return {*map(literally, exact), found.policy_arns_pattern}
