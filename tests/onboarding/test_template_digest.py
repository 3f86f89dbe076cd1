"""The template's digest in the lock: no word if the template has all that is needed, and each lack in words."""

from dataclasses import replace
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from access.adoption.found import FoundTemplate
from access.deploy_policy import DeployedRole
from access.foundation import Foundation
from access.template_digest import missing_in_words, recorded_digest
from tests.onboarding.deployed_template import POLICY, deployed, foundations

NEW = "arn:aws:iam::aws:policy/Another"


def recorded(foundation: Foundation, found: FoundTemplate | None = None) -> str:
    digest = recorded_digest(foundation, found or deployed(foundation))
    assert digest is not None
    return digest


def with_roles(foundation: Foundation, roles: frozenset[DeployedRole]) -> Foundation:
    return replace(foundation, scope=replace(foundation.scope, roles=roles))


def with_reading_role(foundation: Foundation, name: str) -> Foundation:
    renamed = replace(foundation, reading_name=name)
    return replace(renamed, scope=replace(renamed.scope, reading_role_arn=renamed.reading_role_arn))


@given(foundations)
def test_a_current_template_lacks_nothing_whatever_the_reading_role_is_called(foundation: Foundation) -> None:
    assert missing_in_words(foundation, recorded(foundation)) == ()
    assert missing_in_words(foundation, recorded(with_reading_role(foundation, "Reads"))) == ()


@given(foundations, st.data())
def test_a_role_or_policy_that_left_the_inventory_needs_no_newer_template(
    foundation: Foundation, data: st.DataObject
) -> None:
    roles = foundation.scope.roles
    kept = frozenset(data.draw(st.sets(st.sampled_from(sorted(roles))))) if roles else roles
    # Without a boundary in the account, roles are allowed by path; beside one with a boundary, by name.
    mixed = {bool(role.permissions_boundary_arn) for role in roles}
    assume(len(mixed) < 2 or {bool(role.permissions_boundary_arn) for role in kept} == mixed)
    fewer = frozenset(replace(role, managed_policy_arns=role.managed_policy_arns[:1]) for role in kept)
    assume(len({role.permissions_boundary_arn for role in fewer}) == len({r.permissions_boundary_arn for r in roles}))
    assert missing_in_words(with_roles(foundation, fewer), recorded(foundation)) == ()


@given(foundations)
def test_a_further_managed_policy_is_named_and_nothing_else(foundation: Foundation) -> None:
    assume(foundation.scope.roles)
    roles = frozenset(
        replace(role, managed_policy_arns=(*role.managed_policy_arns, NEW)) for role in foundation.scope.roles
    )
    words = missing_in_words(with_roles(foundation, roles), recorded(foundation))
    assert words == (f"the deploying role may not attach {NEW}",)


@given(foundations, st.data())
def test_any_value_that_is_lost_is_missing(foundation: Foundation, data: st.DataObject) -> None:
    found = deployed(foundation)
    arn = data.draw(st.sampled_from(sorted(arn for arn in found.policies if "-deploys-" in arn)))
    document: Any = found.policies[arn]
    statement = data.draw(st.sampled_from(document["Statement"]))
    element = data.draw(st.sampled_from(["Action", "Resource"]))
    lost = data.draw(st.sampled_from(statement[element]))
    assume(lost != foundation.reading_role_arn)
    left = [value for value in statement[element] if value != lost] or ["none:None"]
    statements = [each if each is not statement else {**each, element: left} for each in document["Statement"]]
    policies = dict(found.policies) | {arn: {**document, "Statement": statements}}
    assert missing_in_words(foundation, recorded(foundation, replace(found, policies=policies))) != ()


@given(foundations)
def test_a_new_path_is_missing_in_the_deploying_role_and_in_the_boundary(foundation: Foundation) -> None:
    new = DeployedRole(f"{POLICY.removesuffix('policy')}role/q/new", "/q/", f"{POLICY}/ci/boundary", ())
    assume(any(role.permissions_boundary_arn for role in foundation.scope.roles))
    words = missing_in_words(with_roles(foundation, foundation.scope.roles | {new}), recorded(foundation))
    path = f"{POLICY.removesuffix('policy')}role/q/*"
    assert f"the deploying role may not write {path}" in words
    assert f"NeverTheAccessOfPipelines of the boundary {POLICY}/ci/boundary does not protect {path}" in words


@given(foundations)
def test_a_role_or_boundary_of_another_making_is_not_recorded(foundation: Foundation) -> None:
    found = deployed(foundation)
    roles = {name: replace(role, managed_policy_arns=(), inline_policies={}) for name, role in found.roles.items()}
    boundary = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    policies = {arn: boundary for arn in found.policies if "-deploys-" not in arn}
    assert recorded_digest(foundation, FoundTemplate(roles, policies)) is None
    assert recorded_digest(foundation, FoundTemplate({}, {})) is None
    own = {**found.policies, **policies}
    assert missing_in_words(foundation, recorded(foundation, replace(found, policies=own))) == ()


@given(foundations)
def test_of_documents_that_the_reading_role_may_not_read_nothing_is_said(foundation: Foundation) -> None:
    found = deployed(foundation)
    unreadable = FoundTemplate(found.roles, {}, tuple(sorted(found.policies)))
    assert missing_in_words(foundation, recorded(foundation, unreadable)) == ()


@given(foundations)
def test_an_older_reading_role_lacks_what_a_newer_version_reads(foundation: Foundation) -> None:
    found = deployed(foundation)
    reading = found.roles[foundation.reading_name]
    ((name, document),) = reading.inline_policies.items()
    statements = [
        {**each, "Action": [action for action in each["Action"] if action != "iam:GetPolicyVersion"]}
        for each in document["Statement"]
    ]
    older = replace(reading, inline_policies={name: {**document, "Statement": statements}})
    roles = {**found.roles, foundation.reading_name: older}
    words = missing_in_words(foundation, recorded(foundation, replace(found, roles=roles)))
    assert words == ("the reading role may not call iam:GetPolicyVersion",)
