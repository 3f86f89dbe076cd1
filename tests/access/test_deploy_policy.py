"""The deploying role's policy follows from the inventory: its paths, boundaries, managed policies and workspaces."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from access.compile import compile_plan
from access.deploy_policy import DeployedRole, DeployScope, deploy_policies
from config.load import load_inventory
from oidc.arn import Partition
from oidc.iam.action_classes import ActionClass
from oidc.iam.pattern import matches_any
from oidc.identifiers import AccountId
from tools.action_table import READS, access_levels, classes

Inventory = Callable[..., Path]
Statements = dict[str, dict[str, Any]]

READING = ["IdentifyItself", "ReadAccount", "ReadRoles", "ReadOidcProviders", "ReadPolicies"]
TRUST = "trust: [{repository: acme/shop, environments: [production]}]"


def statements(folder: Path, account: str) -> Statements:
    compiled = compile_plan(load_inventory(folder))
    assert compiled.plan is not None, compiled.findings
    plan = next(planned for planned in compiled.plan.accounts if planned.key == account)
    (document,) = deploy_policies(DeployScope.of(plan))
    return {statement["Sid"]: statement for statement in document.to_json()["Statement"]}


def resources(by_sid: Statements, sid: str) -> list[str]:
    return [resource.removeprefix("arn:aws:iam::111111111111:") for resource in by_sid[sid]["Resource"]]


def test_without_a_boundary_paths_and_managed_policies_are_the_limit(write_inventory: Inventory) -> None:
    folder = write_inventory(f"""
roles:
  a: {{accounts: [dev], {TRUST}, managed_policies: ["aws:ReadOnlyAccess", "account:team/x"]}}
  b: {{accounts: [dev], {TRUST}, path: /bitbucket/deep/}}
  c: {{accounts: [dev], {TRUST}, path: /ci/}}
  elsewhere: {{accounts: [prod], {TRUST}, path: /prod/, managed_policies: ["aws:AmazonECS_FullAccess"]}}
""")
    by_sid = statements(folder, "dev")
    assert list(by_sid) == [
        *READING, "ManageOidcProviders", "ManageRoles", "WritePolicies", "Attach", "NeverWithoutItsBoundary",
    ]  # fmt: skip
    for sid in ("ManageRoles", "WritePolicies", "Attach"):
        assert resources(by_sid, sid) == ["role/bitbucket/*", "role/ci/*"]
    assert by_sid["Attach"]["Condition"] == {
        "ArnEquals": {
            "iam:PolicyARN": ["arn:aws:iam::111111111111:policy/team/x", "arn:aws:iam::aws:policy/ReadOnlyAccess"]
        }
    }
    assert all("PermissionsBoundary" not in action for statement in by_sid.values() if statement["Effect"] == "Allow"
               for action in statement["Action"])  # fmt: skip


def test_with_boundaries_every_write_that_can_widen_a_role_asks_for_them(write_inventory: Inventory) -> None:
    folder = write_inventory(f"""
defaults: {{permissions_boundary: account:ci/one, deploy_role: "arn:aws:iam::{{{{account_id}}}}:role/D"}}
roles:
  a: {{accounts: [dev], {TRUST}, managed_policies: ["aws:ReadOnlyAccess"]}}
  b: {{accounts: [dev], {TRUST}, permissions_boundary: "aws:PowerUserAccess"}}
""")
    by_sid = statements(folder, "dev")
    asked = {
        "StringEquals": {
            "iam:PermissionsBoundary": [
                "arn:aws:iam::111111111111:policy/ci/one",
                "arn:aws:iam::aws:policy/PowerUserAccess",
            ]
        }
    }
    assert by_sid["WritePoliciesInsideTheBoundary"]["Condition"] == asked
    assert by_sid["AttachInsideTheBoundary"]["Condition"] == asked | {
        "ArnEquals": {"iam:PolicyARN": ["arn:aws:iam::aws:policy/ReadOnlyAccess"]}
    }
    conditional = {
        action for statement in by_sid.values() if statement.get("Condition") for action in statement["Action"]
    }
    assert conditional == {
        "iam:AttachRolePolicy", "iam:CreateRole", "iam:DeleteRolePolicy", "iam:DetachRolePolicy",
        "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy",
    }  # fmt: skip
    freely = {
        a
        for statement in by_sid.values()
        if statement["Effect"] == "Allow" and not statement.get("Condition")
        for a in statement["Action"]
    }
    assert not freely & conditional
    # The one that AWS manages needs no protection.
    assert resources(by_sid, "NeverABoundarysPolicy") == ["policy/ci/one"]
    assert resources(by_sid, "NeverItself") == ["role/D"]
    assert by_sid["NeverWithoutItsBoundary"] == {
        "Sid": "NeverWithoutItsBoundary",
        "Effect": "Deny",
        "Action": ["iam:DeleteRolePermissionsBoundary"],
        "Resource": ["*"],
    }


def test_attachable_policies_of_the_account_or_the_defaults_replace_the_exact_list(write_inventory: Inventory) -> None:
    roles = f"""
roles:
  a: {{accounts: ["*"], {TRUST}, managed_policies: ["aws:ReadOnlyAccess"], permissions_boundary: account:one}}
  b: {{accounts: ["*"], {TRUST}, managed_policies: ["aws:ReadOnlyAccess"]}}
"""
    exact = {"ArnEquals": {"iam:PolicyARN": ["arn:aws:iam::aws:policy/ReadOnlyAccess"]}}

    def conditions(folder: Path, account: str) -> list[dict[str, Any]]:
        by_sid = statements(folder, account)
        inside = by_sid["AttachInsideTheBoundary"]["Condition"]
        return [{key: value for key, value in inside.items() if "ArnLike" in key or "ArnEquals" in key},
                by_sid["Attach"]["Condition"]]  # fmt: skip

    folder = write_inventory(f'defaults: {{attachable_policies: ["aws:*Only*", "account:ci/*"]}}{roles}')
    assert conditions(folder, "dev") == conditions(folder, "dev")[:1] * 2
    assert conditions(folder, "dev")[0] == {
        "ArnLike": {"iam:PolicyARN": ["arn:aws:iam::111111111111:policy/ci/*", "arn:aws:iam::aws:policy/*Only*"]}
    }
    assert conditions(write_inventory(roles), "dev") == [exact, exact]


def test_an_account_may_have_other_attachable_policies_than_the_defaults_or_none(tmp_path: Path) -> None:
    (tmp_path / "inventory.yaml").write_text("""
workspaces:
  acme:
    uuid: "{0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11}"
    repositories: {shop: "{9a6d6bde-2ae3-4d4c-8a43-1f6a5d9a3c01}"}
defaults: {attachable_policies: ["aws:*Only*"]}
accounts:
  dev: {id: "111111111111", attachable_policies: []}
  eu: {id: "222222222222", partition: aws-cn, attachable_policies: ["aws:Read*"]}
  us: {id: "333333333333"}
roles:
  a:
    accounts: ["*"]
    trust: [{repository: acme/shop, steps: outside_environments}]
    managed_policies: ["aws:ReadOnlyAccess"]
""")
    found = {key: statements(tmp_path / "inventory.yaml", key)["Attach"]["Condition"] for key in ("dev", "eu", "us")}
    assert found == {
        "dev": {"ArnEquals": {"iam:PolicyARN": ["arn:aws:iam::aws:policy/ReadOnlyAccess"]}},
        "eu": {"ArnLike": {"iam:PolicyARN": ["arn:aws-cn:iam::aws:policy/Read*"]}},
        "us": {"ArnLike": {"iam:PolicyARN": ["arn:aws:iam::aws:policy/*Only*"]}},
    }


def test_the_deploying_role_writes_only_classified_actions_and_none_that_lead_beyond_what_it_deploys() -> None:
    arn = "arn:aws:iam::111111111111:"
    bounded = DeployedRole(f"{arn}role/a/r", "/a/", f"{arn}policy/b", (f"{arn}policy/p",))
    free = DeployedRole(f"{arn}role/b/r", "/b/", "", (f"{arn}policy/p",))
    account, oidc_providers = AccountId("111111111111"), frozenset({f"{arn}oidc-provider/x"})
    scope = DeployScope(Partition.AWS, account, f"{arn}role/D", frozenset({bounded, free}), oidc_providers)
    (document,) = deploy_policies(scope)
    allowed = {
        action for each in document.to_json()["Statement"] if each["Effect"] == "Allow" for action in each["Action"]
    }
    classified = classes(access_levels())
    writes = {action for action in allowed if access_levels()[action] not in READS}
    assert writes
    assert writes <= classified.keys()
    assert {classified[action] for action in writes} <= {
        ActionClass.BOUNDARY, ActionClass.IDENTITY, ActionClass.LOCKOUT, ActionClass.OTHER, ActionClass.POLICY,
        ActionClass.TAG, ActionClass.TRUST,
    }  # fmt: skip


def test_a_role_without_a_boundary_among_others_with_one_is_named(write_inventory: Inventory) -> None:
    folder = write_inventory(f"""
roles:
  a: {{accounts: [dev], {TRUST}, permissions_boundary: account:one}}
  b: {{accounts: [dev], {TRUST}, managed_policies: ["aws:ReadOnlyAccess"]}}
""")
    by_sid = statements(folder, "dev")
    assert resources(by_sid, "WritePoliciesInsideTheBoundary") == ["role/bitbucket/*"]
    assert resources(by_sid, "WritePolicies") == resources(by_sid, "Attach") == ["role/bitbucket/b"]
    assert "AttachInsideTheBoundary" not in by_sid


def test_at_the_root_path_roles_are_named_one_by_one(write_inventory: Inventory) -> None:
    folder = write_inventory(f"roles: {{a: {{accounts: [dev], {TRUST}, path: /}}, b: {{accounts: [dev], {TRUST}}}}}")
    assert resources(statements(folder, "dev"), "ManageRoles") == ["role/a", "role/bitbucket/*"]


def test_only_oidc_providers_that_are_made_there_may_be_touched(write_inventory: Inventory) -> None:
    folder = write_inventory(
        f"roles: {{r: {{accounts: [dev, ref], {TRUST}}}}}",
        more_yaml='accounts: {ref: {id: "333333333333", oidc_provider: reference}}',
    )
    acme = "oidc-provider/api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc"
    assert resources(statements(folder, "dev"), "ManageOidcProviders") == [acme]
    assert "ManageOidcProviders" not in statements(folder, "ref")


def test_other_partitions_have_their_own_arns(write_inventory: Inventory) -> None:
    folder = write_inventory(
        f"roles: {{r: {{accounts: [gov], {TRUST}, managed_policies: ['aws:ReadOnlyAccess']}}}}",
        more_yaml='accounts: {gov: {id: "333333333333", partition: aws-us-gov}}',
    )
    by_sid = statements(folder, "gov")
    named = [arn for statement in by_sid.values() for arn in statement["Resource"] if arn != "*"]
    assert named
    assert all(arn.startswith(("arn:aws-us-gov:iam::333333333333:", "arn:aws-us-gov:iam::aws:")) for arn in named)
    assert by_sid["Attach"]["Condition"]["ArnEquals"]["iam:PolicyARN"] == [
        "arn:aws-us-gov:iam::aws:policy/ReadOnlyAccess"
    ]


def test_characters_of_a_path_are_no_wildcards(write_inventory: Inventory) -> None:
    folder = write_inventory(f"roles: {{a: {{accounts: [dev], {TRUST}, path: '/a*/'}}}}")
    assert resources(statements(folder, "dev"), "ManageRoles") == ["role/a${*}/*"]


def test_an_account_with_nothing_in_it_may_be_looked_at(write_inventory: Inventory) -> None:
    by_sid = statements(write_inventory(f"roles: {{r: {{accounts: [prod], {TRUST}}}}}"), "dev")
    assert list(by_sid) == [*READING, "NeverWithoutItsBoundary"]


PATHS = st.sampled_from(["/", "/bitbucket/", "/bitbucket/a/", "/team-" + "x" * 300 + "/"])
POLICIES = st.integers(0, 30).map(lambda number: f"arn:aws:iam::111111111111:policy/team/{'p' * 60}{number}")


def deployed(number: int, path: str, boundary: str, policies: list[str]) -> DeployedRole:
    return DeployedRole(f"arn:aws:iam::111111111111:role{path}r{number}", path, boundary, tuple(sorted(set(policies))))


ROLES = st.builds(
    deployed, st.integers(0, 10**40), PATHS, st.one_of(st.just(""), POLICIES), st.lists(POLICIES, max_size=20)
)


@given(st.frozensets(ROLES, max_size=40), st.integers(0, 80))
def test_every_document_fits_and_every_role_is_written_under_its_own_condition(
    roles: frozenset[DeployedRole], workspaces: int
) -> None:
    providers = frozenset(f"arn:aws:iam::111111111111:oidc-provider/{'w' * 80}{number}" for number in range(workspaces))
    scope = DeployScope(Partition.AWS, AccountId("111111111111"), None, roles, providers)
    documents = deploy_policies(scope)
    assert documents == deploy_policies(scope)
    assert all(document.size <= 6144 for document in documents)
    everything = [statement for document in documents for statement in document.to_json()["Statement"]]
    assert len({statement["Sid"] for statement in everything}) == len(everything)
    for role in roles:
        putting = [statement for statement in everything if allows(statement, "iam:PutRolePolicy", role.arn)]
        asked = {boundary for statement in putting for boundary in asked_boundaries(statement)}
        assert (role.permissions_boundary_arn or None) in asked
        attaching = [statement for statement in everything if allows(statement, "iam:AttachRolePolicy", role.arn)]
        attachable = {arn for statement in attaching for arn in statement["Condition"]["ArnEquals"]["iam:PolicyARN"]}
        assert attachable >= set(role.managed_policy_arns)
    if roles and all(role.permissions_boundary_arn for role in roles):
        assert all(statement.get("Condition") for statement in everything if "iam:PutRolePolicy" in statement["Action"])


def allows(statement: dict[str, Any], action: str, arn: str) -> bool:
    named = action in statement["Action"] and statement["Effect"] == "Allow"
    return named and matches_any(arn, tuple(statement["Resource"]))


def asked_boundaries(statement: dict[str, Any]) -> list[str | None]:
    asked = statement.get("Condition", {}).get("StringEquals")
    return asked["iam:PermissionsBoundary"] if asked else [None]


def test_instance_profiles_are_listed_and_never_changed(write_inventory: Inventory) -> None:
    folder = write_inventory(f"roles: {{a: {{accounts: [dev], {TRUST}}}}}\n")
    actions = [action for statement in statements(folder, "dev").values() for action in statement["Action"]]
    assert [action for action in actions if "InstanceProfile" in action] == ["iam:ListInstanceProfilesForRole"]
