"""The stack of one account: read it, make or change it through CloudFormation, and wait for the result.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_Operations.html
"""

import json
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml
from botocore.exceptions import ClientError

from facts.aws.callers import Caller
from facts.aws.failures import code_of, explained
from oidc.errors import AwsError

DENIED = "use credentials that may change stacks, roles and policies in this account, such as an administrator's"
STACK_SECONDS = 900.0
"""For one stack; CloudFormation needs about a minute for these resources."""

UPDATABLE = frozenset({
    "CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE", "IMPORT_ROLLBACK_COMPLETE",
})  # fmt: skip
"""States in which a stack can be updated
(https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html)."""

_DONE = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE"})
_REVIEW, _IN_PROGRESS = "REVIEW_IN_PROGRESS", "_IN_PROGRESS"
_LONGEST_PAUSE = 5.0
_REFUSED = "ValidationError"


@dataclass(frozen=True, slots=True)
class FoundStack:
    """A stack.

    Attributes:
        id: ``arn:aws:cloudformation:eu-west-1:222222222222:stack/bitbucket-oidc-bootstrap/1f2e…``.
        status: ``CREATE_COMPLETE``.
        template: Its parsed template; ``None`` if it cannot be parsed.
        resources: Names of its roles and ARNs of its policies, by logical id.
        failure: For a stack that cannot be updated, the first resource that failed, and why; else the empty string.
    """

    id: str
    status: str
    template: object = None
    resources: Mapping[str, str] = field(default_factory=dict)
    failure: str = ""

    @property
    def is_updatable(self) -> bool:
        """Tell whether the stack exists completely, and nothing happens to it."""
        return self.status in UPDATABLE

    @property
    def is_in_progress(self) -> bool:
        """Tell whether CloudFormation works on it. A stack that only has a change set waits for somebody."""
        return self.status.endswith(_IN_PROGRESS) and self.status != _REVIEW

    @property
    def is_done(self) -> bool:
        """Tell whether the last operation did what it was to do."""
        return self.status in _DONE


@dataclass(frozen=True, slots=True)
class CloudFormationStack:
    """The stacks of one name in a region of an account.

    Attributes:
        caller: The account's caller.
        name: ``bitbucket-oidc-bootstrap``.
        region: ``eu-west-1``.
    """

    caller: Caller
    name: str
    region: str

    def find(self) -> FoundStack | None:
        """Read the stack; ``None`` if there is no stack of this name.

        Raises:
            AwsError: CloudFormation refused the call or did not answer.
        """
        client = self._client
        with explained(f"the stack {self.name} in {self.region}", denied=DENIED):
            try:
                found = client.describe_stacks(StackName=self.name)["Stacks"][0]
            except ClientError as error:
                # A name of a valid form is refused only if there is no such stack.
                if code_of(error) == _REFUSED:
                    return None
                raise
            stack = FoundStack(str(found["StackId"]), str(found["StackStatus"]))
            if not stack.is_updatable:
                failure = "" if stack.is_in_progress else self._failure(stack.id, found)
                return FoundStack(stack.id, stack.status, failure=failure)
            template = client.get_template(StackName=self.name)["TemplateBody"]
            pages = client.get_paginator("list_stack_resources").paginate(StackName=self.name)
            resources = [listed for page in pages for listed in page["StackResourceSummaries"]]
        names = {
            str(resource["LogicalResourceId"]): str(resource.get("PhysicalResourceId", "")) for resource in resources
        }
        return FoundStack(stack.id, stack.status, _parsed(template), names)

    def create(self, template: Mapping[str, Any]) -> FoundStack:
        """Create the stack, and return it as it is at the end.

        Raises:
            AwsError: CloudFormation refused, did not answer, or is not finished in time.
        """
        return self._changed("create_stack", template)

    def update(self, template: Mapping[str, Any]) -> FoundStack | None:
        """Update the stack, and return it as it is at the end; ``None`` if CloudFormation sees nothing to change.

        CloudFormation also refuses, with the same error code, an update of a stack on which it already works.

        Raises:
            AwsError: As for ``create``.
        """
        try:
            return self._changed("update_stack", template)
        except AwsError as error:
            cause = error.__cause__
            if isinstance(cause, ClientError) and code_of(cause) == _REFUSED and self._is_updatable():
                return None
            raise

    def _is_updatable(self) -> bool:
        stack = self.find()
        return stack is not None and stack.is_updatable

    def _changed(self, call: str, template: Mapping[str, Any]) -> FoundStack:
        with explained(f"the stack {self.name} in {self.region}", denied=DENIED):
            answer = getattr(self._client, call)(
                StackName=self.name,
                TemplateBody=body_of(template),
                Capabilities=["CAPABILITY_NAMED_IAM"],
                # botocore repeats a call that was not answered; with the token it has no second effect.
                ClientRequestToken=str(uuid.uuid4()),
            )
            return self._settled(str(answer["StackId"]))

    def _settled(self, stack_id: str) -> FoundStack:
        deadline, pause = time.monotonic() + STACK_SECONDS, 0.25
        while True:
            found = self._client.describe_stacks(StackName=stack_id)["Stacks"][0]
            stack = FoundStack(stack_id, str(found["StackStatus"]))
            if not stack.is_in_progress:
                return FoundStack(
                    stack_id, stack.status, failure="" if stack.is_done else self._failure(stack_id, found)
                )
            if time.monotonic() > deadline:
                what = f"the stack {self.name} is still {stack.status} after {STACK_SECONDS:.0f} seconds"
                raise AwsError(what, do="run the same command again when it is finished")
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _failure(self, stack_id: str, found: Mapping[str, Any]) -> str:
        """Return the first resource that failed in the last operation, and why: CloudFormation stops at the first."""
        failed = list(self._failed_resources(stack_id))
        if failed:
            reason = str(failed[-1].get("ResourceStatusReason", "no reason")).rstrip(". ")
            return f"{failed[-1].get('LogicalResourceId')} ({failed[-1].get('ResourceType')}): {reason}"
        return str(found.get("StackStatusReason", ""))

    def _failed_resources(self, stack_id: str) -> Iterator[Mapping[str, Any]]:
        """Yield the failures of the last operation; CloudFormation returns the newest event first."""
        for page in self._client.get_paginator("describe_stack_events").paginate(StackName=stack_id):
            for event in page["StackEvents"]:
                status = str(event.get("ResourceStatus", ""))
                if event.get("PhysicalResourceId") == stack_id:
                    if status.endswith(_IN_PROGRESS) and "ROLLBACK" not in status and "CLEANUP" not in status:
                        return
                elif status.endswith("_FAILED"):
                    yield event

    @property
    def _client(self) -> Any:  # noqa: ANN401 - botocore makes its clients at run time
        return self.caller.client("cloudformation", self.region)


def body_of(template: Mapping[str, Any]) -> str:
    """Return the text of a template, in JSON without white space."""
    return json.dumps(template, separators=(",", ":"))


def _parsed(template: object) -> object:
    """Parse a template: botocore parses JSON, and hands over YAML as text."""
    if not isinstance(template, str):
        return json.loads(json.dumps(template))
    try:
        return yaml.safe_load(template)
    except yaml.YAMLError:
        return None
