"""What `bootstrap` prints, deployed: the program lives with it, nobody gets further, and the SCP keeps others out."""

from collections.abc import Iterator
from typing import Any

import pytest

from access.compile import compile_plan
from access.deploy_policy import deploy_policies
from access.foundation import foundation_of
from config.load import load_inventory
from fleet.pulumi_cli.steps import Operation
from sandbox.run import Action
from tests.sandbox.bootstrap.bootstrapped import (
    ALLOW_ALL,
    DEV,
    EXTERNAL_ID,
    HUB,
    HUB_ROLE,
    PROD,
    Bootstrapped,
    bootstrapped,
    make_administrator,
    outcome,
    printed,
    trusting,
)
from tests.sandbox.emulated_aws.aws_calls import ISSUER, THUMBPRINT, trust_policy

DEPLOYING = f"arn:aws:iam::{PROD}:role/bitbucket/PulumiDeploy"
READING = f"{DEPLOYING}-reading"
BOUNDARY = f"arn:aws:iam::{PROD}:policy/team/boundary"
DEPLOYS = f"arn:aws:iam::{PROD}:policy/bitbucket/PulumiDeploy-deploys-1"
ADMIN_ACCESS = "arn:aws:iam::aws:policy/AdministratorAccess"
PROVIDER = f"arn:aws:iam::{PROD}:oidc-provider/{ISSUER.removeprefix('https://')}"
OTHER_ISSUER = ISSUER.replace("acme", "evil")
OTHER_PROVIDER = PROVIDER.replace("acme", "evil")
TAGS = [{"Key": "ManagedBy", "Value": "bitbucket-aws-oidc"}]
NEW = {"RoleName": "new", "AssumeRolePolicyDocument": trust_policy(PROD), "Path": "/bitbucket/"}
SITE, ITSELF, READER = {"RoleName": "site"}, {"RoleName": "PulumiDeploy"}, {"RoleName": "PulumiDeploy-reading"}
ADMIN = {"RoleName": "Admin"}
INLINE = {"PolicyName": "p", "PolicyDocument": ALLOW_ALL}
VERSION = {"PolicyDocument": ALLOW_ALL, "SetAsDefault": True}

ESCALATIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "attach AdministratorAccess to itself": ("attach_role_policy", {**ITSELF, "PolicyArn": ADMIN_ACCESS}),
    "write into itself": ("put_role_policy", {**ITSELF, **INLINE}),
    "trust somebody else by itself": ("update_assume_role_policy", {**ITSELF, "PolicyDocument": trusting("*")}),
    "change its own policy": ("create_policy_version", {"PolicyArn": DEPLOYS, **VERSION}),
    "tag itself": ("tag_role", {**ITSELF, "Tags": TAGS}),
    "write into the reading role": ("put_role_policy", {**READER, **INLINE}),
    "attach to the reading role": ("attach_role_policy", {**READER, "PolicyArn": ADMIN_ACCESS}),
    "trust somebody else by the reading role": (
        "update_assume_role_policy", {**READER, "PolicyDocument": trusting("*")},
    ),
    "remove a boundary": ("delete_role_permissions_boundary", SITE),
    "replace a boundary": ("put_role_permissions_boundary", {**SITE, "PermissionsBoundary": ADMIN_ACCESS}),
    "create a role without the boundary": ("create_role", NEW),
    "create a role with another boundary": ("create_role", {**NEW, "PermissionsBoundary": ADMIN_ACCESS}),
    "create a role outside of the path": ("create_role", {**NEW, "Path": "/", "PermissionsBoundary": BOUNDARY}),
    "edit the boundary": ("create_policy_version", {"PolicyArn": BOUNDARY, **VERSION}),
    "set another version of the boundary": ("set_default_policy_version", {"PolicyArn": BOUNDARY, "VersionId": "v1"}),
    "delete the boundary": ("delete_policy", {"PolicyArn": BOUNDARY}),
    "attach what the inventory does not, within the boundary": (
        "attach_role_policy", {**SITE, "PolicyArn": ADMIN_ACCESS},
    ),
    "attach what only another account's roles have": (
        "attach_role_policy", {**SITE, "PolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"},
    ),
    "pass a role": ("add_role_to_instance_profile", {"InstanceProfileName": "p", "RoleName": "site"}),
    "make an instance profile": ("create_instance_profile", {"InstanceProfileName": "q"}),
    "create a user": ("create_user", {"UserName": "mallory"}),
    "make an access key": ("create_access_key", {"UserName": "alice"}),
    "give a user a policy": ("attach_user_policy", {"UserName": "alice", "PolicyArn": ADMIN_ACCESS}),
    "make a policy": ("create_policy", {"PolicyName": "q", "PolicyDocument": ALLOW_ALL}),
    "trust another workspace": (
        "create_open_id_connect_provider",
        {"Url": ISSUER.replace("acme", "mallory"), "ClientIDList": ["x"], "ThumbprintList": [THUMBPRINT]},
    ),
    "widen somebody else's OIDC provider": (
        "add_client_id_to_open_id_connect_provider", {"OpenIDConnectProviderArn": OTHER_PROVIDER, "ClientID": "y"},
    ),
    "delete somebody else's OIDC provider": (
        "delete_open_id_connect_provider", {"OpenIDConnectProviderArn": OTHER_PROVIDER},
    ),
    "take a role by tagging it as ours": ("tag_role", {**ADMIN, "Tags": TAGS}),
    "trust oneself by a role outside of the path": (
        "update_assume_role_policy", {**ADMIN, "PolicyDocument": trusting(DEPLOYING)},
    ),
    "write into a role outside of the path": ("put_role_policy", {**ADMIN, **INLINE}),
}  # fmt: skip
"""What the deploying role tries; `site` is the program's own role, with the boundary."""

ON_ACCESS: dict[str, tuple[str, dict[str, Any]]] = {
    name: ESCALATIONS[name]
    for name in (
        "attach AdministratorAccess to itself", "write into itself", "trust somebody else by itself",
        "change its own policy", "tag itself", "write into the reading role", "attach to the reading role",
        "trust somebody else by the reading role", "remove a boundary", "replace a boundary",
        "create a role without the boundary", "edit the boundary", "set another version of the boundary",
        "delete the boundary", "attach what the inventory does not, within the boundary",
    )
} | {
    "delete the deploying role": ("delete_role", ITSELF),
    "trust oneself by a role of pipelines": ("update_assume_role_policy", {**SITE, "PolicyDocument": trusting("*")}),
    "write into a role of pipelines": ("put_role_policy", {**SITE, **INLINE}),
    "delete a role of pipelines": ("delete_role", SITE),
    "create a role under the path": ("create_role", {**NEW, "PermissionsBoundary": BOUNDARY}),
    "add an audience": (
        "add_client_id_to_open_id_connect_provider", {"OpenIDConnectProviderArn": PROVIDER, "ClientID": "y"},
    ),
    "delete the OIDC provider": ("delete_open_id_connect_provider", {"OpenIDConnectProviderArn": PROVIDER}),
    "become an exception": (
        "create_role", {"RoleName": "stacksets-exec-mine", "AssumeRolePolicyDocument": trusting("*")},
    ),
}  # fmt: skip
"""What an administrator of the account tries, whom the SCP is to hold back."""


@pytest.fixture(scope="module")
def accounts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bootstrapped]:
    with bootstrapped(tmp_path_factory.mktemp("bootstrapped")) as found:
        yield found


@pytest.fixture(scope="module")
def up(accounts: Bootstrapped) -> Bootstrapped:
    """The accounts with all that the inventory says in them, and somebody else's OIDC provider."""
    accounts.act(Action.UP)
    accounts.root(PROD).create_open_id_connect_provider(
        Url=OTHER_ISSUER, ClientIDList=["x"], ThumbprintList=[THUMBPRINT]
    )
    return accounts


def outcomes(iam: Any, attempts: dict[str, tuple[str, dict[str, Any]]]) -> dict[str, str]:
    return {name: outcome(iam, call, parameters) for name, (call, parameters) in attempts.items()}


def by_sid(document: dict[str, Any]) -> dict[str, Any]:
    return {statement["Sid"]: statement for statement in document["Statement"]}


def test_each_account_gets_the_policies_that_its_own_part_of_the_inventory_needs(accounts: Bootstrapped) -> None:
    plan = compile_plan(load_inventory(accounts.inventory)).plan
    assert plan is not None
    for account in plan.accounts:
        iam = accounts.root(account.id)
        (wanted,) = deploy_policies(foundation_of(account).scope)
        arn = f"arn:aws:iam::{account.id}:policy/bitbucket/PulumiDeploy-deploys-1"
        version = iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]
        assert by_sid(version["Document"]) == by_sid(wanted.to_json())


def test_who_may_assume_which_role(accounts: Bootstrapped) -> None:
    callers = {name: accounts.session(f"arn:aws:iam::{HUB}:role/{name}") for name in ("previews", "stranger")}
    callers |= {"hub": accounts.session(HUB_ROLE), "inside": accounts.session(f"arn:aws:iam::{PROD}:role/Admin")}
    right = {"RoleSessionName": "test", "ExternalId": EXTERNAL_ID}
    found = {
        (name, role): outcome(accounts.client("sts", caller), "assume_role", {"RoleArn": role, **right})
        for name, caller in callers.items()
        for role in (DEPLOYING, READING)
    }
    assert {pair for pair, what in found.items() if what == "done"} == {
        ("hub", DEPLOYING), ("hub", READING), ("previews", READING),
    }  # fmt: skip
    without = outcome(
        accounts.client("sts", callers["hub"]), "assume_role", {"RoleArn": DEPLOYING, "RoleSessionName": "test"}
    )
    assert without == "AccessDenied"


def test_every_escalation_of_the_deploying_role_is_refused(up: Bootstrapped) -> None:
    session = up.as_hub(DEPLOYING)
    found = outcomes(up.client("iam", session), ESCALATIONS)
    assert found == dict.fromkeys(ESCALATIONS, "AccessDenied")
    sts = up.client("sts", session)
    for role in ("Admin", "bitbucket/PulumiDeploy-reading", "bitbucket/site"):
        arn = f"arn:aws:iam::{PROD}:role/{role}"
        assert outcome(sts, "assume_role", {"RoleArn": arn, "RoleSessionName": "test"}) == "AccessDenied"


def test_the_reading_role_sees_what_a_preview_needs_and_changes_nothing(up: Bootstrapped) -> None:
    iam = up.client("iam", up.as_hub(READING))
    reads: dict[str, tuple[str, dict[str, Any]]] = {
        "role": ("get_role", SITE), "inline": ("get_role_policy", {**SITE, "PolicyName": "read"}),
        "attached": ("list_attached_role_policies", SITE), "inlines": ("list_role_policies", SITE),
        "OIDC provider": ("get_open_id_connect_provider", {"OpenIDConnectProviderArn": PROVIDER}),
        "OIDC providers": ("list_open_id_connect_providers", {}), "roles": ("list_roles", {}),
        "boundary": ("get_policy", {"PolicyArn": BOUNDARY}), "quotas": ("get_account_summary", {}),
    }  # fmt: skip
    assert outcomes(iam, reads) == dict.fromkeys(reads, "done")
    assert outcomes(iam, ON_ACCESS) == dict.fromkeys(ON_ACCESS, "AccessDenied")


def test_the_boundary_holds_whatever_a_role_of_pipelines_is_given(up: Bootstrapped) -> None:
    root = up.root(PROD)
    root.create_role(
        RoleName="pipeline", Path="/bitbucket/", PermissionsBoundary=BOUNDARY,
        AssumeRolePolicyDocument=trusting(f"arn:aws:iam::{PROD}:root"),
    )  # fmt: skip
    root.put_role_policy(RoleName="pipeline", **INLINE)
    iam = up.client("iam", up.session(f"arn:aws:iam::{PROD}:role/bitbucket/pipeline"))
    allowed = {"create a role of its own": ("create_role", {**NEW, "Path": "/app/", "PermissionsBoundary": BOUNDARY})}
    assert outcomes(iam, allowed) == dict.fromkeys(allowed, "done")
    refused = {
        **ON_ACCESS,
        "create a role without the boundary": ("create_role", {**NEW, "RoleName": "free", "Path": "/app/"}),
        "make an access key": ESCALATIONS["make an access key"],
        "trust oneself by any other role": ESCALATIONS["trust oneself by a role outside of the path"],
        "write into any other role": ESCALATIONS["write into a role outside of the path"],
        "trust another issuer": ESCALATIONS["trust another workspace"],
        "bound any other role": ("put_role_permissions_boundary", {**ADMIN, "PermissionsBoundary": BOUNDARY}),
        "take a policy from any other role": ("detach_role_policy", {**ADMIN, "PolicyArn": ADMIN_ACCESS}),
    }
    del refused["become an exception"]  # refused as well, and tried by its name below
    assert outcomes(iam, refused) == dict.fromkeys(refused, "AccessDenied")
    stacks = up.client("cloudformation", up.session(f"arn:aws:iam::{PROD}:role/bitbucket/pipeline"))
    changed = {"StackName": "bootstrap", "TemplateBody": up.template(PROD), "Capabilities": ["CAPABILITY_NAMED_IAM"]}
    assert outcome(stacks, "describe_stacks", {"StackName": "bootstrap"}) == "done"
    assert outcome(stacks, "update_stack", changed) == "AccessDenied"
    assert outcome(stacks, "delete_stack", {"StackName": "bootstrap"}) == "AccessDenied"
    root.delete_role_policy(RoleName="pipeline", PolicyName="p")
    root.delete_role(RoleName="pipeline")
    root.delete_role(RoleName="new")


def test_under_the_scp_the_program_lives_and_administrators_are_kept_out(up: Bootstrapped) -> None:
    """ministack has no SCPs. A denial of one decides as that of any other policy does, so each principal gets it so."""
    scp = printed("bootstrap", str(up.inventory), "--scp")
    root = up.root(PROD)
    make_administrator(root, "stacksets-exec-7f3c", PROD)
    for name in ("Admin", "stacksets-exec-7f3c", "PulumiDeploy"):
        root.put_role_policy(RoleName=name, PolicyName="scp", PolicyDocument=scp)
    admin = up.client("iam", up.session(f"arn:aws:iam::{PROD}:role/Admin"))
    assert outcomes(admin, ON_ACCESS) == dict.fromkeys(ON_ACCESS, "AccessDenied")
    mine = {"RoleName": "mine", "AssumeRolePolicyDocument": trusting(f"arn:aws:iam::{PROD}:root")}
    assert outcome(admin, "create_role", mine) == outcome(admin, "delete_role", {"RoleName": "mine"}) == "done"
    assert outcome(admin, "get_role", ITSELF) == "done"
    stacksets = up.client("iam", up.session(f"arn:aws:iam::{PROD}:role/stacksets-exec-7f3c"))
    assert outcome(stacksets, "update_role", {**ITSELF, "Description": "Deploys who may assume which role"}) == "done"

    text = up.inventory.read_text()
    up.inventory.write_text(
        text.replace("outside_environments", "all_including_environments").replace("Publishes", "Publishes more")
    )
    assert up.act(Action.UP).counts[Operation.UPDATE]
    up.inventory.write_text(text)
    assert up.act(Action.UP).counts[Operation.UPDATE]
    for name in ("Admin", "PulumiDeploy"):
        root.delete_role_policy(RoleName=name, PolicyName="scp")


def test_the_whole_life_of_the_program_passes_with_what_was_bootstrapped(up: Bootstrapped) -> None:
    assert not up.act(Action.UP).changes
    root = up.root(PROD)
    root.attach_role_policy(**SITE, PolicyArn=ADMIN_ACCESS)
    root.delete_role_policy(**SITE, PolicyName="read")
    up.act(Action.REFRESH)
    up.act(Action.UP)
    text = up.inventory.read_text()
    # A managed policy and a path that are new: first the template, then the program.
    up.inventory.write_text(text.replace("aws:AmazonECS_FullAccess", "aws:ReadOnlyAccess") + "    path: /ci/\n")
    up.deploy(PROD, update=True)
    up.deploy(DEV, update=True)
    attached = root.list_attached_role_policies(**ITSELF)["AttachedPolicies"]
    assert [found["PolicyArn"] for found in attached] == [DEPLOYS]
    up.inventory.write_text(text)
    up.deploy(PROD, update=True)
    up.deploy(DEV, update=True)
    up.act(Action.DESTROY)
    left = {role["RoleName"] for role in root.list_roles()["Roles"]}
    assert left - {"stacksets-exec-7f3c"} == {"Admin", "PulumiDeploy", "PulumiDeploy-reading"}
