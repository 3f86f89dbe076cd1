"""One template for all accounts; each account gets exactly what its part of the inventory needs."""

import json
import string
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from access.boundary import boundary_document
from access.compile import compile_plan
from access.deploy_policy import DeployedRole, DeployScope, deploy_policies, reading_policy
from access.foundation import Foundation, Hub, foundation_of
from config.load import load_inventory
from oidc.arn import Partition
from oidc.errors import UsageError
from oidc.iam.pattern import covers_action, covers_resource
from oidc.identifiers import AccountId
from onboarding.bootstrap.template import template
from tests.onboarding.cloudformation import UnknownAccountError, in_account

Inventory = Callable[..., Path]
HUB = Hub(("arn:aws:iam::999999999999:role/runner",), "o-a1b2c3d4e5", ("arn:aws:iam::999999999999:role/previews",))
TRUST = "trust: [{repository: acme/shop, environments: [production]}]"
DEFAULTS = """
defaults:
  deploy_role: {arn: "arn:aws:iam::{{account_id}}:role/ops/Deploy", external_id: acme-7f3c}
  permissions_boundary: account:ci/{{account}}-boundary
"""


def foundations(folder: Path) -> list[Foundation]:
    compiled = compile_plan(load_inventory(folder))
    assert compiled.plan is not None, compiled.findings
    return [foundation_of(account) for account in compiled.plan.accounts]


def assert_exact(made: dict[str, dict[str, Any]], foundation: Foundation) -> None:
    """Compare an account's resources with the policies for this account alone."""
    scope = foundation.scope
    deploys = [made[name]["PolicyDocument"] for name in made if name.startswith("DeployingPolicy")]
    assert sorted(map(by_sid, deploys)) == sorted(by_sid(policy.to_json()) for policy in deploy_policies(scope))
    assert made["DeployingRole"]["AssumeRolePolicyDocument"] == HUB.deploying_trust(foundation.external_id).to_json()
    (reads,) = made["ReadingRole"]["Policies"]
    assert reads["PolicyDocument"] == reading_policy(scope.partition, scope.account).to_json()
    boundaries = {
        f"arn:{scope.partition}:iam::{scope.account}:policy{policy['Path']}{policy['ManagedPolicyName']}": policy[
            "PolicyDocument"
        ]
        for name, policy in made.items()
        if name.startswith("Boundary")
    }
    assert boundaries.keys() == set(scope.own_boundary_arns)
    for document in boundaries.values():
        assert by_sid(document) == by_sid(boundary_document(foundation).to_json())


def by_sid(document: dict[str, Any]) -> str:
    return json.dumps(sorted(document["Statement"], key=lambda statement: statement["Sid"]), sort_keys=True)


def test_accounts_with_the_same_needs_get_a_template_without_account_ids(write_inventory: Inventory) -> None:
    accounts = foundations(
        write_inventory(DEFAULTS.replace("{{account}}-", ""), f"roles: {{r: {{accounts: ['*'], {TRUST}}}}}")
    )
    made = template(accounts, HUB)
    assert "Mappings" not in made
    assert not [item.scope.account for item in accounts if item.scope.account in json.dumps(made)]
    for item in accounts:
        assert_exact(in_account(made, item.scope.account), item)


def test_different_accounts_share_a_template_and_each_gets_only_its_needs(write_inventory: Inventory) -> None:
    accounts = foundations(
        write_inventory(
            DEFAULTS,
            f"""
roles:
  everywhere: {{accounts: ["*"], {TRUST}, managed_policies: ["aws:ReadOnlyAccess"]}}
  only-prod: {{accounts: [prod], {TRUST}, path: /prod/, managed_policies: ["aws:AmazonECS_FullAccess"]}}
  two: {{accounts: [dev, data], {TRUST}, path: /two/}}
""",
        )
    )
    made = template(accounts, HUB)
    for item in accounts:
        assert_exact(in_account(made, item.scope.account), item)
    with pytest.raises(UnknownAccountError):
        in_account(made, "999999999999")


def test_a_resource_keeps_its_logical_id_whatever_else_changes(write_inventory: Inventory) -> None:
    role = f"r: {{accounts: ['*'], {TRUST}}}"
    before = template(foundations(write_inventory(DEFAULTS, f"roles: {{{role}}}")), HUB)["Resources"]
    another = f"a: {{accounts: [dev], {TRUST}, permissions_boundary: account:a-boundary, path: /a/}}"
    after = template(foundations(write_inventory(DEFAULTS, f"roles: {{{role}, {another}}}")), HUB)["Resources"]
    named = {name: resource["Properties"].get("ManagedPolicyName") for name, resource in before.items()}
    assert named == {name: after[name]["Properties"].get("ManagedPolicyName") for name in before}
    assert len(after) == len(before) + 1


def test_existing_boundaries_can_be_left_out(write_inventory: Inventory) -> None:
    accounts = foundations(write_inventory(DEFAULTS, f"roles: {{r: {{accounts: [prod], {TRUST}}}}}"))
    made = template(accounts, HUB, with_boundaries=False)["Resources"]
    assert list(made) == ["DeployingRole", "DeployingPolicy1", "ReadingRole"]


def test_the_hub_keeps_its_account_id_even_if_it_is_one_of_the_accounts(write_inventory: Inventory) -> None:
    accounts = foundations(
        write_inventory(DEFAULTS.replace("{{account}}-", ""), f"roles: {{r: {{accounts: ['*'], {TRUST}}}}}")
    )
    hub = replace(HUB, role_arns=("arn:aws:iam::222222222222:role/runner",))
    trust = template(accounts, hub)["Resources"]["DeployingRole"]["Properties"]["AssumeRolePolicyDocument"]
    assert trust["Statement"] == [
        {
            "Effect": "Allow",
            "Principal": {"AWS": ["arn:aws:iam::222222222222:role/runner"]},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5", "sts:ExternalId": "acme-7f3c"}},
        }
    ]


def test_an_account_without_a_deploying_role_is_named(write_inventory: Inventory) -> None:
    with pytest.raises(UsageError, match=r"account data has no deploying role .*write deploy_role: .*--deploying-role"):
        foundations(write_inventory(f"roles: {{r: {{accounts: [prod], {TRUST}}}}}"))


def test_a_reading_role_needs_a_unique_name(write_inventory: Inventory) -> None:
    folder = write_inventory(DEFAULTS, f"roles: {{r: {{accounts: [prod], {TRUST}}}}}")
    plan = compile_plan(load_inventory(folder)).plan
    assert plan is not None
    account = next(planned for planned in plan.accounts if planned.key == "prod")
    for name in ("R", "deploy", "x" * 65, "a b"):
        with pytest.raises(UsageError, match="account prod: the reading role cannot be named"):
            foundation_of(account, name)


def test_a_deploying_role_named_for_a_profile_cannot_change_itself(
    write_inventory: Inventory,
) -> None:
    folder = write_inventory(f"roles: {{r: {{accounts: [prod], {TRUST}, path: /}}}}")
    plan = compile_plan(load_inventory(folder)).plan
    assert plan is not None
    account = next(planned for planned in plan.accounts if planned.key == "prod")
    foundation = foundation_of(account, "PulumiRead", "PulumiDeploy")
    assert foundation.deploying_role_arn == "arn:aws:iam::222222222222:role/PulumiDeploy"
    (document,) = deploy_policies(foundation.scope)
    never = next(statement for statement in document.to_json()["Statement"] if statement["Sid"] == "NeverItself")
    assert never["Resource"] == [foundation.deploying_role_arn, "arn:aws:iam::222222222222:role/PulumiRead"]
    with pytest.raises(UsageError, match="account prod: the deploying role cannot be named r"):
        foundation_of(account, None, "r")


words = st.text(string.ascii_letters + string.digits + "$*?{}-", min_size=1, max_size=8)
paths = st.one_of(st.just("/"), st.builds("/{}/".format, words), st.builds("/{}/222222222222/".format, words))


@st.composite
def scopes(draw: st.DrawFn, account: str) -> DeployScope:
    def role(path: str, name: str, *, bounded: bool) -> DeployedRole:
        own = f"arn:aws:iam::{account}:"
        return DeployedRole(
            f"{own}role{path}{name}", path, f"{own}policy/b" if bounded else "", (f"{own}policy/{name}",)
        )

    roles = draw(st.frozensets(st.builds(role, paths, words, bounded=st.booleans()), max_size=6))
    return DeployScope(Partition.AWS, AccountId(account), f"arn:aws:iam::{account}:role/D", roles, frozenset())


@given(st.data())
def test_any_accounts_get_exactly_what_they_need(data: st.DataObject) -> None:
    ids = data.draw(
        st.lists(st.sampled_from(["222222222222", "333333333333", "000000000001"]), min_size=1, unique=True)
    )
    accounts = [Foundation(account, data.draw(scopes(account)), "/", "D", "D-reading", None) for account in ids]
    made = template(accounts, HUB)
    for item in accounts:
        assert_exact(in_account(made, item.scope.account), item)


def test_hundreds_of_different_accounts_have_conditions_within_the_limits() -> None:
    def foundation(number: int) -> Foundation:
        account = f"{number:012d}"
        shape = number % 25
        role = DeployedRole(
            f"arn:aws:iam::{account}:role/p{shape}/r", f"/p{shape}/", f"arn:aws:iam::{account}:policy/b", ()
        )
        other = DeployedRole(f"arn:aws:iam::{account}:role/q/r", "/q/", f"arn:aws:iam::{account}:policy/b", ())
        roles = frozenset({role, other} if shape % 2 else {role})
        scope = DeployScope(Partition.AWS, AccountId(account), None, roles, frozenset())
        return Foundation(account, scope, "/", "D", "D-reading", None)

    accounts = [foundation(number) for number in range(1, 151)]
    made = template(accounts, HUB)
    for item in accounts[::7]:
        assert_exact(in_account(made, item.scope.account), item)
    with pytest.raises(UsageError, match=r"201 accounts with 25 different needs .* make several"):
        template([foundation(number) for number in range(1, 202)], HUB)


@pytest.mark.parametrize(
    ("action", "of"),
    [
        *((f"iam:{verb}", "user/alice") for verb in ("CreateAccessKey", "UpdateAccessKey", "UpdateLoginProfile")),
        *((f"iam:{verb}ServiceSpecificCredential", "user/alice") for verb in ("Create", "Reset", "Update")),
        *((f"iam:Upload{what}", "user/alice") for what in ("SSHPublicKey", "SigningCertificate")),
        ("iam:AddClientIDToOpenIDConnectProvider", "oidc-provider/token.actions.githubusercontent.com"),
        ("iam:UpdateOpenIDConnectProviderThumbprint", "oidc-provider/token.actions.githubusercontent.com"),
        ("sts:AssumeRoot", "root"),
    ],
)
def test_a_boundary_denies_its_roles_the_permissions_of_others(
    write_inventory: Inventory, action: str, of: str
) -> None:
    folder = write_inventory(f"{DEFAULTS}roles: {{r: {{accounts: [prod], {TRUST}}}}}\n")
    (account, *_) = [item for item in foundations(folder) if item.scope.own_boundary_arns]
    denials = [statement for statement in boundary_document(account).parsed.statements if statement.denies]
    arn = f"arn:aws:iam::{account.scope.account}:{of}"
    assert any(covers_action(denial, action) and covers_resource(denial, arn) for denial in denials)
