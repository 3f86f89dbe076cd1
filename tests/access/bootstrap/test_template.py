"""One template for all accounts, and each gets what its own part of the inventory needs, to the letter."""

import json
import string
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from access.compile import compile_plan
from access.deploy_policy import DeployedRole, DeployScope, deploy_policies, reading_policy
from config.load import load_inventory
from oidc.arn import Partition
from oidc.errors import UsageError
from oidc.iam.pattern import covers_action, covers_resource
from oidc.identifiers import AccountId
from onboarding.bootstrap.boundary import boundary_document
from onboarding.bootstrap.foundation import Foundation, Hub, foundation_of
from onboarding.bootstrap.template import template
from tests.access.bootstrap.cloudformation import UnknownAccountError, in_account

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


def holds_what_is_needed(made: dict[str, dict[str, Any]], found: Foundation) -> None:
    """Hold what an account gets against the policies that were made for it alone."""
    scope = found.scope
    deploys = [made[name]["PolicyDocument"] for name in made if name.startswith("DeployingPolicy")]
    assert sorted(map(by_sid, deploys)) == sorted(by_sid(one.to_json()) for one in deploy_policies(scope))
    assert made["DeployingRole"]["AssumeRolePolicyDocument"] == HUB.deploying_trust(found.external_id).to_json()
    (reads,) = made["ReadingRole"]["Policies"]
    assert reads["PolicyDocument"] == reading_policy(scope.partition, scope.account).to_json()
    boundaries = {
        f"arn:{scope.partition}:iam::{scope.account}:policy{one['Path']}{one['ManagedPolicyName']}": one[
            "PolicyDocument"
        ]
        for name, one in made.items()
        if name.startswith("Boundary")
    }
    assert boundaries.keys() == set(scope.own_boundary_arns)
    for document in boundaries.values():
        assert by_sid(document) == by_sid(boundary_document(found).to_json())


def by_sid(document: dict[str, Any]) -> str:
    return json.dumps(sorted(document["Statement"], key=lambda statement: statement["Sid"]), sort_keys=True)


def test_accounts_that_need_the_same_get_a_template_that_names_none_of_them(write_inventory: Inventory) -> None:
    found = foundations(
        write_inventory(DEFAULTS.replace("{{account}}-", ""), f"roles: {{r: {{accounts: ['*'], {TRUST}}}}}")
    )
    made = template(found, HUB)
    assert "Mappings" not in made
    assert not [one.scope.account for one in found if one.scope.account in json.dumps(made)]
    for one in found:
        holds_what_is_needed(in_account(made, one.scope.account), one)


def test_accounts_that_differ_share_one_template_and_each_keeps_the_least(write_inventory: Inventory) -> None:
    found = foundations(
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
    made = template(found, HUB)
    for one in found:
        holds_what_is_needed(in_account(made, one.scope.account), one)
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


def test_boundaries_that_are_there_already_can_be_left_out(write_inventory: Inventory) -> None:
    found = foundations(write_inventory(DEFAULTS, f"roles: {{r: {{accounts: [prod], {TRUST}}}}}"))
    made = template(found, HUB, with_boundaries=False)["Resources"]
    assert list(made) == ["DeployingRole", "DeployingPolicy1", "ReadingRole"]


def test_the_hub_is_named_by_its_own_account_also_where_it_is_one_of_the_accounts(write_inventory: Inventory) -> None:
    found = foundations(
        write_inventory(DEFAULTS.replace("{{account}}-", ""), f"roles: {{r: {{accounts: ['*'], {TRUST}}}}}")
    )
    hub = replace(HUB, role_arns=("arn:aws:iam::222222222222:role/runner",))
    trust = template(found, hub)["Resources"]["DeployingRole"]["Properties"]["AssumeRolePolicyDocument"]
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


def test_a_reading_role_needs_a_name_of_its_own(write_inventory: Inventory) -> None:
    folder = write_inventory(DEFAULTS, f"roles: {{r: {{accounts: [prod], {TRUST}}}}}")
    plan = compile_plan(load_inventory(folder)).plan
    assert plan is not None
    account = next(one for one in plan.accounts if one.key == "prod")
    for name in ("R", "deploy", "x" * 65, "a b"):
        with pytest.raises(UsageError, match="account prod: the reading role cannot be named"):
            foundation_of(account, name)


def test_where_a_profile_leads_in_the_deploying_role_is_named_and_never_reaches_itself(
    write_inventory: Inventory,
) -> None:
    folder = write_inventory(f"roles: {{r: {{accounts: [prod], {TRUST}, path: /}}}}")
    plan = compile_plan(load_inventory(folder)).plan
    assert plan is not None
    account = next(one for one in plan.accounts if one.key == "prod")
    found = foundation_of(account, "PulumiRead", "PulumiDeploy")
    assert found.deploying_role_arn == "arn:aws:iam::222222222222:role/PulumiDeploy"
    (document,) = deploy_policies(found.scope)
    never = next(one for one in document.to_json()["Statement"] if one["Sid"] == "NeverItself")
    assert never["Resource"] == [found.deploying_role_arn, "arn:aws:iam::222222222222:role/PulumiRead"]
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
def test_whatever_accounts_need_each_gets_exactly_that(data: st.DataObject) -> None:
    ids = data.draw(
        st.lists(st.sampled_from(["222222222222", "333333333333", "000000000001"]), min_size=1, unique=True)
    )
    found = [Foundation(account, data.draw(scopes(account)), "/", "D", "D-reading", None) for account in ids]
    made = template(found, HUB)
    for one in found:
        holds_what_is_needed(in_account(made, one.scope.account), one)


def test_hundreds_of_accounts_of_many_shapes_have_conditions_that_cloudformation_takes() -> None:
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

    found = [foundation(number) for number in range(1, 151)]
    made = template(found, HUB)
    for one in found[::7]:
        holds_what_is_needed(in_account(made, one.scope.account), one)
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
def test_a_boundary_keeps_its_roles_from_becoming_somebody_else(
    write_inventory: Inventory, action: str, of: str
) -> None:
    folder = write_inventory(f"{DEFAULTS}roles: {{r: {{accounts: [prod], {TRUST}}}}}\n")
    (found, *_) = [one for one in foundations(folder) if one.scope.own_boundary_arns]
    denials = [statement for statement in boundary_document(found).parsed.statements if statement.denies]
    arn = f"arn:aws:iam::{found.scope.account}:{of}"
    assert any(covers_action(one, action) and covers_resource(one, arn) for one in denials)
