"""The service control policy that keeps everybody else away from what the program and its roles stand on.

It only denies, and only changes: who may assume a role is that role's trust policy to say. Whoever is left out of a
denial stands under the other one, too, so nobody becomes an exception by making a role of that name.

Sources: https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps_syntax.html;
"SCPs do not affect users or roles in the management account", "SCPs do not affect any service-linked role":
https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html
"""

import re
from collections.abc import Iterable, Sequence

from access.bootstrap.foundation import Foundation
from access.bootstrap.protected import WRITES, bootstrapped_patterns, deployed_patterns
from access.policy_packing import denials, packed
from oidc.limits import SERVICE_CONTROL_POLICY_CHARS
from oidc.policy_document import PolicyDocument
from oidc.policy_patterns import literally

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
