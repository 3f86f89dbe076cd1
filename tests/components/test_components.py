"""What is registered for a plan: types, names, parents, one AWS provider for each account, and nothing else."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pulumi
import pytest

from access.adoption.inventory import AdoptedRole
from access.compile import compile_plan
from access.plan import AccessPlan, AccountPlan, RolePlan
from components import account_access, bitbucket_oidc, pipeline_role
from components.aws_provider import AwsSettings
from components.bitbucket_oidc import BitbucketOidc
from components.import_file import import_files
from config.load import load_inventory
from oidc.iam.document import PolicyDocument
from oidc.identifiers import AccountId
from oidc.source_addresses import SESSION_POLICY_NAME
from oidc.thumbprint import Thumbprint
from tests.access.exactness.wide import refusal, wide

ROLES = """
defaults:
  region: us-east-1
  deploy_role: "arn:{{partition}}:iam::{{account_id}}:role/PulumiDeploy"
  tags: {Team: core}
permission_policies:
  publish: {document: {Version: "2012-10-17", Statement: [{Effect: Allow, Action: "s3:PutObject", Resource: "*"}]}}
roles:
  deploy:
    name: shop-deploy
    description: Deploys
    accounts: [dev, prod]
    trust:
      - {repository: acme/shop, environments: [production]}
      - {repository: other/tool, steps: outside_environments}
    managed_policies: ["aws:ReadOnlyAccess", "account:extra"]
    inline_policies: [publish]
    permissions_boundary: account:boundary
    max_session_duration: 2h
    tags: {Service: shop}
  build:
    accounts: [dev]
    trust: [{repository: acme/site, steps: outside_environments}]
"""

THUMBPRINT = Thumbprint("a" * 40)
ROLE, OIDC_PROVIDER = "aws:iam/role:Role", "aws:iam/openIdConnectProvider:OpenIdConnectProvider"
INLINE, EXCLUSIVE = (
    "aws:iam/rolePolicy:RolePolicy",
    "aws:iam/rolePolicyAttachmentsExclusive:RolePolicyAttachmentsExclusive",
)
AWS_PROVIDER = "pulumi:providers:aws"
ISSUER = "api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc"
ONE_ROLE = "{accounts: [dev], trust: [{repository: acme/shop, environments: [production]}]}"


@pytest.fixture
def plan(write_inventory: Callable[..., Path]) -> AccessPlan:
    compiled = compile_plan(load_inventory(write_inventory(ROLES)))
    assert compiled.plan is not None, compiled.findings
    return compiled.plan


def program(plan: AccessPlan, **options: Any) -> Callable[[], None]:
    def run() -> None:
        settings = options.pop("aws_settings", AwsSettings("bitbucket-aws-oidc/test"))
        thumbprints = dict.fromkeys(plan.issuers_to_fetch(), THUMBPRINT)
        BitbucketOidc("bitbucket-oidc", plan, aws_settings=settings, thumbprints=thumbprints, **options)

    return run


def test_type_tokens_are_public_and_never_change() -> None:
    assert (bitbucket_oidc.TYPE, account_access.TYPE, pipeline_role.TYPE) == (
        "bitbucket-aws-oidc:index:BitbucketOidc",
        "bitbucket-aws-oidc:index:AccountAccess",
        "bitbucket-aws-oidc:index:PipelineRole",
    )


def test_urns_are_public_and_never_change(run_program: Any, plan: AccessPlan) -> None:
    registered = run_program(program(plan)).resources
    top = "pulumi:pulumi:Stack$bitbucket-aws-oidc:index:BitbucketOidc"
    assert {resource.urn.split("::", 2)[0] for resource in registered} == {"urn:pulumi:test"}
    # The mocks name a resource's parent alone in front of its type; the engines name all of them.
    assert sorted(resource.urn.split("::", 2)[2] for resource in registered if "::dev" in resource.urn) == sorted(
        [
            "bitbucket-aws-oidc:index:BitbucketOidc$bitbucket-aws-oidc:index:AccountAccess::dev",
            "bitbucket-aws-oidc:index:AccountAccess$pulumi:providers:aws::dev",
            f"bitbucket-aws-oidc:index:AccountAccess${OIDC_PROVIDER}::dev/acme",
            f"bitbucket-aws-oidc:index:AccountAccess${OIDC_PROVIDER}::dev/other",
            "bitbucket-aws-oidc:index:AccountAccess$bitbucket-aws-oidc:index:PipelineRole::dev/build",
            "bitbucket-aws-oidc:index:AccountAccess$bitbucket-aws-oidc:index:PipelineRole::dev/deploy",
            f"bitbucket-aws-oidc:index:PipelineRole${ROLE}::dev/build",
            f"bitbucket-aws-oidc:index:PipelineRole${ROLE}::dev/deploy",
            f"bitbucket-aws-oidc:index:PipelineRole${INLINE}::dev/deploy/publish",
            f"bitbucket-aws-oidc:index:PipelineRole${EXCLUSIVE}::dev/build",
            f"bitbucket-aws-oidc:index:PipelineRole${EXCLUSIVE}::dev/deploy",
        ]
    )
    assert [resource.urn.split("::", 2)[2] for resource in registered if resource.name == "bitbucket-oidc"] == [
        f"{top}::bitbucket-oidc"
    ]


def test_urns_of_families_and_pairs_come_from_the_item_and_never_change(
    run_program: Any, write_inventory: Callable[..., Path]
) -> None:
    family = """
roles:
  deploy:
    for_each: {repository: [acme/shop], environment: [production]}
    accounts: [prod]
    trust: [{repository: "{{repository}}", environments: ["{{environment}}"]}]
    plan_role:
      trust: [{repository: "{{repository}}", steps: outside_environments}]
      inline_policies: [look]
permission_policies:
  look: {document: {Version: "2012-10-17", Statement: [{Effect: Allow, Action: "s3:GetObject", Resource: "*"}]}}
"""
    plan = compile_plan(load_inventory(write_inventory(family))).plan
    assert plan is not None
    registered = run_program(program(plan))
    names = {resource.urn.split("::", 3)[3] for resource in registered.resources if "/deploy" in resource.urn}
    assert names == {
        "prod/deploy[acme/shop, production]",
        "prod/deploy-plan[acme/shop, production]",
        "prod/deploy-plan[acme/shop, production]/look",
    }
    top = next(resource.urn for resource in registered.resources if resource.name == "bitbucket-oidc")
    assert registered.outputs[top]["roleArns"]["prod"].keys() == {
        "deploy[acme/shop, production]", "deploy-plan[acme/shop, production]",
    }  # fmt: skip


def test_every_resource_is_a_child_of_its_component(run_program: Any, plan: AccessPlan) -> None:
    registered = run_program(program(plan))
    parents = {resource.name: resource.parent for resource in registered.resources if resource.type == ROLE}
    assert all(parent.endswith(f"{pipeline_role.TYPE}::{name}") for name, parent in parents.items())
    for resource in registered.resources:
        assert resource.parent or resource.type == "pulumi:pulumi:Stack"


@pytest.mark.parametrize(
    ("setting", "expected"), [(", session_name: deployer", "deployer"), ("", "bitbucket-aws-oidc")]
)
def test_a_deploying_role_is_assumed_under_the_session_name_of_the_inventory(
    run_program: Any, write_inventory: Callable[..., Path], setting: str, expected: str
) -> None:
    role = f"{{arn: 'arn:aws:iam::{{{{account_id}}}}:role/PulumiDeploy'{setting}}}"
    text = f"roles: {{deploy: {ONE_ROLE}}}\n"
    folder = write_inventory(text)
    path = folder / "base.yaml"
    path.write_text(path.read_text().replace('"111111111111",', f'"111111111111", deploy_role: {role},'))
    plan = compile_plan(load_inventory(folder)).plan
    assert plan is not None
    (assumed,) = json.loads(run_program(program(plan)).of(AWS_PROVIDER)["dev"].inputs["assumeRoles"])
    assert assumed["sessionName"] == expected


def test_every_account_has_one_aws_provider_that_refuses_other_accounts(run_program: Any, plan: AccessPlan) -> None:
    providers = run_program(program(plan)).of(AWS_PROVIDER)
    assert {name: json.loads(provider.inputs["allowedAccountIds"]) for name, provider in providers.items()} == {
        "dev": ["111111111111"],
        "prod": ["222222222222"],
    }
    prod = providers["prod"].inputs
    assert prod["region"] == "eu-west-1"
    assert json.loads(prod["assumeRoles"]) == [
        {"roleArn": "arn:aws:iam::222222222222:role/PulumiDeploy", "sessionName": "bitbucket-aws-oidc"}
    ]
    assert json.loads(prod["defaultTags"]) == {
        "tags": {"ManagedBy": "bitbucket-aws-oidc", "ManagedByStack": "bitbucket-aws-oidc/test"}
    }


def test_an_import_file_has_the_inputs_of_the_registered_aws_provider_as_the_state_keeps_them(
    run_program: Any, write_inventory: Callable[..., Path]
) -> None:
    role = '{arn: "arn:{{partition}}:iam::{{account_id}}:role/PulumiDeploy", external_id: acme-7, session_name: me}'
    compiled = compile_plan(
        load_inventory(write_inventory(f"defaults: {{deploy_role: {role}}}\nroles: {{r: {ONE_ROLE}}}\n"))
    )
    plan = compiled.plan
    assert plan is not None, compiled.findings
    here = "http://127.0.0.1:4566"
    registered = dict(run_program(program(plan, aws_settings=AwsSettings("p/s", here))).of(AWS_PROVIDER)["dev"].inputs)
    registered.pop("defaultTags")
    adopted = [AdoptedRole("dev", "r", "r", ())]
    _, second = import_files(adopted, plan.accounts, aws_version="7.51.1", endpoint=here)
    (imported,) = [found["inputs"] for found in second["resources"] if found["type"] == AWS_PROVIDER]
    in_state = {
        name: text if name == "region" else json.dumps(json.loads(text), separators=(",", ":"), sort_keys=True)
        for name, text in registered.items()
    }
    assert imported == in_state


def test_every_aws_resource_uses_the_aws_provider_of_its_account(run_program: Any, plan: AccessPlan) -> None:
    for resource in run_program(program(plan)).resources:
        if resource.type.startswith("aws:"):
            account = resource.name.partition("/")[0]
            assert f"pulumi:providers:aws::{account}::" in resource.provider


def test_a_role_is_as_planned(run_program: Any, plan: AccessPlan) -> None:
    registered = run_program(program(plan))
    inputs = registered.of(ROLE)["prod/deploy"].inputs
    planned = next(role for account in plan.accounts if account.key == "prod" for role in account.roles)
    assert inputs == {
        "name": "shop-deploy",
        "path": "/bitbucket/",
        "description": "Deploys",
        "assumeRolePolicy": planned.trust_policy.text,
        "maxSessionDuration": 7200,
        "permissionsBoundary": "arn:aws:iam::222222222222:policy/boundary",
        "forceDetachPolicies": True,
        "tags": {"Service": "shop", "Team": "core"},
    }
    assert registered.of(EXCLUSIVE)["prod/deploy"].inputs["policyArns"] == [
        "arn:aws:iam::222222222222:policy/extra",
        "arn:aws:iam::aws:policy/ReadOnlyAccess",
    ]
    assert registered.of(INLINE)["prod/deploy/publish"].inputs["name"] == "publish"


def test_every_role_is_registered_as_proven(run_program: Any) -> None:
    loaded, plan = wide()
    registered = run_program(program(plan))
    roles, accounts = registered.of(ROLE), registered.of(AWS_PROVIDER)
    assert len(roles) == sum(len(account.roles) for account in plan.accounts)

    def as_registered(account: AccountPlan, role: RolePlan) -> RolePlan:
        inputs = roles[f"{account.key}/{role.key}"].inputs
        binding = registered.of(INLINE).get(f"{account.key}/{role.key}/{SESSION_POLICY_NAME}")
        bound = {SESSION_POLICY_NAME: PolicyDocument(binding.inputs["policy"])} if binding else {}
        policy = PolicyDocument(inputs["assumeRolePolicy"])
        return replace(role, name=inputs["name"], path=inputs["path"], trust_policy=policy, inline_policies=bound)

    def account_as_registered(account: AccountPlan) -> AccountPlan:
        (allowed,) = json.loads(accounts[account.key].inputs["allowedAccountIds"])
        roles_as_registered = tuple(as_registered(account, role) for role in account.roles)
        return replace(account, id=AccountId(allowed), roles=roles_as_registered)

    with_roles = {account.key for account in plan.accounts if account.key in accounts}
    again = AccessPlan(tuple(account_as_registered(each) if each.key in with_roles else each for each in plan.accounts))
    assert refusal(loaded, again) == ""


def test_a_role_without_managed_policies_owns_an_empty_list_of_them(run_program: Any, plan: AccessPlan) -> None:
    assert run_program(program(plan)).of(EXCLUSIVE)["dev/build"].inputs["policyArns"] == []


def test_a_role_comes_after_the_oidc_providers_that_it_trusts(run_program: Any, plan: AccessPlan) -> None:
    registered = run_program(program(plan))
    roles = registered.of(ROLE)
    assert {urn.rpartition("::")[2] for urn in roles["dev/deploy"].dependencies} == {"dev/acme", "dev/other"}
    assert {urn.rpartition("::")[2] for urn in roles["dev/build"].dependencies} == {"dev/acme"}


def test_one_oidc_provider_for_each_workspace_that_an_account_trusts(run_program: Any, plan: AccessPlan) -> None:
    oidc_providers = run_program(program(plan)).of(OIDC_PROVIDER)
    assert sorted(oidc_providers) == ["dev/acme", "dev/other", "prod/acme", "prod/other"]
    assert oidc_providers["prod/other"].inputs == {
        "url": "https://api.bitbucket.org/2.0/workspaces/other/pipelines-config/identity/oidc",
        "clientIdLists": ["ari:cloud:bitbucket::workspace/f4e3d2c1-b0a9-4887-9665-544332211a08", "sts.amazonaws.com"],
        "thumbprintLists": [THUMBPRINT],
        "tags": {"Team": "core"},
    }


@pytest.mark.parametrize("protect", [True, False])
def test_protection_of_oidc_providers_is_a_choice(run_program: Any, plan: AccessPlan, protect: bool) -> None:
    registered = run_program(program(plan, protect_oidc_providers=protect))
    protected = {resource.type for resource in registered.resources if resource.protect}
    assert protected == ({OIDC_PROVIDER} if protect else set())


@pytest.mark.parametrize(
    ("defaults", "lists"),
    [
        ("thumbprints: omit", [None, None]),
        (f"thumbprints: [{'B' * 40}]", [["b" * 40]] * 2),
        ("thumbprints: fetch", [[THUMBPRINT]] * 2),
        ("oidc_provider: reference", []),
    ],
)
def test_modes_of_thumbprints_and_oidc_providers(
    run_program: Any, write_inventory: Callable[..., Path], defaults: str, lists: list[Any]
) -> None:
    role = "{accounts: [dev, prod], trust: [{repository: acme/shop, environments: [production]}]}"
    compiled = compile_plan(load_inventory(write_inventory(f"defaults: {{{defaults}}}\nroles: {{r: {role}}}\n")))
    assert compiled.plan is not None
    registered = run_program(program(compiled.plan))
    oidc_providers = registered.of(OIDC_PROVIDER).values()
    assert [provider.inputs.get("thumbprintLists") for provider in oidc_providers] == lists
    top = next(
        out for urn, out in registered.outputs.items() if bitbucket_oidc.TYPE in urn.split("::")[2].split("$")[-1]
    )
    assert set(top["oidcProviderArns"]["dev"]) == {"acme"}


def test_an_adopted_oidc_provider_is_imported_unchanged_and_retained(
    run_program: Any, write_inventory: Callable[..., Path]
) -> None:
    path = write_inventory(f"defaults: {{oidc_provider: adopt}}\nroles: {{r: {ONE_ROLE}}}\n")
    (path / "inventory.lock.yaml").write_text(
        'accounts: {dev: {id: "111111111111", oidc_providers: {acme: present}}}\n'
    )
    plan = compile_plan(load_inventory(path)).plan
    assert plan is not None
    assert plan.issuers_to_fetch() == ()
    registered = run_program(program(plan, protect_oidc_providers=True))
    (oidc_provider,) = registered.of(OIDC_PROVIDER).values()
    assert oidc_provider.import_id == f"arn:aws:iam::111111111111:oidc-provider/{ISSUER}"
    assert (oidc_provider.retain_on_delete, oidc_provider.protect) == (True, False)
    assert oidc_provider.ignore_changes == ["clientIdLists", "tags", "tagsAll", "thumbprintLists"]


def test_a_referenced_oidc_provider_is_read_before_its_roles(
    run_program: Any, write_inventory: Callable[..., Path]
) -> None:
    path = write_inventory(f"defaults: {{oidc_provider: reference}}\nroles: {{r: {ONE_ROLE}}}\n")
    plan = compile_plan(load_inventory(path)).plan
    assert plan is not None
    registered = run_program(program(plan))
    assert registered.of(OIDC_PROVIDER) == {}
    assert registered.read == {"dev/acme": f"arn:aws:iam::111111111111:oidc-provider/{ISSUER}"}
    (role,) = registered.of(ROLE).values()
    assert [urn.split("::")[-1] for urn in role.dependencies] == ["dev/acme"]


def test_an_account_without_roles_and_oidc_providers_gets_nothing(run_program: Any, plan: AccessPlan) -> None:
    assert not any("data" in resource.name for resource in run_program(program(plan)).resources)


def test_options_of_the_caller_reach_the_component(run_program: Any, plan: AccessPlan) -> None:
    options = pulumi.ResourceOptions(protect=True)
    registered = run_program(program(plan, opts=options))
    assert registered.of(bitbucket_oidc.TYPE)["bitbucket-oidc"].protect


def test_the_sandbox_endpoint_reaches_every_aws_provider(run_program: Any, plan: AccessPlan) -> None:
    settings = AwsSettings("x", endpoint="http://127.0.0.1:9")
    for provider in run_program(program(plan, aws_settings=settings)).of(AWS_PROVIDER).values():
        assert json.loads(provider.inputs["endpoints"]) == [{"iam": "http://127.0.0.1:9", "sts": "http://127.0.0.1:9"}]


def test_nothing_registered_is_deprecated(run_program: Any, plan: AccessPlan, recwarn: pytest.WarningsRecorder) -> None:
    run_program(program(plan))
    assert [warning for warning in recwarn if issubclass(warning.category, DeprecationWarning)] == []


def test_a_rename_of_a_workspace_keeps_its_oidc_provider(run_program: Any, tmp_path: Path) -> None:
    before = """
workspaces:
  acme-old:
    uuid: "{0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11}"
    repositories:
      shop:
        uuid: "{9a6d6bde-2ae3-4d4c-8a43-1f6a5d9a3c01}"
        environments: {production: "{c2b1a5de-6b7e-4d4b-b1a0-6a9d8c7b5e03}"}
accounts: {prod: {id: "222222222222"}}
roles:
  deploy: {accounts: [prod], trust: [{repository: acme-old/shop, environments: [production]}]}
"""
    during = before.replace("acme-old", "acme").replace(
        "    repositories:", "    previous_slugs: {acme-old: {expires: 2031-03-31}}\n    repositories:"
    )

    def oidc_providers(text: str) -> dict[str, Any]:
        (tmp_path / "inventory.yaml").write_text(text)
        plan = compile_plan(load_inventory(tmp_path)).plan
        assert plan is not None
        registered = run_program(program(plan)).resources
        return {each.urn: each.inputs for each in registered if each.type == OIDC_PROVIDER}

    old, both = oidc_providers(before), oidc_providers(during)
    assert both.items() >= old.items()
    assert [urn.partition("::prod/")[2] for urn in sorted(both.keys() - old.keys())] == ["acme"]
