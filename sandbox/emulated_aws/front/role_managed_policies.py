"""Gap: ministack attaches policies that do not exist, and any number of them.

Source: https://docs.aws.amazon.com/IAM/latest/APIReference/API_AttachRolePolicy.html and
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html. There is no complete list of AWS-managed
policies that works offline, so every well-formed ``arn:aws:iam::aws:policy/…`` is taken for one; those whose document
ministack does not have grant nothing. GetPolicy finds what AttachRolePolicy takes.
"""

import re
from http import HTTPStatus
from xml.sax.saxutils import escape

from sandbox.emulated_aws.inner import Inner
from sandbox.emulated_aws.query import Answer, Call, Proceed, RefusalError, Step, success
from sandbox.emulated_aws.settings import Settings

POLICY_ARN = re.compile(r"arn:aws:iam::([0-9]{12}|aws):policy/(?:[!-~]+/)?[\w+=,.@-]{1,128}", re.ASCII)
"""The ARN of a managed policy in partition ``aws``; the first group is its account, or ``aws`` for one of AWS's own."""


def managed_policies(inner: Inner, settings: Settings) -> Step:
    """Make the step for AttachRolePolicy."""

    async def step(call: Call, proceed: Proceed) -> Answer:
        arn = call.params["PolicyArn"]
        role = inner.role(call.account, call.params["RoleName"])
        if role is not None and arn not in role["AttachedPolicies"]:
            _refuse_absent(inner, call.account, arn)
            quota = settings.quotas_of(call.account).managed_policies_per_role
            if len(role["AttachedPolicies"]) >= quota:
                raise RefusalError("LimitExceeded", f"Cannot exceed quota for PoliciesPerRole: {quota}", 409)
        return await proceed(call)

    return step


async def get_policy(call: Call, proceed: Proceed) -> Answer:
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
