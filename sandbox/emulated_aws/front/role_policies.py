"""The text of a policy document: its size as AWS counts it, and its JSON without a key given twice."""

import json
import re
from http import HTTPStatus
from typing import Any
from xml.sax.saxutils import escape

from oidc.limits import INLINE_POLICY_CHARS_PER_ROLE, MANAGED_POLICIES_PER_ROLE
from sandbox.emulated_aws.inner import Inner
from sandbox.emulated_aws.query import Answer, AwsCall, Proceed, RefusalError, Step, success
from sandbox.emulated_aws.settings import EmulatorSettings


def counted_characters(document: str) -> int:
    """Count characters without white space.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    """
    return sum(not character.isspace() for character in document)


def malformed(message: str) -> RefusalError:
    """Return the refusal of a policy document that breaks the policy grammar."""
    return RefusalError("MalformedPolicyDocument", message)


def parse_document(text: str) -> dict[str, Any]:
    """Read a policy document as JSON.

    Raises:
        RefusalError: It is no JSON object, or an object in it has a key twice.
    """
    try:
        document = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except ValueError as error:
        raise malformed("This policy contains invalid Json") from error
    if not isinstance(document, dict):
        raise malformed("Syntax errors in policy.")
    return document


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise malformed("Syntax errors in policy.")
    return members


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def inline_policy_size(inner: Inner) -> Step:
    """Make the step for PutRolePolicy."""

    async def step(call: AwsCall, proceed: Proceed) -> Answer:
        role_name = call.params["RoleName"]
        role = inner.role(call.account, role_name)
        if role is not None:
            documents = {**role["InlinePolicies"], call.params["PolicyName"]: call.params["PolicyDocument"]}
            if sum(map(counted_characters, documents.values())) > INLINE_POLICY_CHARS_PER_ROLE:
                raise RefusalError(
                    "LimitExceeded",
                    f"Maximum policy size of {INLINE_POLICY_CHARS_PER_ROLE} bytes exceeded for role {role_name}",
                    409,
                )
        return await proceed(call)

    return step


POLICY_ARN = re.compile(r"arn:aws:iam::([0-9]{12}|aws):policy/(?:[!-~]+/)?[\w+=,.@-]{1,128}", re.ASCII)
"""The ARN of a managed policy in partition ``aws``; the first group is its account, or ``aws`` for one of AWS's own."""


def managed_policies(inner: Inner, settings: EmulatorSettings) -> Step:
    """Make the step for AttachRolePolicy."""

    async def step(call: AwsCall, proceed: Proceed) -> Answer:
        arn = call.params["PolicyArn"]
        role = inner.role(call.account, call.params["RoleName"])
        if role is not None and arn not in role["AttachedPolicies"]:
            _refuse_absent(inner, call.account, arn)
            quota = settings.quota_of(call.account, MANAGED_POLICIES_PER_ROLE)
            if len(role["AttachedPolicies"]) >= quota:
                raise RefusalError("LimitExceeded", f"Cannot exceed quota for PoliciesPerRole: {quota}", 409)
        return await proceed(call)

    return step


async def get_policy(call: AwsCall, proceed: Proceed) -> Answer:
    """Answer GetPolicy (https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetPolicy.html).

    One of AWS's own that ministack does not know is there, as it is for AttachRolePolicy; its document is not.
    """
    answer = await proceed(call)
    arn = call.params["PolicyArn"]
    match = POLICY_ARN.fullmatch(arn)
    if answer[0] != HTTPStatus.NOT_FOUND or match is None or match[1] != "aws":
        return answer
    path, _, name = arn.partition(":policy")[2].rpartition("/")
    return success(
        "GetPolicy",
        f"<Policy><PolicyName>{escape(name)}</PolicyName><Arn>{escape(arn)}</Arn><Path>{escape(path)}/</Path>"
        "<DefaultVersionId>v1</DefaultVersionId><IsAttachable>true</IsAttachable></Policy>",
    )


def _refuse_absent(inner: Inner, account: str, arn: str) -> None:
    match = POLICY_ARN.fullmatch(arn)
    if match is None:
        raise RefusalError("InvalidInput", f"ARN {arn} is not valid.")
    if match[1] != "aws" and not (match[1] == account and inner.policy_exists(account, arn)):
        raise RefusalError("NoSuchEntity", f"Policy {arn} does not exist or is not attachable.", 404)


def boundaries(inner: Inner) -> Step:
    """Make the step for CreateRole and PutRolePermissionsBoundary."""

    async def step(call: AwsCall, proceed: Proceed) -> Answer:
        arn = call.params.get("PermissionsBoundary", "")
        match = POLICY_ARN.fullmatch(arn)
        if match is not None and match[1] == "aws":
            inner.know_aws_managed_policy(arn)
        return await proceed(call)

    return step
