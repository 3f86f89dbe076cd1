"""CloudFormation's answers: refusals, silence and odd ones are one line, and the reason of a failure is the first."""

from collections.abc import Iterator

import pytest

from access.plan import AccountCredentials
from facts.aws.callers import AccountClients, CallSettings
from facts.aws.cloudformation_stack import CloudFormationStack
from oidc.arn import Partition
from oidc.errors import AwsError
from tests.facts.aws.answering_aws import AnsweringAws, Reply, refused, result

ID = "arn:aws:cloudformation:eu-west-1:222222222222:stack/bootstrap/1f2e"
YAML = "Resources:\n  Role:\n    Type: AWS::IAM::Role\n"


@pytest.fixture
def aws() -> Iterator[AnsweringAws]:
    running = AnsweringAws()
    yield running
    running.close()


@pytest.fixture
def stacks(aws: AnsweringAws, monkeypatch: pytest.MonkeyPatch) -> CloudFormationStack:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "222222222222")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    clients = AccountClients(CallSettings(aws.endpoint, attempts=1))
    return CloudFormationStack(clients.enter(AccountCredentials(), Partition.AWS), "bootstrap", "eu-west-1")


def described(status: str) -> Reply:
    member = f"<StackId>{ID}</StackId><StackName>bootstrap</StackName><StackStatus>{status}</StackStatus>"
    date = "<CreationTime>2026-01-01T00:00:00Z</CreationTime><StackStatusReason>because</StackStatusReason>"
    return result("DescribeStacks", f"<Stacks><member>{member}{date}</member></Stacks>")


def event(name: str, status: str, reason: str = "", physical: str = "role") -> str:
    return (
        f"<member><StackId>{ID}</StackId><EventId>1</EventId><StackName>bootstrap</StackName>"
        f"<LogicalResourceId>{name}</LogicalResourceId><PhysicalResourceId>{physical}</PhysicalResourceId>"
        f"<ResourceType>AWS::IAM::Role</ResourceType><Timestamp>2026-01-01T00:00:00Z</Timestamp>"
        f"<ResourceStatus>{status}</ResourceStatus><ResourceStatusReason>{reason}</ResourceStatusReason></member>"
    )


def events(*listed: str) -> Reply:
    return result("DescribeStackEvents", f"<StackEvents>{''.join(listed)}</StackEvents>")


REFUSALS = {
    "AccessDenied": "use credentials that may change stacks, roles and policies in this account",
    "AccessDeniedException": "use credentials that may change stacks, roles and policies in this account",
    "Throttling": "AWS throttled the calls again and again: run the same command later",
    "ExpiredToken": "log in again (`aws sso login`, or new temporary credentials), and run the same command again",
    "InvalidClientTokenId": "check the credentials of this run",
}


@pytest.mark.parametrize("code", REFUSALS)
def test_a_refusal_at_any_call_is_one_line_with_what_to_do(
    code: str, aws: AnsweringAws, stacks: CloudFormationStack
) -> None:
    created = result("CreateStack", f"<StackId>{ID}</StackId>")
    for action in ("DescribeStacks", "CreateStack"):
        aws.replies = {"DescribeStacks": described("CREATE_IN_PROGRESS"), "CreateStack": created}
        aws.replies[action] = refused(code)
        with pytest.raises(AwsError) as caught:
            stacks.create({"Resources": {}})
        assert f"the stack bootstrap in eu-west-1: AWS refused {action}: {code}" in str(caught.value)
        assert REFUSALS[code] in str(caught.value)
        assert "\n" not in str(caught.value)


def test_an_answer_from_a_proxy_is_one_line(aws: AnsweringAws, stacks: CloudFormationStack) -> None:
    for reply in ((200, "<html>log in</html>"), (200, ""), (503, "busy"), result("DescribeStacks", "<Stacks/>")):
        aws.replies = {"DescribeStacks": reply}
        with pytest.raises(AwsError) as caught:
            stacks.find()
        assert "\n" not in str(caught.value)


def test_a_stack_that_takes_too_long_is_left_to_cloudformation(
    aws: AnsweringAws, stacks: CloudFormationStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("facts.aws.cloudformation_stack.STACK_SECONDS", -1.0)
    aws.replies = {
        "DescribeStacks": described("CREATE_IN_PROGRESS"),
        "CreateStack": result("CreateStack", f"<StackId>{ID}</StackId>"),
    }
    with pytest.raises(AwsError, match=r"still CREATE_IN_PROGRESS after .* seconds; run the same command again when"):
        stacks.create({"Resources": {}})


def test_the_reason_is_the_first_failure_of_the_last_operation(aws: AnsweringAws, stacks: CloudFormationStack) -> None:
    aws.replies = {
        "DescribeStacks": described("UPDATE_ROLLBACK_COMPLETE"),
        "UpdateStack": result("UpdateStack", f"<StackId>{ID}</StackId>"),
        "DescribeStackEvents": events(
            event("bootstrap", "UPDATE_ROLLBACK_COMPLETE", physical=ID),
            event("bootstrap", "UPDATE_ROLLBACK_IN_PROGRESS", "The following resources failed", physical=ID),
            event("Second", "UPDATE_FAILED", "Resource update cancelled"),
            event("First", "UPDATE_FAILED", "not authorized to perform iam:UpdateRole."),
            event("bootstrap", "UPDATE_IN_PROGRESS", "User Initiated", physical=ID),
            event("Earlier", "CREATE_FAILED", "of another operation"),
        ),
    }
    updated = stacks.update({"Resources": {}})
    assert updated is not None
    assert (updated.is_done, updated.failure) == (
        False,
        "First (AWS::IAM::Role): not authorized to perform iam:UpdateRole",
    )
    aws.replies["DescribeStackEvents"] = events()
    again = stacks.update({"Resources": {}})
    assert again is not None
    assert again.failure == "because"


def test_an_update_without_changes_is_none_and_one_of_a_busy_stack_is_refused(
    aws: AnsweringAws, stacks: CloudFormationStack
) -> None:
    aws.replies = {
        "DescribeStacks": described("CREATE_COMPLETE"),
        "UpdateStack": refused("ValidationError", message="No updates are to be performed."),
        "GetTemplate": result("GetTemplate", f"<TemplateBody>{YAML}</TemplateBody>"),
        "ListStackResources": result("ListStackResources", "<StackResourceSummaries/>"),
    }
    assert stacks.update({"Resources": {}}) is None
    aws.replies["DescribeStacks"] = described("UPDATE_IN_PROGRESS")
    with pytest.raises(AwsError, match="AWS refused UpdateStack: ValidationError"):
        stacks.update({"Resources": {}})


@pytest.mark.parametrize(
    ("body", "parsed"),
    [
        (YAML, {"Resources": {"Role": {"Type": "AWS::IAM::Role"}}}),
        ('{"Resources": {"Role": {"Type": "AWS::IAM::Role"}}}', {"Resources": {"Role": {"Type": "AWS::IAM::Role"}}}),
        ("Resources: !GetAtt A", None),
        ("a: [", None),
    ],
)
def test_templates_in_yaml_and_json_are_read(
    body: str, parsed: object, aws: AnsweringAws, stacks: CloudFormationStack
) -> None:
    aws.replies = {
        "DescribeStacks": described("CREATE_COMPLETE"),
        "GetTemplate": result("GetTemplate", f"<TemplateBody>{body}</TemplateBody>"),
        "ListStackResources": result("ListStackResources", "<StackResourceSummaries/>"),
    }
    found = stacks.find()
    assert found is not None
    assert found.template == parsed
