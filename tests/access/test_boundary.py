"""The boundary denies exactly what the table says, protects the stacks of bootstrap, and has room for many paths."""

from functools import cache
from typing import Any

import pytest

from access.boundary import boundary_document
from access.deploy_policy import DeployedRole, DeployScope
from access.foundation import Foundation
from oidc.arn import Partition
from oidc.errors import UsageError
from oidc.iam.action_classes import ActionClass, names
from oidc.iam.action_table import rows
from oidc.iam.pattern import lowered, matches_any
from oidc.identifiers import AccountId
from tools.action_table import READS, access_levels, classes

ACCOUNT = "222222222222"
OWN = f"arn:aws:iam::{ACCOUNT}:"
BOUNDED = set(names(row for row in rows() if row.bounded))
NEVER = {
    ActionClass.BOUNDARY, ActionClass.CREDENTIAL, ActionClass.LOCKOUT, ActionClass.MEMBER, ActionClass.ORGANIZATION,
    ActionClass.POLICY, ActionClass.SETTING, ActionClass.TRUST,
}  # fmt: skip
DEPLOYMENTS = (
    "cloudformation:CreateStack", "cloudformation:UpdateStack", "ecs:UpdateService", "iam:CreatePolicy",
    "iam:CreateServiceLinkedRole", "iam:DeletePolicyVersion", "iam:DeleteRole", "iam:PassRole", "iam:TagRole",
    "lambda:UpdateFunctionCode", "s3:PutBucketPolicy", "ssm:StartSession", "sts:AssumeRole", "sts:GetCallerIdentity",
)  # fmt: skip


def foundation(*paths: str) -> Foundation:
    roles = frozenset(DeployedRole(f"{OWN}role{path}r", path, f"{OWN}policy/boundary", ()) for path in paths)
    scope = DeployScope(Partition.AWS, AccountId(ACCOUNT), f"{OWN}role/D", roles, frozenset())
    return Foundation("prod", scope, "/", "D", "D-reading", None)


@cache
def statement(sid: str, stack: str = "bitbucket-oidc-bootstrap") -> dict[str, Any]:
    document = boundary_document(foundation("/bitbucket/"), stack).to_json()
    (found,) = [each for each in document["Statement"] if each["Sid"] == sid]
    return dict(found)


def denied_everywhere(action: str) -> bool:
    # IAM ignores case in actions.
    return matches_any(action.lower(), lowered(statement("NeverTheRightsOfOthers")["Action"]))


def test_on_everything_it_denies_the_actions_of_the_table_and_no_other() -> None:
    classified = classes(access_levels())
    for action in access_levels():
        expected = classified.get(action) in NEVER and action not in BOUNDED
        assert denied_everywhere(action) == expected, action


def test_it_denies_nothing_on_everything_that_reads_or_that_deployments_use() -> None:
    assert [action for action, level in access_levels().items() if level in READS and denied_everywhere(action)] == []
    assert [action for action in DEPLOYMENTS if denied_everywhere(action)] == []


def test_roles_and_users_are_created_and_get_policies_only_with_the_boundary() -> None:
    bounded = statement("NeverAPrincipalWithoutThisBoundary")
    assert set(bounded["Action"]) == BOUNDED
    assert bounded["Resource"] == ["*"]
    assert bounded["Condition"] == {"StringNotEquals": {"iam:PermissionsBoundary": [f"{OWN}policy/boundary"]}}


def test_nobody_outside_can_be_bounded_and_then_locked_out() -> None:
    everywhere = statement("NeverTheRightsOfOthers")
    assert "Condition" not in everywhere
    assert everywhere["Resource"] == ["*"]
    for action in ("PutRolePermissionsBoundary", "PutUserPermissionsBoundary", "DeleteRolePermissionsBoundary",
                   "RemoveUserFromGroup", "DeactivateMFADevice", "DeleteLoginProfile", "DeleteAccessKey"):  # fmt: skip
        assert denied_everywhere(f"iam:{action}"), action
    for action in ("rolesanywhere:DeleteTrustAnchor", "rolesanywhere:DisableProfile", "rolesanywhere:ImportCrl",
                   "eks:DeleteAccessEntry", "eks:DisassociateAccessPolicy", "eks:DeletePodIdentityAssociation",
                   "eks:DisassociateIdentityProviderConfig"):  # fmt: skip
        assert denied_everywhere(action), action


@pytest.mark.parametrize(
    "action", ["sts:AssumeRole", "iam:PassRole", "iam:TagRole", "iam:DeleteRole", "iam:UpdateRole"]
)
def test_the_roles_of_pipelines_are_neither_assumed_nor_passed_nor_changed(action: str) -> None:
    own = statement("NeverTheAccessOfPipelines")
    assert matches_any(action, tuple(own["Action"]))
    for name in ("role/bitbucket/r", "policy/boundary", "policy/D-deploys-1"):
        assert matches_any(f"{OWN}{name}", tuple(own["Resource"]))
    assert not matches_any(f"{OWN}role/app/task", tuple(own["Resource"]))


def test_the_roles_that_deploy_are_neither_passed_nor_changed_and_assumed_by_whom_their_trust_policy_names() -> None:
    assert set(statement("NeverTheRolesThatDeploy")["Resource"]) == {f"{OWN}role/D", f"{OWN}role/D-reading"}
    denied = tuple(statement("NeverTheRolesThatDeploy")["Action"])
    for action in ("iam:PassRole", "iam:TagRole", "iam:DeleteRole", "iam:UpdateRole", "iam:UpdateAssumeRolePolicy"):
        assert matches_any(action, denied), action
    assert not matches_any("sts:AssumeRole", denied)


@pytest.mark.parametrize("stack", ["bitbucket-oidc-bootstrap", "access"])
def test_no_stack_or_stackset_of_bootstrap_is_changed_and_every_other_may_be(stack: str) -> None:
    stacks = statement("NeverTheirStacks", stack)
    for action in ("UpdateStack", "CreateChangeSet", "ExecuteChangeSet", "DeleteStack", "CreateStackRefactor",
                   "ExecuteStackRefactor", "ContinueUpdateRollback", "SetStackPolicy"):  # fmt: skip
        assert matches_any(f"cloudformation:{action}", tuple(stacks["Action"])), action
    for action in ("UpdateStackSet", "CreateStackInstances", "UpdateStackInstances", "DeleteStackInstances",
                   "ImportStacksToStackSet", "DeleteStackSet"):  # fmt: skip
        assert matches_any(f"cloudformation:{action}", tuple(stacks["Action"])), action
    assert not matches_any("cloudformation:DescribeStacks", tuple(stacks["Action"]))
    start = f"arn:aws:cloudformation:eu-west-1:{ACCOUNT}:stackset/"
    assert matches_any(f"{start}{stack}:7e6f", tuple(stacks["Resource"]))
    assert not matches_any(f"{start}{stack}-shop:7e6f", tuple(stacks["Resource"]))
    start = f"arn:aws:cloudformation:eu-west-1:{ACCOUNT}:stack/"
    for name in (stack, "StackSet-anything-1a2b"):
        assert matches_any(f"{start}{name}/7e6f", tuple(stacks["Resource"]))
    for name in ("shop", f"{stack}-shop", "my-StackSet-shop"):
        assert not matches_any(f"{start}{name}/7e6f", tuple(stacks["Resource"]))


def test_thirty_eight_paths_fit_and_far_too_many_are_refused() -> None:
    paths = [f"/bitbucket/team-{number:02}/" for number in range(100)]
    assert boundary_document(foundation(*paths[:38])).size <= 6144
    with pytest.raises(UsageError, match="too many paths for one permissions boundary"):
        boundary_document(foundation(*paths))
