"""Gaps of ministack's roles: names, the number of roles, texts in XML, sessions, managed policies.

Sources: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html ("Names of users, groups, roles,
policies, … must be unique within the account and aren't distinguished by case"; roles in an AWS account) and the pages
of the operations under https://docs.aws.amazon.com/IAM/latest/APIReference/ and …/STS/latest/APIReference/.
"""

import re
from http import HTTPStatus
from xml.sax.saxutils import escape

from oidc.limits import MANAGED_POLICIES_PER_ROLE, ROLES_PER_ACCOUNT
from sandbox.emulated_aws.inner import Inner
from sandbox.emulated_aws.query import Answer, AwsCall, Proceed, RefusalError, Step, success
from sandbox.emulated_aws.settings import EmulatorSettings


def role_names(inner: Inner, settings: EmulatorSettings) -> Step:
    """Make the step for CreateRole."""

    async def step(call: AwsCall, proceed: Proceed) -> Answer:
        name = call.params["RoleName"]
        taken = [existing.lower() for existing in inner.role_names()]
        if name.lower() in taken:
            raise RefusalError("EntityAlreadyExists", f"Role with name {name} already exists.", 409)
        quota = settings.quota_of(call.account, ROLES_PER_ACCOUNT)
        if len(taken) >= quota:
            raise RefusalError("LimitExceeded", f"Cannot exceed quota for RolesPerAccount: {quota}", 409)
        return await proceed(call)

    return step


_UNWRITABLE = frozenset("&<")


async def escape_texts(call: AwsCall, proceed: Proceed) -> Answer:
    """Escape the description of CreateRole, UpdateRole and UpdateRoleDescription as XML text.

    Its length is checked before. ministack refuses a description whose escaped form is longer than 1,000 characters.

    A path cannot be escaped, since it is part of the ARN. A path with ``&`` or ``<`` is refused, though AWS accepts it:
    it would break ListRoles for the whole account.
    """
    if not _UNWRITABLE.isdisjoint(call.params.get("Path", "")):
        message = "The sandbox cannot hold a role whose path has & or < in it, though AWS can."
        raise RefusalError("InvalidInput", message)
    description = call.params.get("Description")
    if description is None:
        return await proceed(call)
    return await proceed(call.with_params(Description=escape(description)))


_ROLE_ARN = re.compile(r"arn:aws:iam::([0-9]{12}):role/(?:[!-~]+/)?([\w+=,.@-]{1,64})", re.ASCII)
_CHAINED_SECONDS_MAX = 3600


def role_sessions(inner: Inner) -> Step:
    """Make the step for AssumeRole and AssumeRoleWithWebIdentity."""

    async def step(call: AwsCall, proceed: Proceed) -> Answer:
        arn = call.params["RoleArn"]
        match = _ROLE_ARN.fullmatch(arn)
        if match is None:
            raise RefusalError("ValidationError", "Request ARN is invalid")
        role = inner.role(match[1], match[2])
        if role is None or role["Arn"] != arn:
            raise RefusalError("AccessDenied", _not_authorized(call, arn), 403)
        seconds = int(call.params.get("DurationSeconds", 3600))
        if seconds > role["MaxSessionDuration"]:
            message = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
            raise RefusalError("ValidationError", message)
        if call.action == "AssumeRole" and ":assumed-role/" in call.caller and seconds > _CHAINED_SECONDS_MAX:
            message = (
                "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
            )
            raise RefusalError("ValidationError", message)
        return await proceed(call)

    return step


def _not_authorized(call: AwsCall, arn: str) -> str:
    """Return the message for an absent role; AWS gives the same one if the role does not trust the caller."""
    if call.action == "AssumeRoleWithWebIdentity":
        return "Not authorized to perform sts:AssumeRoleWithWebIdentity"
    return f"User: {call.caller} is not authorized to perform: sts:AssumeRole on resource: {arn}"


POLICY_ARN = re.compile(r"arn:aws:iam::([0-9]{12}|aws):policy/(?:[!-~]+/)?[\w+=,.@-]{1,128}", re.ASCII)
"""The ARN of a managed policy in partition ``aws``; the first group is its account, or ``aws`` if AWS manages it."""


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

    An AWS-managed policy that ministack does not know exists, as for AttachRolePolicy, but without its document.
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
