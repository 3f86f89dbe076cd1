"""`bootstrap --check`: a deployed template differs in nothing, and any lost or added part is said."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from access.adoption.found import FoundControlPolicy, FoundTemplate
from access.boundary import control_policies
from access.foundation import Foundation, Hub
from onboarding.bootstrap.check import (
    TemplateSettings,
    control_policy_difference,
    own_control_policies,
    template_differences,
)
from tests.onboarding.deployed_template import HUB, deployed, foundations

WANTED = TemplateSettings(HUB)
ADMINISTRATORS = ("arn:aws:iam::*:role/stacksets-exec-*",)


@given(foundations)
def test_a_deployed_template_differs_in_nothing(foundation: Foundation) -> None:
    assert template_differences(foundation, WANTED, deployed(foundation)) == ()


@given(foundations, st.data())
def test_any_statement_that_a_policy_lost_or_got_is_said(foundation: Foundation, data: st.DataObject) -> None:
    found = deployed(foundation)
    arn = data.draw(st.sampled_from(sorted(found.policies)))
    document: Any = found.policies[arn]
    at = data.draw(st.integers(0, len(document["Statement"]) - 1))
    lost = document["Statement"][at]
    fewer = document | {"Statement": [*document["Statement"][:at], *document["Statement"][at + 1 :]]}
    got = {"Sid": "ByHand", "Effect": "Allow", "Action": "iam:*", "Resource": "*"}
    more = document | {"Statement": [*document["Statement"], got]}
    (missing,) = template_differences(foundation, WANTED, replace(found, policies=dict(found.policies) | {arn: fewer}))
    assert str(missing).endswith(
        (f"the statement {lost['Sid']} is missing", "there is no policy, or none that can be parsed")
    )
    (surplus,) = template_differences(foundation, WANTED, replace(found, policies=dict(found.policies) | {arn: more}))
    assert str(surplus).endswith("the statement ByHand is not needed")


@given(foundations, st.data())
def test_any_value_that_a_statement_lost_is_said(foundation: Foundation, data: st.DataObject) -> None:
    found = deployed(foundation)
    arn = data.draw(st.sampled_from(sorted(found.policies)))
    document: Any = found.policies[arn]
    at = data.draw(st.integers(0, len(document["Statement"]) - 1))
    statement = document["Statement"][at]
    element = data.draw(st.sampled_from(["Action", "Resource"]))
    values = statement[element] if isinstance(statement[element], list) else [statement[element]]
    lost = data.draw(st.sampled_from(values))
    changed = statement | {element: [value for value in values if value != lost] or ["none:None"]}
    statements = [*document["Statement"][:at], changed, *document["Statement"][at + 1 :]]
    policies = dict(found.policies) | {arn: document | {"Statement": statements}}
    said = template_differences(foundation, WANTED, replace(found, policies=policies))
    assert f"{statement['Sid']} lacks {element} {lost}" in str(said[0])


@given(foundations)
def test_a_hub_that_the_trust_policies_lack_is_said_of_both_roles(foundation: Foundation) -> None:
    hub = Hub(("arn:aws:iam::999999999999:role/another",), "o-a1b2c3d4e5")
    said = list(map(str, template_differences(foundation, TemplateSettings(hub), deployed(foundation))))
    assert len(said) == 4
    for role in ("deploying role Deploy", "reading role Deploy-reading"):
        assert f"{role}: trust policy: statement 1 lacks Principal AWS arn:aws:iam::999999999999:role/another" in said
        has = "has Principal AWS arn:aws:iam::999999999999:role/runner, which is not needed"
        assert f"{role}: trust policy: statement 1 {has}" in said


@given(foundations)
def test_the_id_of_a_deleted_hub_is_explained(foundation: Foundation) -> None:
    found = deployed(foundation)
    role = found.roles["Deploy"]
    statement: Any = role.trust_policy
    gone = replace(
        role,
        trust_policy={
            "Version": "2012-10-17",
            "Statement": [{**statement["Statement"][0], "Principal": {"AWS": "AROAEXAMPLEEXAMPLE123"}}],
        },
    )
    said = template_differences(foundation, WANTED, replace(found, roles={**found.roles, "Deploy": gone}))
    assert str(said[-1]).endswith("IAM shows an id, because a role that it names was deleted")


@given(foundations)
def test_an_account_with_nothing_lacks_everything(foundation: Foundation) -> None:
    said = list(map(str, template_differences(foundation, WANTED, FoundTemplate({}, {}))))
    assert said[:2] == ["deploying role Deploy: it does not exist", "reading role Deploy-reading: it does not exist"]
    assert len(said) == 2 + len(foundation.scope.own_boundary_arns)
    without = replace(WANTED, with_boundaries=False)
    assert len(template_differences(foundation, without, FoundTemplate({}, {}))) == 2


@given(foundations)
def test_another_path_is_said(foundation: Foundation) -> None:
    found = deployed(foundation)
    moved = {**found.roles, "Deploy": replace(found.roles["Deploy"], path="/")}
    (said,) = template_differences(foundation, WANTED, replace(found, roles=moved))
    assert said.difference == "it has the path /; the inventory names /ops/"


def attached(foundation: Foundation, *, by_hand: Callable[[list[Any]], list[Any]] = list) -> list[FoundControlPolicy]:
    """Return the SCP of a foundation as it is attached, its statements changed, beside one of somebody else."""
    (document,) = control_policies([foundation], ADMINISTRATORS, "stack")
    own = document.to_json() | {"Statement": by_hand(document.to_json()["Statement"])}
    other = {"Version": "2012-10-17", "Statement": {"Sid": "Regions", "Effect": "Deny", "Action": "*", "Resource": "*"}}
    return [
        FoundControlPolicy("p-1", "ours", is_resource_control=False, document=own, targets=("Root",)),
        FoundControlPolicy("p-2", "theirs", is_resource_control=False, document=other, targets=("Root",)),
        FoundControlPolicy("p-3", "odd", is_resource_control=False, document=None, targets=("Root",)),
        FoundControlPolicy("p-4", "resources", is_resource_control=True, document=own, targets=("Root",)),
    ]


def scp_difference(foundation: Foundation, policies: list[FoundControlPolicy]) -> str:
    needed = control_policies([foundation], ADMINISTRATORS, "stack")
    return control_policy_difference(needed, own_control_policies(policies))


@given(foundations)
def test_an_attached_control_policy_differs_in_nothing_and_no_other_policy_counts(foundation: Foundation) -> None:
    policies = attached(foundation)
    assert [policy.id for policy in own_control_policies(policies)] == ["p-1"]
    assert scp_difference(foundation, policies) == ""
    assert own_control_policies(policies[1:]) == ()


@given(foundations, st.data())
def test_whatever_a_control_policy_lost_is_said(foundation: Foundation, data: st.DataObject) -> None:
    def fewer(statements: list[Any]) -> list[Any]:
        at = data.draw(st.integers(0, len(statements) - 1))
        statement = statements[at]
        lost.append(data.draw(st.sampled_from([*statement["Action"], *statement["Resource"], statement["Sid"]])))
        if lost[0] == statement["Sid"]:
            return [*statements[:at], *statements[at + 1 :]]
        element = "Action" if lost[0] in statement["Action"] else "Resource"
        left = [value for value in statement[element] if value != lost[0]] or ["none:None"]
        return [*statements[:at], {**statement, element: left}, *statements[at + 1 :]]

    lost: list[str] = []
    policies = attached(foundation, by_hand=fewer)
    assume(own_control_policies(policies))
    assert lost[0] in scp_difference(foundation, policies)


@given(foundations)
def test_an_administrator_whom_a_control_policy_excepts_too_much_is_said(foundation: Foundation) -> None:
    needed = control_policies([foundation], (), "stack")
    said = control_policy_difference(needed, own_control_policies(attached(foundation)))
    assert f"has ArnNotLike aws:PrincipalArn {ADMINISTRATORS[0]}, which is not needed" in said
