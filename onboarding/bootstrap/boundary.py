"""What nobody but the program and an administrator may change: ARNs, and the actions that change them."""

import re
from collections.abc import Iterable, Sequence

from access.deploy_policy import outermost
from access.policy_packing import denials, packed, statements
from oidc.bitbucket import ISSUER_HOST
from oidc.errors import UsageError
from oidc.iam.document import PolicyDocument
from oidc.iam.pattern import literally
from oidc.limits import MANAGED_POLICY_CHARS, SERVICE_CONTROL_POLICY_CHARS
from onboarding.bootstrap.foundation import Foundation

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


_WIDEN_A_PRINCIPAL = tuple(
    f"iam:{verb}{kind}{what}"
    for kind in ("Role", "User")
    for verb, what in (
        ("Attach", "Policy"), ("Create", ""), ("Delete", "Policy"), ("Detach", "Policy"),
        ("Put", "PermissionsBoundary"), ("Put", "Policy"),
    )
)  # fmt: skip
"""What has the key ``iam:PermissionsBoundary``, of AWS's list of actions."""

_NEVER = (
    "iam:AddClientIDToOpenIDConnectProvider", "iam:AddUserToGroup", "iam:AttachGroupPolicy", "iam:CreateAccessKey",
    "iam:CreateLoginProfile", "iam:CreateOpenIDConnectProvider", "iam:CreatePolicyVersion", "iam:CreateSAMLProvider",
    "iam:CreateServiceSpecificCredential", "iam:DeleteRolePermissionsBoundary", "iam:DeleteUserPermissionsBoundary",
    "iam:PutGroupPolicy", "iam:ResetServiceSpecificCredential", "iam:SetDefaultPolicyVersion", "iam:UpdateAccessKey",
    "iam:UpdateAssumeRolePolicy", "iam:UpdateLoginProfile", "iam:UpdateOpenIDConnectProviderThumbprint",
    "iam:UpdateSAMLProvider", "iam:UpdateServiceSpecificCredential", "iam:UploadSSHPublicKey",
    "iam:UploadSigningCertificate", "sts:AssumeRoot",
)  # fmt: skip
"""Ways to the rights of somebody else that no condition bounds
(https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html)."""


def boundary_document(found: Foundation) -> PolicyDocument:
    """Return what each boundary of the account's own says: everything, but for access itself.

    It allows nothing by itself. What a role may do is what its permission policies and this one both allow.

    Raises:
        UsageError: The inventory has so many paths there that one policy cannot hold them.
    """
    issuers = f"arn:{found.scope.partition}:iam::{found.scope.account}:oidc-provider/{ISSUER_HOST}/*"
    protected = {*role_patterns(found), *bootstrapped_patterns(found), issuers}
    assumed = [arn for arn in protected if ":role/" in arn]
    inside = ("StringNotEquals", "iam:PermissionsBoundary", map(literally, found.scope.own_boundary_arns))
    every = [
        *statements("Allow", "WhatPermissionPoliciesAllow", ["*"], ["*"]),
        *statements("Deny", "NeverTheAccessOfPipelines", WRITES, protected),
        *statements("Deny", "NeverAnotherRoleOfPipelines", ["sts:AssumeRole"], assumed),
        *denials("NeverAPrincipalWithoutThisBoundary", _WIDEN_A_PRINCIPAL, ["*"], inside),
        *statements("Deny", "NeverTheRightsOfOthers", _NEVER, ["*"]),
    ]
    documents = packed(every, MANAGED_POLICY_CHARS)
    if len(documents) > 1:
        what = f"account {found.key}: its roles have more paths than one permissions boundary can name"
        raise UsageError(
            what, do="put the roles under fewer paths, or write the boundary yourself: --existing-boundary"
        )
    return documents[0]


STACKSETS = "arn:{partition}:iam::*:role/stacksets-exec-*"
"""The role that StackSets with service-managed permissions make in each account, and work as
(https://docs.aws.amazon.com/aws-managed-policy/latest/reference/CloudFormationStackSetsOrgAdminServiceRolePolicy.html).
A service-linked role makes it, which no SCP holds back."""

_CHANGE_A_STACK = (
    "cloudformation:CancelUpdateStack", "cloudformation:ContinueUpdateRollback", "cloudformation:CreateChangeSet",
    "cloudformation:DeleteStack", "cloudformation:ExecuteChangeSet", "cloudformation:RollbackStack",
    "cloudformation:SetStackPolicy", "cloudformation:UpdateStack", "cloudformation:UpdateTerminationProtection",
)  # fmt: skip
"""A stack that has a service role is changed with that role's rights, whoever asks
(https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-iam-servicerole.html)."""


def control_policies(
    found: Sequence[Foundation], administrators: Sequence[str], stack: str
) -> tuple[PolicyDocument, ...]:
    """Return the documents to attach to the organizational units of the accounts, one if that is enough.

    Each keeps 5,120 characters.

    Args:
        found: What the accounts have; all of one partition.
        administrators: Patterns of role ARNs that stay free: ``arn:aws:iam::*:role/stacksets-exec-*``.
        stack: Name of the CloudFormation stack or StackSet that makes the roles.
    """
    partition = found[0].scope.partition
    deploying = {_anywhere(literally(one.deploying_role_arn)) for one in found}
    deployed = {_anywhere(arn) for one in found for arn in deployed_patterns(one)}
    bootstrapped = {_anywhere(arn) for one in found for arn in bootstrapped_patterns(one)}
    start = f"arn:{partition}:cloudformation:*:*:stack"
    stacks = [f"{start}/{stack}/*", f"{start}/StackSet-{stack}-*/*"]
    every = [
        *denials("RolesOfPipelines", WRITES, deployed - bootstrapped, _but({*deploying, *administrators})),
        *denials("RolesThatDeploy", WRITES, {*bootstrapped, *administrators}, _but(administrators)),
        *denials("StacksOfTheRoles", _CHANGE_A_STACK, stacks, _but(administrators)),
    ]
    return packed(every, SERVICE_CONTROL_POLICY_CHARS)


def _but(principals: Iterable[str]) -> tuple[str, str, Iterable[str]]:
    """Leave out principals; the ARN of a role's session is here that of the role, path included.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html, aws:PrincipalArn.
    """
    return "ArnNotLike", "aws:PrincipalArn", principals


def _anywhere(arn: str) -> str:
    """Return the pattern for every account: organizational units hold accounts that come and go."""
    return re.sub(r"^(arn:[^:]+:iam::)[0-9]{12}:", r"\g<1>*:", arn)
