"""What `bootstrap --deploy` does in an account follows from its stack and from what exists."""

from typing import Any

import pytest
from botocore.session import Session

from access.adoption.found import FoundTemplate
from access.deploy_policy import DeployedRole, DeployScope
from access.foundation import Foundation, Hub
from facts.aws.cloudformation_stack import UPDATABLE, FoundStack
from oidc.arn import Partition
from oidc.identifiers import AccountId
from onboarding.bootstrap.check import TemplateSettings
from onboarding.bootstrap.deploy import AccountStep, Action, account_step
from onboarding.bootstrap.template import template

ACCOUNT = AccountId("222222222222")
START = f"arn:aws:iam::{ACCOUNT}"
ROLE = DeployedRole(f"{START}:role/ci/shop", "/ci/", f"{START}:policy/boundary", ())
SCOPE = DeployScope(
    Partition.AWS, ACCOUNT, f"{START}:role/Deploy", frozenset({ROLE}), frozenset(), f"{START}:role/Deploy-reading"
)
FOUNDATION = Foundation("prod", SCOPE, "/", "Deploy", "Deploy-reading", None)
WANTED = TemplateSettings(Hub(("arn:aws:iam::999999999999:role/runner",), None), "bootstrap")
TEMPLATE = template([FOUNDATION], WANTED.hub, stack=WANTED.stack)
EMPTY = FoundTemplate({}, {})
STATUSES = Session().get_service_model("cloudformation").shape_for("StackStatus").enum


def step(stack: FoundStack | None, made: dict[str, Any] = TEMPLATE, found: FoundTemplate = EMPTY) -> AccountStep:
    return account_step(FOUNDATION, WANTED, made, stack=stack, found=found, region="eu-west-1")


def test_without_a_stack_it_is_created() -> None:
    created = step(None)
    assert created.action is Action.CREATE
    assert created.text.startswith("creates the stack bootstrap in eu-west-1: DeployingRole, DeployingPolicy1, Reading")


@pytest.mark.parametrize("status", STATUSES)
def test_a_stack_in_any_other_state_than_a_complete_one_is_named_with_what_to_do(status: str) -> None:
    found = step(FoundStack("arn:stack", status, failure="Role: denied"))
    if status in UPDATABLE:
        assert found.action is Action.UPDATE
        return
    assert found.action is Action.BLOCKED
    assert str(found).startswith(f"its stack bootstrap is {status}: Role: denied; ")
    assert str(found).endswith(", then run this command again")
    waits = status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS"
    assert ("wait until it is finished" in found.do) == waits
    assert ("--stack-name bootstrap --region eu-west-1`" in found.do) != waits


def test_deleted_and_replaced_resources_of_the_stack_are_told_before() -> None:
    renamed = {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "Old", "Path": "/"}}
    before = {**TEMPLATE["Resources"], "DeployingRole": renamed}
    resources = {**dict.fromkeys(before, "name"), "DeployingPolicy9": "arn"}
    found = step(FoundStack("arn:stack", "UPDATE_COMPLETE", {"Resources": before}, resources))
    assert found.action is Action.UPDATE
    assert found.text == ("updates the stack bootstrap in eu-west-1; deletes DeployingPolicy9; replaces DeployingRole")


@pytest.mark.parametrize("template_of_stack", [None, "text", [], {}, {"Resources": []}, {"Resources": {"A": 1}}])
def test_any_other_template_in_the_stack_is_updated(template_of_stack: object) -> None:
    assert step(FoundStack("arn:stack", "CREATE_COMPLETE", template_of_stack)).action is Action.UPDATE


def test_the_same_template_with_other_resources_has_drifted() -> None:
    found = step(FoundStack("arn:stack", "CREATE_COMPLETE", TEMPLATE))
    assert found.action is Action.BLOCKED
    assert "somebody changed the resources: deploying role Deploy: it does not exist (and 2 more)" in str(found)


def test_a_template_that_is_too_large_for_a_call_goes_through_a_bucket() -> None:
    large = {"Resources": {"A": {"Type": "AWS::IAM::Role", "Description": "x" * 52_000}}}
    for stack in (None, FoundStack("arn:stack", "CREATE_COMPLETE")):
        found = step(stack, large)
        assert found.action is Action.BLOCKED
        assert "a call allows 51,200; print it with --account prod, and deploy it with" in str(found)


def test_an_unattached_policy_of_the_same_name_is_outside_of_the_stack() -> None:
    arn = f"{START}:policy/Deploy-deploys-1"
    found = FoundTemplate({}, {arn: {}, f"{START}:policy/somebodys": {}})
    assert str(step(None, found=found)).startswith(f"{arn} exists outside of the stack bootstrap; CloudFormation takes")
    own = FoundStack("arn:stack", "CREATE_COMPLETE", resources={"DeployingPolicy1": arn})
    assert step(own, found=found).action is Action.UPDATE
