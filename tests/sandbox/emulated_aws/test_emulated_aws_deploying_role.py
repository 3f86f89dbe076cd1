"""The deploying role with its own credentials: what an inventory needs works, and every way up is refused."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from botocore.session import Session

from access.compile import compile_plan
from access.deploy_policy import DeployScope
from access.managed_by import MANAGED_BY
from access.plan import AccountPlan
from config.load import load_inventory
from sandbox.emulated_aws import EmulatedAws
from sandbox.emulated_aws.prepare_accounts import PreparedAccount, RootUsers, prepare_accounts
from tests.sandbox.emulated_aws.aws_calls import AUDIENCE, ISSUER, THUMBPRINT, refusal, trust_policy

BOUNDED, UNBOUNDED = "700000000001", "700000000002"
ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
BOUNDARY = f"arn:aws:iam::{BOUNDED}:policy/team/boundary"
OTHER_ISSUER = ISSUER.replace("acme", "evil")
DOCUMENT = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
TAGS = [{"Key": "a", "Value": "b"}]

INVENTORY = f"""
workspaces:
  acme:
    uuid: "{{0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11}}"
    repositories: {{site: "{{9a6d6bde-2ae3-4d4c-8a43-1f6a5d9a3c01}}"}}
defaults:
  # Under the inventory's own path: the hardest place.
  deploy_role: "arn:{{{{partition}}}}:iam::{{{{account_id}}}}:role/bitbucket/PulumiDeploy"
accounts:
  bounded: {{id: "{BOUNDED}"}}
  unbounded: {{id: "{UNBOUNDED}"}}
roles:
  site:
    accounts: ["*"]
    trust: [{{repository: acme/site, steps: outside_environments}}]
    managed_policies: ["aws:ReadOnlyAccess"]
    overrides: {{bounded: {{permissions_boundary: account:team/boundary}}}}
"""


class Account(NamedTuple):
    """An account as its deploying role and as its root sees it."""

    iam: Any
    sts: Any
    root: Any


@pytest.fixture(scope="module")
def plans(tmp_path_factory: pytest.TempPathFactory) -> dict[str, AccountPlan]:
    path = tmp_path_factory.mktemp("inventory") / "inventory.yaml"
    path.write_text(INVENTORY)
    compiled = compile_plan(load_inventory(path))
    assert compiled.plan is not None, compiled.findings
    return {account.id: account for account in compiled.plan.accounts}


@pytest.fixture(scope="module")
def entered(front: EmulatedAws, plans: dict[str, AccountPlan]) -> Iterator[dict[str, Account]]:
    """Both accounts, each with what somebody else made there."""
    with closing(RootUsers(front.endpoint)) as roots:
        yield {account: enter(front, roots, plan) for account, plan in plans.items()}


def enter(front: EmulatedAws, roots: RootUsers, plan: AccountPlan) -> Account:
    root, deploying = roots.client(plan.id), plan.access.role_arn
    boundary = frozenset({BOUNDARY}) if plan.id == BOUNDED else frozenset[str]()
    prepared = PreparedAccount(plan.id, deploying, None, plan.id, boundary, deploy_scope=DeployScope.of(plan))
    prepare_accounts(front.endpoint, [prepared])
    trust = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": {
                "Effect": "Allow", "Action": "sts:AssumeRole",
                "Principal": {"AWS": f"arn:aws:iam::{plan.id}:root"},
            },
        }
    )  # fmt: skip
    root.create_role(RoleName="Admin", AssumeRolePolicyDocument=trust)
    root.attach_role_policy(RoleName="Admin", PolicyArn=ADMIN)
    root.create_role(RoleName="by-hand", Path="/bitbucket/", AssumeRolePolicyDocument=trust)
    root.put_role_policy(RoleName="by-hand", PolicyName="deny", PolicyDocument=DOCUMENT.replace("Allow", "Deny"))
    root.attach_role_policy(RoleName="by-hand", PolicyArn=READ_ONLY)
    root.create_user(UserName="alice")
    root.create_open_id_connect_provider(Url=OTHER_ISSUER, ClientIDList=["x"], ThumbprintList=[THUMBPRINT])
    session = roots.client(plan.id, "sts").assume_role(RoleArn=deploying, RoleSessionName="up")["Credentials"]

    def client(service: str) -> Any:
        return Session().create_client(
            service,
            region_name="us-east-1",
            endpoint_url=front.endpoint,
            aws_access_key_id=session["AccessKeyId"],
            aws_secret_access_key=session["SecretAccessKey"],
            aws_session_token=session["SessionToken"],
        )

    iam = client("iam")
    made = {"PermissionsBoundary": BOUNDARY} if plan.id == BOUNDED else {}
    iam.create_role(RoleName="site", Path="/bitbucket/", AssumeRolePolicyDocument=trust_policy(plan.id), **made)
    return Account(iam, client("sts"), root)


@pytest.fixture(params=[BOUNDED, UNBOUNDED], ids=["bounded", "unbounded"])
def either(request: pytest.FixtureRequest, entered: dict[str, Account]) -> Account:
    return entered[request.param]


@pytest.fixture
def bounded(entered: dict[str, Account]) -> Account:
    return entered[BOUNDED]


def account_of(account: Account) -> str:
    return str(account.sts.get_caller_identity()["Account"])


def test_what_the_life_of_a_role_needs_works(either: Account) -> None:
    iam, number = either.iam, account_of(either)
    boundary = {"PermissionsBoundary": BOUNDARY} if number == BOUNDED else {}
    name, trust = {"RoleName": "new"}, trust_policy(number)
    iam.create_role(**name, Path="/bitbucket/deep/", AssumeRolePolicyDocument=trust, Tags=TAGS, **boundary)
    iam.put_role_policy(**name, PolicyName="p", PolicyDocument=DOCUMENT)
    iam.attach_role_policy(**name, PolicyArn=READ_ONLY)
    iam.update_assume_role_policy(**name, PolicyDocument=trust)
    iam.update_role(**name, Description="d", MaxSessionDuration=7200)
    iam.tag_role(**name, Tags=TAGS)
    iam.untag_role(**name, TagKeys=["a"])
    either.root.attach_role_policy(**name, PolicyArn=ADMIN)
    iam.detach_role_policy(**name, PolicyArn=ADMIN)
    assert iam.get_role(**name)["Role"]["Description"] == "d"
    assert iam.get_role_policy(**name, PolicyName="p")["PolicyDocument"] == json.loads(DOCUMENT)
    assert iam.list_instance_profiles_for_role(**name)["InstanceProfiles"] == []
    assert iam.list_attached_role_policies(**name)["AttachedPolicies"][0]["PolicyArn"] == READ_ONLY
    iam.detach_role_policy(**name, PolicyArn=READ_ONLY)
    iam.delete_role_policy(**name, PolicyName="p")
    iam.delete_role(**name)
    assert refusal(iam.get_role, **name)[1] == "NoSuchEntity"


def test_what_the_life_of_an_oidc_provider_needs_works(either: Account) -> None:
    iam = either.iam
    arn = iam.create_open_id_connect_provider(
        Url=ISSUER, ClientIDList=[AUDIENCE], ThumbprintList=[THUMBPRINT], Tags=TAGS
    )
    name = {"OpenIDConnectProviderArn": arn["OpenIDConnectProviderArn"]}
    iam.add_client_id_to_open_id_connect_provider(**name, ClientID="b")
    iam.remove_client_id_from_open_id_connect_provider(**name, ClientID="b")
    iam.update_open_id_connect_provider_thumbprint(**name, ThumbprintList=["b" * 40])
    iam.tag_open_id_connect_provider(**name, Tags=TAGS)
    iam.untag_open_id_connect_provider(**name, TagKeys=["a"])
    assert iam.get_open_id_connect_provider(**name)["ThumbprintList"] == ["b" * 40]
    iam.delete_open_id_connect_provider(**name)


def test_a_lost_boundary_can_be_put_back_and_only_then_is_the_role_written(bounded: Account) -> None:
    name = {"RoleName": "lost"}
    create = {"Path": "/bitbucket/", "AssumeRolePolicyDocument": trust_policy(BOUNDED), "PermissionsBoundary": BOUNDARY}
    bounded.iam.create_role(**name, **create)
    bounded.root.delete_role_permissions_boundary(**name)
    put = {**name, "PolicyName": "p", "PolicyDocument": DOCUMENT}
    assert refusal(bounded.iam.put_role_policy, **put)[1] == "AccessDenied"
    bounded.iam.put_role_permissions_boundary(**name, PermissionsBoundary=BOUNDARY)
    bounded.iam.put_role_policy(**put)
    bounded.iam.delete_role_policy(**name, PolicyName="p")
    bounded.iam.delete_role(**name)


NEW = {"RoleName": "new", "AssumeRolePolicyDocument": trust_policy(BOUNDED)}
ITSELF = {"RoleName": "PulumiDeploy"}
OTHER_PROVIDER = "arn:aws:iam::{account}:oidc-provider/" + OTHER_ISSUER.removeprefix("https://")
OWN_POLICY = "arn:aws:iam::{account}:policy/PulumiDeploy-deploys-1"

EITHER: dict[str, tuple[str, dict[str, Any]]] = {
    "create a role outside of the path": ("create_role", {**NEW, "Path": "/"}),
    "create a role under a path that only begins alike": ("create_role", {**NEW, "Path": "/bitbucket-too/"}),
    "change the trust of a role outside of the path": (
        "update_assume_role_policy", {"RoleName": "Admin", "PolicyDocument": trust_policy(BOUNDED)},
    ),
    "write into a role outside of the path": (
        "put_role_policy", {"RoleName": "Admin", "PolicyName": "p", "PolicyDocument": DOCUMENT},
    ),
    "delete a role outside of the path": ("delete_role", {"RoleName": "Admin"}),
    "attach AdministratorAccess": ("attach_role_policy", {"RoleName": "site", "PolicyArn": ADMIN}),
    "take a boundary away": ("delete_role_permissions_boundary", {"RoleName": "site"}),
    "set AdministratorAccess as boundary": (
        "put_role_permissions_boundary", {"RoleName": "site", "PermissionsBoundary": ADMIN},
    ),
    "change its own trust": ("update_assume_role_policy", {**ITSELF, "PolicyDocument": trust_policy(BOUNDED)}),
    "write its own policy": ("put_role_policy", {**ITSELF, "PolicyName": "p", "PolicyDocument": DOCUMENT}),
    "attach to itself": ("attach_role_policy", {**ITSELF, "PolicyArn": READ_ONLY}),
    "detach its own limits": ("detach_role_policy", {**ITSELF, "PolicyArn": READ_ONLY}),
    "tag itself": ("tag_role", {**ITSELF, "Tags": TAGS}),
    "lengthen its own sessions": ("update_role", {**ITSELF, "MaxSessionDuration": 43200}),
    "delete itself": ("delete_role", ITSELF),
    "change the policy that it has": (
        "create_policy_version", {"PolicyArn": OWN_POLICY, "PolicyDocument": DOCUMENT, "SetAsDefault": True},
    ),
    "make a policy": ("create_policy", {"PolicyName": "p", "PolicyDocument": DOCUMENT}),
    "trust another issuer": (
        "create_open_id_connect_provider",
        {"Url": "https://evil.example", "ClientIDList": ["x"], "ThumbprintList": [THUMBPRINT]},
    ),
    "trust a workspace that the inventory does not": (
        "create_open_id_connect_provider",
        {"Url": ISSUER.replace("acme", "mallory"), "ClientIDList": ["x"], "ThumbprintList": [THUMBPRINT]},
    ),
    "widen somebody else's OIDC provider": (
        "add_client_id_to_open_id_connect_provider", {"OpenIDConnectProviderArn": OTHER_PROVIDER, "ClientID": "y"},
    ),
    "delete somebody else's OIDC provider": (
        "delete_open_id_connect_provider", {"OpenIDConnectProviderArn": OTHER_PROVIDER},
    ),
    "create a user": ("create_user", {"UserName": "mallory"}),
    "make an access key": ("create_access_key", {"UserName": "alice"}),
    "give a user a policy": ("attach_user_policy", {"UserName": "alice", "PolicyArn": ADMIN}),
    "make an instance profile": ("create_instance_profile", {"InstanceProfileName": "p"}),
    "put a role into an instance profile": (
        "add_role_to_instance_profile", {"InstanceProfileName": "p", "RoleName": "site"},
    ),
    "add an alias to the account": ("create_account_alias", {"AccountAlias": "mine"}),
}  # fmt: skip

WITH_A_BOUNDARY: dict[str, tuple[str, dict[str, Any]]] = {
    "create a role without the boundary": ("create_role", {**NEW, "Path": "/bitbucket/"}),
    "create a role with another boundary": (
        "create_role", {**NEW, "Path": "/bitbucket/", "PermissionsBoundary": ADMIN},
    ),
    "write into a role without the boundary": (
        "put_role_policy", {"RoleName": "by-hand", "PolicyName": "p", "PolicyDocument": DOCUMENT},
    ),
    "take what denies out of a role without the boundary": (
        "delete_role_policy", {"RoleName": "by-hand", "PolicyName": "deny"},
    ),
    "detach from a role without the boundary": (
        "detach_role_policy", {"RoleName": "by-hand", "PolicyArn": READ_ONLY},
    ),
    "attach what the inventory attaches to a role without the boundary": (
        "attach_role_policy", {"RoleName": "by-hand", "PolicyArn": READ_ONLY},
    ),
    "change the boundary's policy": (
        "create_policy_version", {"PolicyArn": BOUNDARY, "PolicyDocument": DOCUMENT, "SetAsDefault": True},
    ),
    "set another version of the boundary's policy": (
        "set_default_policy_version", {"PolicyArn": BOUNDARY, "VersionId": "v1"},
    ),
    "delete a version of the boundary's policy": (
        "delete_policy_version", {"PolicyArn": BOUNDARY, "VersionId": "v1"},
    ),
    "delete the boundary's policy": ("delete_policy", {"PolicyArn": BOUNDARY}),
}  # fmt: skip


def try_it(account: Account, call: Callable[..., Any], parameters: dict[str, Any]) -> tuple[int, str, str]:
    number = account_of(account)
    given = {
        name: value.replace("{account}", number).replace(BOUNDED, number) if isinstance(value, str) else value
        for name, value in parameters.items()
    }
    return refusal(call, **given)


@pytest.mark.parametrize("way_up", EITHER)
def test_every_way_up_is_refused(either: Account, way_up: str) -> None:
    call, parameters = EITHER[way_up]
    assert try_it(either, getattr(either.iam, call), parameters)[:2] == (403, "AccessDenied")


@pytest.mark.parametrize("way_up", WITH_A_BOUNDARY)
def test_every_way_around_the_boundary_is_refused(bounded: Account, way_up: str) -> None:
    call, parameters = WITH_A_BOUNDARY[way_up]
    assert try_it(bounded, getattr(bounded.iam, call), parameters)[:2] == (403, "AccessDenied")


def test_no_other_role_can_be_assumed(either: Account) -> None:
    role = f"arn:aws:iam::{account_of(either)}:role/Admin"
    assert refusal(either.sts.assume_role, RoleArn=role, RoleSessionName="up")[:2] == (403, "AccessDenied")


@pytest.mark.parametrize("way_up", EITHER)
def test_every_way_up_is_one_for_whoever_may_do_all_of_iam(
    way_up: str, front: EmulatedAws, roots: RootUsers, account: str
) -> None:
    """So that none of the above is refused for another reason than the deploying role's policy."""
    call, parameters = EITHER[way_up]
    root = roots.client(account)
    code = ""
    try:
        getattr(root, call)(
            **{k: v.replace(BOUNDED, account) if isinstance(v, str) else v for k, v in parameters.items()}
        )
    except root.exceptions.ClientError as error:
        code = error.response["Error"]["Code"]
    assert code != "AccessDenied"


def test_an_earlier_inventorys_roles_stay_in_reach_until_they_are_gone(
    front: EmulatedAws, roots: RootUsers, account: str, tmp_path: Path
) -> None:
    root = roots.client(account)

    def policy_for(path: str) -> str:
        """Prepare the account for an inventory with this path, and return the deploying role's policy."""
        inventory = tmp_path / "inventory.yaml"
        inventory.write_text(INVENTORY.replace(UNBOUNDED, account).replace("  site:\n", f"  site:\n    path: {path}\n"))
        plan = compile_plan(load_inventory(inventory)).plan
        assert plan is not None
        found = next(one for one in plan.accounts if one.id == account)
        scope = DeployScope.of(found)
        prepared = PreparedAccount(account, found.access.role_arn, None, None, frozenset(), deploy_scope=scope)
        prepare_accounts(front.endpoint, [prepared])
        policies = root.list_attached_role_policies(RoleName="PulumiDeploy")["AttachedPolicies"]
        policy = root.get_policy(PolicyArn=policies[0]["PolicyArn"])["Policy"]
        version = root.get_policy_version(PolicyArn=policy["Arn"], VersionId=policy["DefaultVersionId"])
        assert len(root.list_policy_versions(PolicyArn=policy["Arn"])["Versions"]) == 1
        return json.dumps(version["PolicyVersion"]["Document"])

    assert "/a/*" in policy_for("/a/")
    ours = {"AssumeRolePolicyDocument": trust_policy(account), "Tags": [{"Key": "ManagedBy", "Value": MANAGED_BY}]}
    root.create_role(RoleName="ours", Path="/a/", **ours)
    root.create_role(RoleName="somebodys", Path="/x/", AssumeRolePolicyDocument=trust_policy(account))
    both = policy_for("/b/")
    assert "/a/*" in both
    assert "/b/*" in both
    assert "/x/*" not in both
    root.delete_role(RoleName="ours")
    assert "/a/*" not in policy_for("/b/")


def test_what_an_older_sandbox_gave_the_role_is_taken_away(
    front: EmulatedAws, roots: RootUsers, plans: dict[str, AccountPlan], entered: dict[str, Account]
) -> None:
    root = entered[UNBOUNDED].root
    root.put_role_policy(**ITSELF, PolicyName="deploy", PolicyDocument=DOCUMENT)
    root.attach_role_policy(**ITSELF, PolicyArn=ADMIN)
    scope = DeployScope.of(plans[UNBOUNDED])
    arn = plans[UNBOUNDED].access.role_arn
    prepare_accounts(front.endpoint, [PreparedAccount(UNBOUNDED, arn, None, None, frozenset(), deploy_scope=scope)])
    assert root.list_role_policies(**ITSELF)["PolicyNames"] == []
    attached = root.list_attached_role_policies(**ITSELF)["AttachedPolicies"]
    assert [found["PolicyName"] for found in attached] == ["PulumiDeploy-deploys-1"]


def test_a_policy_within_the_patterns_is_attached_without_a_new_template_and_no_other(
    front: EmulatedAws, roots: RootUsers, account: str, tmp_path: Path
) -> None:
    inventory = tmp_path / "inventory.yaml"
    text = INVENTORY.replace(BOUNDED, account).replace("defaults:", "defaults:\n  attachable_policies: ['aws:*Only*']")
    inventory.write_text(text)
    plan = compile_plan(load_inventory(inventory)).plan
    assert plan is not None
    found = next(planned for planned in plan.accounts if planned.id == account)
    boundary = BOUNDARY.replace(BOUNDED, account)
    scope = DeployScope.of(found)
    prepared = PreparedAccount(account, found.access.role_arn, None, account, frozenset({boundary}), deploy_scope=scope)
    prepare_accounts(front.endpoint, [prepared])
    session = roots.client(account, "sts").assume_role(RoleArn=found.access.role_arn, RoleSessionName="up")
    keys = session["Credentials"]
    iam = Session().create_client(
        "iam", region_name="us-east-1", endpoint_url=front.endpoint, aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"], aws_session_token=keys["SessionToken"],
    )  # fmt: skip
    trust = trust_policy(account)
    iam.create_role(RoleName="r", Path="/bitbucket/", AssumeRolePolicyDocument=trust, PermissionsBoundary=boundary)
    for allowed in (READ_ONLY, "arn:aws:iam::aws:policy/job-function/ViewOnlyAccess"):
        iam.attach_role_policy(RoleName="r", PolicyArn=allowed)
    assert refusal(iam.attach_role_policy, RoleName="r", PolicyArn=ADMIN)[1] == "AccessDenied"
