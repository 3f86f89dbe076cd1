"""What the events of the Pulumi CLI become, on recorded shapes."""

from typing import Any

import pytest

from fleet.pulumi_cli.cli_process import Finished, failure
from fleet.pulumi_cli.events import EventReader, plain_errors
from fleet.pulumi_cli.steps import LogMessage, Operation, Phase, PropertyChange, Step

ROLE = "urn:pulumi:sandbox::p::a:b:C$aws:iam/role:Role::prod/shop"
COMPONENT = "urn:pulumi:sandbox::p::a:b:C::prod"
STACK = "urn:pulumi:sandbox::p::pulumi:pulumi:Stack::p-sandbox"


class Run:
    def __init__(self, *, refresh: bool = False) -> None:
        self.steps: list[Step] = []
        self.logs: list[LogMessage] = []
        self.reader = EventReader(refresh, self.steps.append, self.logs.append)

    def event(self, kind: str, op: str, urn: str, **metadata: Any) -> None:
        old, new = metadata.pop("old", None), metadata.pop("new", {"custom": ":iam/" in urn})
        kind_of = urn.split("::")[2].rpartition("$")[2]
        self.reader.take(
            {kind: {"metadata": {"op": op, "urn": urn, "type": kind_of, "old": old, "new": new, **metadata}}}
        )

    def log(self, severity: str, message: str) -> None:
        self.reader.take({"diagnosticEvent": {"severity": severity, "message": message}})

    def operations(self) -> list[tuple[Operation, Phase]]:
        return [(step.operation, step.phase) for step in self.steps]


def test_a_step_begins_and_is_done_or_has_failed() -> None:
    run = Run()
    run.event("resourcePreEvent", "create", ROLE)
    run.event("resOutputsEvent", "create", ROLE)
    run.event("resourcePreEvent", "delete", ROLE)
    run.event("resOpFailedEvent", "delete", ROLE)
    assert run.operations() == [
        (Operation.CREATE, Phase.BEGUN),
        (Operation.CREATE, Phase.DONE),
        (Operation.DELETE, Phase.BEGUN),
        (Operation.DELETE, Phase.FAILED),
    ]
    assert run.reader.summary().counts == {Operation.CREATE: 1}
    assert (run.steps[0].type, run.steps[0].name) == ("aws:iam/role:Role", "prod/shop")


def test_a_component_is_done_at_once_and_counts_once() -> None:
    run = Run()
    run.event("resourcePreEvent", "same", COMPONENT)
    run.event("resOutputsEvent", "same", COMPONENT)
    run.event("resOutputsEvent", "same", COMPONENT)
    assert run.operations() == [(Operation.SAME, Phase.DONE)]


def test_a_replacement_is_its_two_halves() -> None:
    run = Run()
    for op in ("delete-replaced", "replace", "create-replacement"):
        run.event("resourcePreEvent", op, ROLE)
        run.event("resOutputsEvent", op, ROLE)
    assert run.reader.summary().counts == {Operation.DELETE_REPLACED: 1, Operation.REPLACE: 1}


def test_what_is_imported_what_is_retained_and_what_is_only_read() -> None:
    run = Run()
    for op in ("import", "read", "discard", "import-replacement", "discard-replaced"):
        run.event("resOutputsEvent", op, f"{ROLE}/{op}")
    run.event("resOutputsEvent", "delete", ROLE, old={"custom": True, "retainOnDelete": True}, new=None)
    assert run.reader.summary().counts == {Operation.IMPORT: 2, Operation.DISCARD: 1}


def test_the_reads_before_an_up_are_no_steps_and_those_of_a_refresh_are() -> None:
    up, refresh = Run(), Run(refresh=True)
    up.event("resourcePreEvent", "refresh", ROLE)
    up.event("resOutputsEvent", "refresh", ROLE)
    assert up.steps == []
    refresh.event("resourcePreEvent", "refresh", ROLE)
    refresh.event("resOutputsEvent", "delete", ROLE)
    refresh.event("resOutputsEvent", "same", COMPONENT)
    assert refresh.operations() == [(Operation.FORGET, Phase.DONE)]


def test_what_differs_is_told_by_property_with_both_values() -> None:
    run = Run()
    run.event(
        "resOutputsEvent",
        "update",
        ROLE,
        old={"custom": True, "inputs": {"path": "/a/"}, "outputs": {"tags": {"A": "1"}}},
        new={"custom": True, "inputs": {"path": "/b/", "tags": {"A": "2"}}},
        detailedDiff={"path": {}, "tags.A": {}, 'tags["B"]': {}},
    )
    assert run.steps[0].changes == {
        "path": PropertyChange("/a/", "/b/"),
        "tags": PropertyChange({"A": "1"}, {"A": "2"}),
    }


def test_a_property_that_stays_equal_is_not_told() -> None:
    run = Run()
    old, new = {"custom": True, "outputs": {"role": "shop"}}, {"custom": True, "inputs": {"role": "shop"}}
    run.event("resOutputsEvent", "create-replacement", ROLE, old=old, new=new, keys=["role"], diffs=["role"])
    assert run.steps[0].changes == {}


def test_a_refresh_tells_what_it_found() -> None:
    run = Run(refresh=True)
    old, new = ({"custom": True, "outputs": {"path": "/", "description": text}} for text in "ab")
    run.event("resOutputsEvent", "update", ROLE, old=old, new=new)
    assert run.steps[0].changes == {"description": PropertyChange("a", "b")}


def outside(before: dict[str, Any], after: dict[str, Any], op: str = "same") -> Step:
    """Return the step on a role that a read before the run finds changed."""
    run = Run()
    old, new = ({"custom": True, "outputs": outputs} for outputs in (before, after))
    run.event("resOutputsEvent", "refresh", ROLE, old=old, new=new)
    run.event("resOutputsEvent", op, ROLE, old=new, new=new)
    return run.steps[0]


TAGS = {"ManagedBy": "p", "Team": "core"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"inlinePolicies": []}, {"inlinePolicies": [{"name": "look", "policy": "{}"}]}),
        ({"managedPolicyArns": []}, {"managedPolicyArns": ["arn:aws:iam::aws:policy/ReadOnlyAccess"]}),
        ({"tagsAll": TAGS}, {"tags": {"Team": "core"}, "tagsAll": TAGS}),
        ({"tags": TAGS, "tagsAll": TAGS}, {"tags": {}, "tagsAll": TAGS}),
        ({}, {"tags": {}, "description": "", "permissionsBoundary": None, "policyArns": []}),
        ({"__pulumi_raw_state_delta": {"obj": 1}}, {"__pulumi_raw_state_delta": {"obj": 2}}),
        ({"__meta": "1"}, {"__defaults": []}),
        ({"assumeRolePolicy": '{"a": [1], "b": 2}'}, {"assumeRolePolicy": '{"b":2,"a":[1]}'}),
    ],
)
def test_outputs_that_this_program_or_the_state_alone_changes_are_no_drift(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    assert outside(before, after).outside == {}
    run = Run(refresh=True)
    run.event("resOutputsEvent", "update", ROLE, old={"custom": True, "outputs": before}, new={
        "custom": True, "outputs": after,
    })  # fmt: skip
    assert run.operations() == [(Operation.SAME, Phase.DONE)]


def test_what_somebody_changed_is_drift() -> None:
    before = {"tags": {"Team": "core"}, "tagsAll": TAGS, "description": "a", "policyArns": []}
    after = {"tags": {"Team": "x"}, "tagsAll": {"Team": "x"}, "description": "b", "policyArns": ["arn"]}
    assert outside(before, after, "update").outside.keys() == {"tags", "tagsAll", "description", "policyArns"}


def test_keys_of_the_bridge_are_never_shown_at_any_depth() -> None:
    run = Run()
    inputs = {"__defaults": ["path"], "name": "shop", "tags": {"__defaults": [], "Team": "core"}}
    run.event("resOutputsEvent", "create", ROLE, new={"custom": True, "inputs": inputs})
    assert run.steps[0].properties == {"name": "shop", "tags": {"Team": "core"}}


def test_json_of_an_aws_provider_is_compared_by_its_content() -> None:
    urn = "urn:pulumi:sandbox::p::a:b:C$pulumi:providers:aws::prod"
    spaced, compact = '[{"roleArn": "r", "externalId": "e"}]', '[{"externalId":"e","roleArn":"r"}]'
    for new, operation in (compact, Operation.SAME), (compact.replace('"r"', '"s"'), Operation.UPDATE):
        run = Run()
        sides = [{"custom": True, "inputs": {"assumeRoles": text}} for text in (spaced, new)]
        run.event("resOutputsEvent", "update", urn, old=sides[0], new=sides[1])
        assert run.operations() == [(operation, Phase.DONE)]


def test_the_outputs_of_the_stack_are_those_of_the_run_and_after_a_destroy_there_are_none() -> None:
    run = Run()
    run.event("resOutputsEvent", "same", STACK, new={"outputs": {"arns": ["x"]}})
    assert run.reader.summary().outputs == {"arns": ["x"]}
    gone = Run()
    gone.event("resOutputsEvent", "delete", STACK, old={"outputs": {"arns": ["x"]}}, new=None)
    assert gone.reader.summary().outputs == {}


def test_only_what_is_for_the_user_is_logged() -> None:
    run = Run()
    run.log("debug", "beginning rpc")
    run.log("info#err", "Traceback (most recent call last):")
    run.log("warning", "using pulumi-resource-aws from $PATH at /somewhere")
    run.log("warning", "about to expire\n")
    assert [message.text for message in run.logs] == ["about to expire"]


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Preview failed: AWS refused it", "AWS refused it"),
        (
            "Program failed with an unhandled exception:\nTraceback (most recent call last):\n  File x\nKeyError: 'a'",
            "the program failed: KeyError: 'a'",
        ),
    ],
)
def test_an_error_is_a_sentence(text: str, plain: str) -> None:
    assert plain_errors(text) == [plain]


def test_an_error_that_the_official_provider_logs_and_the_bridge_lists_is_told_once() -> None:
    first = "creating IAM Role (a): operation error IAM: CreateRole, StatusCode: 409, EntityAlreadyExists: it exists"
    second = "setting tags: AccessDenied: no\nnot allowed"
    run = Run()
    run.log("error", f"  sdk-v2/provider2.go:572: sdk.helper_schema: {first}: provider=aws@7.51.1")
    run.log("error", f"1 error occurred:\n\t* {first}\n\n")
    run.log("error", f"2 errors occurred:\n\t* {first}\n\t* {second}\n\n")
    assert run.reader.errors == [first, second]


def test_a_failure_says_what_went_wrong_once_and_not_that_something_did() -> None:
    run = Run()
    for text in ("AWS refused it", "AWS refused it", "update failed"):
        run.log("error", text)
    assert str(failure(run.reader.errors, Finished(1, ""))) == "AWS refused it"


def test_a_failure_before_any_event_says_what_the_cli_said() -> None:
    assert str(failure([], Finished(255, "warning: x\nerror: no such thing\n"))) == "no such thing"
    assert str(failure(["update failed"], Finished(1, ""))) == "update failed"
    assert str(failure([], Finished(7, ""))) == "the Pulumi CLI failed with exit code 7"


def test_many_errors_are_not_all_shown() -> None:
    text = str(failure([f"number {number}" for number in range(9)], Finished(1, "")))
    assert "number 4\nand 4 more errors" in text


def test_what_the_reads_before_an_up_found_stands_at_the_step_that_mends_it() -> None:
    run = Run()
    run.event("resOutputsEvent", "refresh", ROLE, old={"outputs": {"path": "/"}}, new={"outputs": {"path": "/x/"}})
    run.event("resOutputsEvent", "update", ROLE)
    run.event("resOutputsEvent", "refresh", f"{ROLE}/gone", old={"custom": True, "outputs": {}}, new=None)
    run.event("resOutputsEvent", "create", f"{ROLE}/gone")
    assert run.steps[0].outside == {"path": PropertyChange("/", "/x/")}
    assert [step.gone_outside for step in run.steps] == [False, True]


def test_what_forces_a_replacement_and_what_comes_and_goes_is_told() -> None:
    run = Run()
    old, new = {"custom": True, "inputs": {"path": "/a/", "t": 1}}, {"custom": True, "inputs": {"path": "/b/", "t": 2}}
    run.event("resOutputsEvent", "delete-replaced", ROLE, old=old, new=None)
    run.event("resOutputsEvent", "create-replacement", ROLE, old=old, new=new, keys=["path"], diffs=["path", "t"])
    assert run.steps[0].properties == old["inputs"]
    assert run.steps[1].properties == new["inputs"]
    assert run.steps[1].changes == {
        "path": PropertyChange("/a/", "/b/", forces_replacement=True),
        "t": PropertyChange(1, 2),
    }


def test_what_was_created_and_never_read_was_not_changed_outside() -> None:
    run = Run()
    unread = {"custom": True, "outputs": {"name": "shop"}}
    read = {"custom": True, "outputs": {"name": "shop", "arn": "arn:aws:iam::222222222222:role/shop"}}
    for errors, urn in ([], ROLE), (["AWS does not show it yet"], f"{ROLE}-2"):
        run.event("resOutputsEvent", "refresh", urn, old={**unread, "initErrors": errors}, new=read)
        run.event("resOutputsEvent", "same", urn, old=read, new=read)
    assert [set(step.outside) for step in run.steps] == [{"arn"}, set()]
