"""Stack config takeUp: what is in AWS and missing in the state is imported as it is, then changed; and planDigest."""

import json
import re
from typing import Any

import pytest

from config.project_file import PROJECT
from oidc.errors import BitbucketOidcError
from sandbox.run import Action
from tests.sandbox.life_cycle.one_stack import OneStack, did

OTHER_TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}],
    }
)
PUBLISH = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::site/*"}],
}


def role_arn(stack: OneStack) -> str:
    return f"arn:aws:iam::{stack.account_id}:role/bitbucket/shop-deploy"


def make_role(iam: Any, **arguments: Any) -> None:
    iam.create_role(RoleName="shop-deploy", Path="/bitbucket/", AssumeRolePolicyDocument=OTHER_TRUST, **arguments)


def role_in_aws(stack: OneStack) -> dict[str, Any]:
    with stack.iam() as iam:
        role = iam.get_role(RoleName="shop-deploy")["Role"]
        inline = {
            name: iam.get_role_policy(RoleName="shop-deploy", PolicyName=name)["PolicyDocument"]
            for name in iam.list_role_policies(RoleName="shop-deploy")["PolicyNames"]
        }
        attached = iam.list_attached_role_policies(RoleName="shop-deploy")["AttachedPolicies"]
    return {
        "id": role["RoleId"],
        "description": role.get("Description"),
        "duration": role["MaxSessionDuration"],
        "boundary": role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
        "tags": {tag["Key"]: tag["Value"] for tag in role.get("Tags", [])},
        "trust": role["AssumeRolePolicyDocument"],
        "inline": inline,
        "attached": sorted(policy["PolicyArn"] for policy in attached),
    }


def with_take_up(stack: OneStack, *arns: str) -> None:
    stack.config = {f"{PROJECT}:takeUp": json.dumps(arns)} if arns else {}


def test_a_role_and_an_oidc_provider_of_another_form_are_taken_up_and_then_changed(stack: OneStack) -> None:
    stack.inventory["permission_policies"] = {"publish": {"document": PUBLISH}}
    stack.role["inline_policies"] = ["publish"]
    stack.role["tags"] = {"Service": "shop"}
    stack.made_by_hand("sts.amazonaws.com")
    with stack.iam() as iam:
        boundary = "arn:aws:iam::aws:policy/PowerUserAccess"
        tags = [{"Key": "Owner", "Value": "somebody"}]
        make_role(iam, Description="by hand", MaxSessionDuration=7200, PermissionsBoundary=boundary, Tags=tags)
        iam.put_role_policy(RoleName="shop-deploy", PolicyName="publish", PolicyDocument=json.dumps(PUBLISH))
        iam.attach_role_policy(RoleName="shop-deploy", PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")
        iam.attach_role_policy(RoleName="shop-deploy", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    before, provider = role_in_aws(stack), stack.oidc_provider()

    with_take_up(stack, role_arn(stack), stack.arn)
    done = did(stack.up())
    assert {step for step in done if step[0] == "import"} == {
        ("import", "Role", "prod/shop-deploy"),
        ("import", "OpenIdConnectProvider", "prod/acme"),
    }
    assert {operation for operation, _, _ in done} == {"import", "create"}
    taken = role_in_aws(stack)
    held = ("id", "description", "duration", "boundary", "tags", "trust", "inline")
    assert {key: taken[key] for key in held} == {key: before[key] for key in held}
    assert stack.oidc_provider() == provider
    assert not stack.up().changes

    with_take_up(stack)
    done = did(stack.up())
    assert done == {("update", "Role", "prod/shop-deploy"), ("update", "OpenIdConnectProvider", "prod/acme")}
    after = role_in_aws(stack)
    assert after["id"] == before["id"]
    assert (after["description"], after["duration"], after["boundary"]) == ("", 3600, None)
    assert after["attached"] == ["arn:aws:iam::aws:policy/ReadOnlyAccess"]
    assert not stack.up().changes


def test_what_the_plan_does_not_create_is_not_taken_up(stack: OneStack) -> None:
    stack.with_mode("adopt")
    for arn in (stack.arn, f"{role_arn(stack)}-2"):
        with_take_up(stack, arn)
        for run in (stack.preview, stack.up):
            with pytest.raises(BitbucketOidcError, match="takeUp: this stack creates no role or OIDC provider"):
                run()
    assert stack.roles() == set()


def applied_digest(stack: OneStack) -> str | None:
    """Return the output planDigest in the state."""
    digests: set[str] = set()
    for path in stack.running.folder.rglob("*.json"):
        if "backup" not in str(path) and "history" not in str(path):
            digests.update(re.findall(r'"planDigest":\s*"(sha256:[0-9a-f]{64})"', path.read_text()))
    assert len(digests) <= 1
    return digests.pop() if digests else None


def test_a_run_that_fails_after_the_roles_leaves_the_digest_of_the_run_before(stack: OneStack) -> None:
    stack.up()
    digest = applied_digest(stack)
    assert digest is not None
    stack.role["managed_policies"] = ["account:missing"]
    stack.role["description"] = "Deploys the shop"
    policy = f"arn:aws:iam::{stack.account_id}:policy/missing"
    with pytest.raises(BitbucketOidcError, match="NoSuchEntity"):
        stack.act(Action.UP, lambda iam: iam.delete_policy(PolicyArn=policy))
    with stack.iam() as iam:
        assert iam.get_role(RoleName="shop-deploy")["Role"]["Description"] == "Deploys the shop"
    assert applied_digest(stack) == digest
    stack.role["managed_policies"] = []
    stack.up()
    assert applied_digest(stack) not in (digest, None)
