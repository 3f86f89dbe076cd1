"""The life of a role and of an account: changed, replaced, renamed, removed; on each engine."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from fleet.pulumi_cli.steps import Summary
from tests.sandbox.life_cycle.one_stack import OneStack, did

ROLE = ("Role", "prod/shop-deploy")
ATTACHMENTS = ("RolePolicyAttachmentsExclusive", "prod/shop-deploy")
OIDC_PROVIDER = ("OpenIdConnectProvider", "prod/acme")


def test_twice_the_same_changes_nothing_the_second_time(stack: OneStack) -> None:
    assert did(stack.up()) == {("create", *one) for one in (ROLE, ATTACHMENTS, OIDC_PROVIDER)}
    assert not stack.preview().changes
    assert not stack.up().changes


def _set(key: str, value: Any) -> Callable[[OneStack], object]:
    return lambda stack: stack.role.update({key: value})


def _default(key: str, value: Any) -> Callable[[OneStack], object]:
    return lambda stack: stack.inventory.setdefault("defaults", {}).update({key: value})


def _environment(stack: OneStack) -> None:
    stack.inventory["workspaces"]["acme"]["repositories"]["shop"]["environments"] = {
        "production": "{5f0c9f0c-51e4-4c58-9a86-0b2f7f9f6a02}"
    }


IN_PLACE: dict[str, tuple[Callable[[OneStack], object], set[tuple[str, str]]]] = {
    "trust": (_environment, {ROLE}),
    "session": (_set("max_session_duration", "2h"), {ROLE}),
    "description": (_set("description", "Deploys the shop"), {ROLE}),
    "tags of the role": (_set("tags", {"Service": "shop"}), {ROLE}),
    "managed policies": (_set("managed_policies", ["aws:job-function/ViewOnlyAccess"]), {ATTACHMENTS}),
    "tags of everything": (_default("tags", {"A": "b"}), {ROLE, OIDC_PROVIDER}),
    "thumbprints": (_default("thumbprints", ["d" * 40]), {OIDC_PROVIDER}),
    "audiences": (
        lambda stack: stack.inventory["workspaces"]["acme"].update(audiences=["deployments"]), {OIDC_PROVIDER},
    ),
}  # fmt: skip


def test_what_aws_can_change_is_changed_in_place(stack: OneStack) -> None:
    stack.up()
    for name, (change, expected) in IN_PLACE.items():
        change(stack)
        assert did(stack.up()) == {("update", *one) for one in expected}, name
    assert not stack.preview().changes


@pytest.mark.parametrize(("key", "value"), [("name", "shop-release"), ("path", "/bitbucket/shop/")])
def test_what_aws_cannot_change_is_deleted_before_it_is_made_anew(stack: OneStack, key: str, value: str) -> None:
    stack.up()
    stack.role[key] = value
    assert ("replace", *ROLE) in did(stack.preview())
    summary = stack.up()
    order = [str(step.operation) for step in summary.steps if (step.type.rpartition(":")[2], step.name) == ROLE]
    assert order == ["delete-replaced", "replace"]
    assert stack.roles() == {stack.role.get("name", "shop-deploy")}
    assert managed_policies(stack) == ["ReadOnlyAccess"]
    assert not stack.preview().changes


def managed_policies(stack: OneStack) -> list[str]:
    with stack.iam() as iam:
        (name,) = stack.roles()
        return [one["PolicyName"] for one in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]]


def test_renamed_keys_of_an_account_and_of_a_pair_of_roles_change_nothing(stack: OneStack) -> None:
    stack.inventory["permission_policies"] = {"look": POLICY}
    stack.role.update({"name": "shop-deploy", "inline_policies": ["look"], "plan_role": PLAN_ROLE})
    stack.up()
    rename(stack.inventory["accounts"], "prod", "production")
    rename(stack.inventory["roles"], "shop-deploy", "release")
    stack.inventory["roles"]["release"]["accounts"] = ["production"]
    assert did(stack.preview()) == set()
    summary = stack.up()
    assert did(summary) == set()
    assert stack.roles() == {"shop-deploy", "shop-deploy-plan"}
    assert logical_names(summary) >= {"production/acme", "production/release", "production/release/look"}
    for section in ("accounts", "roles"):
        for entry in stack.inventory[section].values():
            del entry["previous_keys"]
    assert not stack.up().changes


def rename(section: dict[str, Any], old: str, new: str) -> None:
    section[new] = {**section.pop(old), "previous_keys": [old]}


def logical_names(summary: Summary) -> set[str]:
    return {step.name for step in summary.steps}


POLICY = {
    "document": {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::shop/*"}],
    }
}
PLAN_ROLE = {
    "trust": [{"repository": "acme/shop", "steps": "outside_environments"}],
    "managed_policies": ["aws:ReadOnlyAccess"],
}


def test_a_repository_an_account_and_a_role_that_are_removed_take_with_them_what_was_theirs_alone(
    stack: OneStack, new_stack: Callable[..., OneStack]
) -> None:
    other = new_stack("other")
    stack.inventory["accounts"]["dev"] = {"id": other.account_id}
    stack.inventory["workspaces"]["acme"]["repositories"]["site"] = "{7d1e2f3a-4b5c-4d6e-8f90-a1b2c3d4e504}"
    stack.role["accounts"] = ["prod", "dev"]
    trust = stack.role["trust"]
    trust.append({"repository": "acme/site", "steps": "outside_environments"})
    stack.inventory["roles"]["site-look"] = copy.deepcopy(stack.role)
    stack.up()

    for role in stack.inventory["roles"].values():
        del role["trust"][1]
    del stack.inventory["workspaces"]["acme"]["repositories"]["site"]
    assert did(stack.up()) == {
        ("update", "Role", f"{account}/{role}") for account in ("dev", "prod") for role in stack.inventory["roles"]
    }
    del stack.inventory["roles"]["site-look"]
    assert {operation for operation, _, _ in did(stack.up())} == {"delete"}
    assert stack.roles() == other.roles() == {"shop-deploy"}

    del stack.inventory["accounts"]["dev"]
    stack.role["accounts"] = ["prod"]
    assert {(operation, name.split("/")[0]) for operation, _, name in did(stack.up())} == {("delete", "dev")}
    assert (other.roles(), other.oidc_provider()) == (set(), None)
    assert stack.roles() == {"shop-deploy"}


def test_a_refresh_shows_drift_of_each_kind_and_an_up_mends_it(stack: OneStack) -> None:
    stack.inventory["permission_policies"] = {"look": POLICY}
    stack.role["inline_policies"] = ["look"]
    stack.up()
    with stack.iam() as iam:
        role = {"RoleName": "shop-deploy"}
        iam.update_assume_role_policy(**role, PolicyDocument=json.dumps(somebody_elses_trust(stack)))
        iam.update_role(**role, Description="by hand", MaxSessionDuration=7200)
        iam.tag_role(**role, Tags=[{"Key": "By", "Value": "hand"}])
        iam.attach_role_policy(**role, PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
        iam.delete_role_policy(**role, PolicyName="look")
        iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=stack.arn, ClientID="by.hand")
        iam.update_open_id_connect_provider_thumbprint(OpenIDConnectProviderArn=stack.arn, ThumbprintList=["e" * 40])
    before = stack.preview()
    changed = {(step.type.rpartition(":")[2], name) for step in before.steps for name in step.outside}
    assert changed >= {
        ("Role", "assumeRolePolicy"), ("Role", "description"), ("Role", "maxSessionDuration"), ("Role", "tags"),
        ("RolePolicyAttachmentsExclusive", "policyArns"),
        ("OpenIdConnectProvider", "clientIdLists"), ("OpenIdConnectProvider", "thumbprintLists"),
    }  # fmt: skip
    assert ("RolePolicy", True) in {(step.type.rpartition(":")[2], step.gone_outside) for step in before.steps}
    assert did(stack.refresh()) >= {("refresh", *one) for one in (ROLE, ATTACHMENTS, OIDC_PROVIDER)}
    assert did(stack.up()) == {
        *(("update", *one) for one in (ROLE, ATTACHMENTS, OIDC_PROVIDER)),
        ("create", "RolePolicy", "prod/shop-deploy/look"),
    }
    assert managed_policies(stack) == ["ReadOnlyAccess"]
    assert not stack.up().changes


def somebody_elses_trust(stack: OneStack) -> dict[str, Any]:
    principal = {"AWS": f"arn:aws:iam::{stack.account_id}:root"}
    return {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}],
    }
