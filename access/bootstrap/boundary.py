"""The permissions boundary of the pipelines' roles: whatever they are given, they get no hand on access itself."""

from access.bootstrap.foundation import Foundation
from access.bootstrap.protected import WRITES, bootstrapped_patterns, role_patterns
from access.policy_packing import denials, packed, statements
from oidc.errors import UsageError
from oidc.issuer import ISSUER_HOST
from oidc.limits import MANAGED_POLICY_CHARS
from oidc.policy_document import PolicyDocument
from oidc.policy_patterns import literally

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
