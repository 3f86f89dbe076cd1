"""The permissions boundary and the service control policy that protect the program's roles from other principals."""

import re
from collections.abc import Iterable, Sequence

from access.deploy_policy import outermost
from access.foundation import STACK, Foundation
from access.policy_packing import denials, packed, statements
from oidc.arn import Partition
from oidc.bitbucket import ISSUER_HOST
from oidc.errors import UsageError
from oidc.iam.action_classes import ActionClass, names, patterns, verbs
from oidc.iam.action_table import rows
from oidc.iam.document import PolicyDocument
from oidc.iam.pattern import literally
from oidc.limits import MANAGED_POLICY_CHARS, SERVICE_CONTROL_POLICY_CHARS

_OWN_KINDS = ("iam:role/", "iam:policy/", "iam:oidc-provider/")
WRITES = verbs(row for kind in _OWN_KINDS for row in rows(resource=kind) if row.group is not ActionClass.ASSUME)
"""Every IAM action that writes a role, a policy or an OIDC provider, by its verb, also future ones: ``iam:Attach*``."""

STACK_WRITES = verbs(rows(resource="cloudformation:stack/"))
"""Every action that changes a stack. If a stack has a service role, everybody changes the stack with that role's
permissions (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-iam-servicerole.html)."""

_STACK_AND_STACKSET_WRITES = tuple(sorted({*STACK_WRITES, *verbs(rows(resource="cloudformation:stackset/"))}))
"""The same, and what changes all stacks of a StackSet at once, in the account that administers it."""


def deployed_patterns(foundation: Foundation) -> set[str]:
    """Return patterns of the ARNs that the program writes: roles by their paths, and OIDC providers."""
    return role_patterns(foundation) | {literally(arn) for arn in foundation.scope.oidc_provider_arns}


def role_patterns(foundation: Foundation) -> set[str]:
    """Return patterns of the ARNs of the program's roles, by their paths."""
    return outermost(role.pattern for role in foundation.scope.roles)


def bootstrapped_patterns(foundation: Foundation) -> set[str]:
    """Return patterns of the ARNs that an administrator creates: both roles, their policies, the boundaries."""
    exact: Iterable[str] = (
        foundation.deploying_role_arn,
        foundation.reading_role_arn,
        *foundation.scope.own_boundary_arns,
    )
    return {*map(literally, exact), foundation.policy_arns_pattern}


_BOUNDED = patterns(row for row in rows() if row.bounded)
"""What creates a role or a user, or changes its policies."""

_NEVER = patterns(
    row
    for row in rows(
        ActionClass.BOUNDARY,
        ActionClass.CREDENTIAL,
        ActionClass.LOCKOUT,
        ActionClass.MEMBER,
        ActionClass.ORGANIZATION,
        ActionClass.POLICY,
        ActionClass.SETTING,
        ActionClass.TRUST,
    )
    if not row.bounded
)
"""What gives the rights of another principal, or takes them away, and what no condition key limits
(https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html). Decision 28 says why the other
classes are left out."""


OWN_STACKS = "NeverTheirStacks"
"""Sid of the statement about stacks in a boundary of the template; the option ``--stack`` gives their names."""


def boundary_document(foundation: Foundation, stack: str = STACK) -> PolicyDocument:
    """Return the document of each boundary in the account: it allows everything except changes of access.

    It grants nothing by itself: a role may do what both its permission policies and this document allow.

    Args:
        foundation: What the account needs.
        stack: Name of the CloudFormation stack or StackSet that creates the roles.

    Raises:
        UsageError: The account's roles have too many paths for one policy.
    """
    scope = foundation.scope
    issuers = f"arn:{scope.partition}:iam::{scope.account}:oidc-provider/{ISSUER_HOST}/*"
    both = set(map(literally, (foundation.deploying_role_arn, foundation.reading_role_arn)))
    protected = {*role_patterns(foundation), *bootstrapped_patterns(foundation), issuers} - both
    stack_set = f"arn:{scope.partition}:cloudformation:*:*:stackset/{stack}:*"
    without_boundary = "StringNotEquals", "iam:PermissionsBoundary", map(literally, scope.own_boundary_arns)
    every = [
        *statements("Allow", "WhatPermissionPoliciesAllow", ["*"], ["*"]),
        *statements("Deny", "NeverTheAccessOfPipelines", [*WRITES, *names(rows(ActionClass.ASSUME))], protected),
        # Not sts:AssumeRole: their trust policies name the callers, and in the hub's account these have this boundary.
        *statements("Deny", "NeverTheRolesThatDeploy", ["iam:*"], both),
        *statements(
            "Deny",
            OWN_STACKS,
            _STACK_AND_STACKSET_WRITES,
            [*_stacks(scope.partition, stack, "StackSet-*"), stack_set],
        ),
        *denials("NeverAPrincipalWithoutThisBoundary", _BOUNDED, ["*"], without_boundary),
        *statements("Deny", "NeverTheRightsOfOthers", _NEVER, ["*"]),
    ]
    documents = packed(every, MANAGED_POLICY_CHARS)
    if len(documents) > 1:
        what = f"account {foundation.key}: its roles have too many paths for one permissions boundary"
        raise UsageError(
            what, do="put the roles under fewer paths, or write the boundary yourself: --existing-boundary"
        )
    return documents[0]


STACKSETS = "arn:{partition}:iam::*:role/stacksets-exec-*"
"""The role that StackSets with service-managed permissions create and use in each account
(https://docs.aws.amazon.com/aws-managed-policy/latest/reference/CloudFormationStackSetsOrgAdminServiceRolePolicy.html).
A service-linked role creates it, and SCPs do not limit service-linked roles."""


_OF_PIPELINES, _THAT_DEPLOY, _STACKS = CONTROL_SIDS = ("RolesOfPipelines", "RolesThatDeploy", "StacksOfTheRoles")
"""Sids of the statements of a service control policy; those of a split statement have a number behind."""


def control_policies(
    foundations: Sequence[Foundation], administrators: Sequence[str], stack: str
) -> tuple[PolicyDocument, ...]:
    """Return the documents to attach to the accounts' organizational units; a single one if it is large enough.

    Each has at most 5,120 characters.

    Args:
        foundations: Of the accounts; all in one partition.
        administrators: Patterns of role ARNs that are not denied: ``arn:aws:iam::*:role/stacksets-exec-*``.
        stack: Name of the CloudFormation stack or StackSet that creates the roles.
    """
    partition = foundations[0].scope.partition
    deploying = {_anywhere(literally(foundation.deploying_role_arn)) for foundation in foundations}
    deployed = {_anywhere(arn) for foundation in foundations for arn in deployed_patterns(foundation)}
    bootstrapped = {_anywhere(arn) for foundation in foundations for arn in bootstrapped_patterns(foundation)}
    stacks = _stacks(partition, stack, f"StackSet-{stack}-*")
    every = [
        *denials(_OF_PIPELINES, WRITES, deployed - bootstrapped, _except({*deploying, *administrators})),
        *denials(_THAT_DEPLOY, WRITES, {*bootstrapped, *administrators}, _except(administrators)),
        *denials(_STACKS, STACK_WRITES, stacks, _except(administrators)),
    ]
    return packed(every, SERVICE_CONTROL_POLICY_CHARS)


def _stacks(partition: Partition, *patterns_of_names: str) -> list[str]:
    return [f"arn:{partition}:cloudformation:*:*:stack/{pattern}/*" for pattern in patterns_of_names]


def _except(principals: Iterable[str]) -> tuple[str, str, Iterable[str]]:
    """Return the condition that excepts principals. For a role's session, the key has the role's ARN with its path.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html, aws:PrincipalArn.
    """
    return "ArnNotLike", "aws:PrincipalArn", principals


def _anywhere(arn: str) -> str:
    """Return the pattern for all accounts, since accounts enter and leave organizational units."""
    return re.sub(r"^(arn:[^:]+:iam::)[0-9]{12}:", r"\g<1>*:", arn)
