"""The lines of a step: each kind of change, each kind of value, and hidden secrets."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.sandbox.display import summary_json, totals
from cli.sandbox.property_lines import Mark, StepLine, change_lines, value_lines
from cli.sandbox.step_lines import report_lines, step_lines
from fleet.pulumi_cli.steps import Operation, Phase, PropertyChange, Step, Summary
from sandbox.engine.values import UNKNOWN

SECRET = "acme-prod-7"


def text(lines: list[StepLine], width: int | None = None) -> str:
    return "\n".join(line.folded(width) for line in lines)


def change(old: object, new: object, name: str = "it") -> str:
    return text(change_lines(name, PropertyChange(old, new)))


def step(operation: Operation, name: str = "prod/shop", kind: str = "aws:iam/role:Role", **rest: Any) -> Step:
    return Step(f"urn:{kind}::{name}", kind, name, operation, Phase.DONE, **rest)


def summary(*steps: Step) -> Summary:
    return Summary({step.operation: 1 for step in steps}, {}, steps)


@pytest.mark.parametrize(
    ("old", "new", "shown"),
    [
        (3600, 7200, "it: 3600 → 7200"),
        ("a", None, "it: a → (none)"),
        (None, "a", "it: (none) → a"),
        ("", " a", 'it: "" → " a"'),
        (False, True, "it: false → true"),
        ("a", UNKNOWN, "it: a → (known after up)"),
        (["b", "a"], ["a", "c"], "it\n  - b\n  + c"),
        (None, ["a"], "it\n  + a"),
        (["a", "b"], ["b", "a"], "it\n  different text, same meaning"),
        ({"a": "1", "b": "2"}, {"b": "3", "c": "4"}, "it\n  - a = 1\n  ~ b: 2 → 3\n  + c = 4"),
        ('["a"]', '["b"]', "it\n  - a\n  + b"),
        ("[not JSON", "[nor this", "it: [not JSON → [nor this"),
        (["a"], "a", 'it: ["a"] → a'),
    ],
)
def test_a_change_of_a_value(old: object, new: object, shown: str) -> None:
    assert change(old, new) == shown


def policy(**elements: Any) -> str:
    statement = {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": "*"}
    same = {"Sid": "Same", "Effect": "Deny", "Action": "iam:*", "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [same, statement | elements]})


def test_a_policy_shows_the_statement_that_changes_and_no_other() -> None:
    assert change(policy(), policy(Action="s3:GetObject"), "policy") == (
        "policy\n  ~ statement 2\n    Action\n      - s3:PutObject"
    )


def test_a_new_statement_is_shown_whole() -> None:
    old = json.dumps({"Version": "2012-10-17", "Statement": []})
    new = json.dumps(
        {"Version": "2012-10-17", "Statement": {"Sid": "A", "Effect": "Allow", "Action": ["b", "a"], "Resource": "*"}}
    )
    assert change(old, new, "policy") == "policy\n  + A: Allow\n      Action\n        a\n        b\n      Resource: *"


def test_a_policy_with_different_text_and_the_same_meaning_says_so() -> None:
    assert "same meaning" in change(policy(), policy(Resource=["*"]))


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("externalId", SECRET, f"{SECRET}-new"),
        ("assumeRoles", [{"roleArn": "r", "externalId": SECRET}], [{"roleArn": "r", "externalId": f"{SECRET}-new"}]),
        ("assumeRoles", json.dumps([{"externalId": SECRET}]), json.dumps([{"externalId": SECRET, "roleArn": "r"}])),
        ("assumeRole", {"external_id": SECRET}, {"external_id": f"{SECRET}-new"}),
        ("nested", {"a": {"externalId": SECRET}}, {"a": {"externalId": SECRET, "b": 1}}),
        (
            "assumeRolePolicy",
            policy(Condition={"StringEquals": {"sts:ExternalId": SECRET}}),
            policy(Condition={"StringEquals": {"sts:ExternalId": f"{SECRET}-new"}}),
        ),
    ],
)
def test_an_external_id_is_never_shown(name: str, old: object, new: object) -> None:
    changes = {name: PropertyChange(old, new)}
    provider = step(Operation.UPDATE, kind="pulumi:providers:aws", changes=changes, properties={name: new})
    shown = [
        change(old, new, name),
        text(value_lines(name, new)),
        text(step_lines(provider)),
        text(report_lines([provider], {})),
        json.dumps(summary_json(summary(provider))),
    ]
    assert not any(SECRET in output for output in shown)
    assert "hidden" in shown[0]
    assert len(shown[0].splitlines()) > 0


@given(st.text())
def test_no_control_character_reaches_a_terminal(value: str) -> None:
    steps = [
        step(
            Operation.UPDATE,
            changes={"description": PropertyChange("old", value), "tags": PropertyChange({}, {value: value})},
        )
    ]
    for line in text(report_lines(steps, {}), 80).splitlines():
        assert line.isprintable()


def test_a_long_line_is_folded_only_with_a_width() -> None:
    line = StepLine("arn:aws:iam::aws:policy/" + "x" * 200, 2, Mark.ADDED)
    folded = line.folded(80).splitlines()
    assert all(len(text) <= 80 for text in folded)
    assert folded[0].startswith("    + arn:")
    assert folded[1].startswith("        x")
    assert len(line.folded(None).splitlines()) == 1


def test_a_value_longer_than_any_in_aws_is_cut_and_says_so() -> None:
    shown = change("y" * 1400, "x" * 1500)
    assert f"{'y' * 1000}… (400 characters more) → {'x' * 1000}… (500 characters more)" in shown


def test_a_replacement_names_the_forcing_property_and_the_order() -> None:
    changes = {"path": PropertyChange("/a/", "/b/", forces_replacement=True), "tags": PropertyChange({}, {"a": "b"})}
    old, new = step(Operation.DELETE_REPLACED), step(Operation.REPLACE, changes=changes)
    deleted_first = text(report_lines([old, new], {"prod": "222222222222"})).splitlines()
    assert deleted_first[:3] == [
        "prod (222222222222)",
        "  ± replace  Role prod/shop (forced by path; the old one is deleted first)",
        "      path: /a/ → /b/",
    ]
    assert "the new one is created first" in text(report_lines([new, old], {}))
    assert "with a resource that it depends on; the old one is already gone" in text(
        report_lines([step(Operation.REPLACE)], {})
    )


def test_a_created_resource_shows_its_properties_and_a_deleted_one_its_name() -> None:
    properties = {"name": "shop", "path": "/ci/", "description": "", "forceDetachPolicies": True}
    tags = {"ManagedBy": "x", "ManagedByStack": "y", "Team": "core"}
    made = step(Operation.CREATE, properties={**properties, "tags": tags, "maxSessionDuration": 3600})
    assert text(step_lines(made)) == (
        "+ create   Role prod/shop\n    name: shop\n    path: /ci/\n    maxSessionDuration: 3600\n    tags: Team = core"
    )
    gone = step(Operation.DELETE, properties={**properties, "tags": tags})
    assert text(step_lines(gone)) == "- delete   Role prod/shop\n    path: /ci/\n    name: shop"


def test_changes_made_outside_are_marked() -> None:
    drifted = {"policyArns": PropertyChange([], ["a"]), "tagsAll": PropertyChange({}, {})}
    shown = text(step_lines(step(Operation.UPDATE, outside=drifted)))
    assert shown == "~ update   Role prod/shop (changed outside: policyArns)"
    assert "it is gone from AWS" in text(step_lines(step(Operation.CREATE, gone_outside=True)))


def test_a_default_tag_removed_by_hand_is_named_and_own_tags_are_shown_once() -> None:
    ours = {"ManagedBy": "p", "Team": "core"}
    gone = {"tagsAll": PropertyChange(ours, {"Team": "core"})}
    put_back = {"tagsAll": PropertyChange({"Team": "core"}, ours)}
    assert text(step_lines(step(Operation.UPDATE, changes=put_back, outside=gone))) == (
        "~ update   Role prod/shop (changed outside: tagsAll)\n    tagsAll\n      + ManagedBy = p"
    )
    both = {
        "tags": PropertyChange({"Team": "x"}, {"Team": "core"}),
        "tagsAll": PropertyChange({"Team": "x", "ManagedBy": "p"}, ours),
    }
    assert text(step_lines(step(Operation.UPDATE, changes=both))) == (
        "~ update   Role prod/shop\n    tags\n      ~ Team: x → core"
    )


def test_steps_are_grouped_by_account_without_components() -> None:
    steps = [
        step(Operation.CREATE, "prod/b"),
        step(Operation.CREATE, "dev/a"),
        step(Operation.CREATE, "prod", "bitbucket-aws-oidc:index:AccountAccess"),
        step(Operation.CREATE, "prod", "pulumi:providers:aws"),
        step(Operation.SAME, "prod/same"),
    ]
    lines = text(report_lines(steps, {"prod": "222222222222"})).splitlines()
    assert lines == ["dev", "  + create   Role dev/a", "prod (222222222222)", "  + create   Role prod/b"]


def test_totals_count_aws_and_the_state_separately() -> None:
    run = summary(
        step(Operation.CREATE),
        step(Operation.REPLACE),
        step(Operation.DELETE_REPLACED),
        step(Operation.SAME),
        step(Operation.CREATE, kind="bitbucket-aws-oidc:index:PipelineRole"),
    )
    assert totals(run, preview=True) == (
        "1 to create, 0 to update, 1 to replace, 0 to delete, 1 unchanged; in the state only: 1 to create"
    )
    assert totals(run, preview=False) == "1 created, 1 replaced, 1 unchanged; in the state only: 1 created"


def test_a_run_without_changes_prints_only_no_changes() -> None:
    assert totals(summary(step(Operation.SAME)), preview=True) == "no changes"


def test_json_has_policies_as_objects_and_null_for_unknown_values() -> None:
    changes = {
        "policy": PropertyChange(policy(), policy(Action="x"), forces_replacement=True),
        "arn": PropertyChange("a", UNKNOWN),
    }
    document = summary_json(summary(step(Operation.UPDATE, changes=changes), step(Operation.SAME, "prod/same")))
    assert document["counts"] == {"same": 1, "update": 1}
    (only,) = document["steps"]
    assert (only["account"], only["operation"], only["type"]) == ("prod", "update", "aws:iam/role:Role")
    assert only["changes"]["policy"]["new"]["Statement"][1]["Action"] == "x"
    assert only["changes"]["policy"]["forces_replacement"] is True
    assert only["changes"]["arn"] == {"old": "a", "new": None, "forces_replacement": False}
