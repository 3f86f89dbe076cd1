"""Gaps of ministack's roles: names, the number of roles, texts in XML, pages of ListRoles, sessions, managed policies.

Sources: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html ("Names of users, groups, roles,
policies, … must be unique within the account and aren't distinguished by case"; roles in an AWS account) and the pages
of the operations under https://docs.aws.amazon.com/IAM/latest/APIReference/ and …/STS/latest/APIReference/.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from http import HTTPStatus
from xml.etree import ElementTree as ET
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


_NAMESPACE = "{https://iam.amazonaws.com/doc/2010-05-08/}"
_DEFAULT_PAGE, _LARGEST_PAGE = 100, 1000


def role_listing(_inner: Inner) -> Step:
    """Make the step for ListRoles: sorted by name, a page at a time."""

    async def step(call: AwsCall, proceed: Proceed) -> Answer:
        status, headers, body = await proceed(call)
        if status != 200:  # noqa: PLR2004 - HTTP
            return status, headers, body
        size, after = _page_size(call), _marker(call)
        elements = ET.fromstring(body).iterfind(f".//{_NAMESPACE}Roles/{_NAMESPACE}member")  # noqa: S314 - ministack's own answer
        roles = sorted(((_name(role), role) for role in elements), key=lambda named: named[0])
        following = [(name, role) for name, role in roles if name > after]
        page = following[:size]
        more = ""
        if len(following) > size:
            more = f"<Marker>{urlsafe_b64encode(page[-1][0].encode()).decode()}</Marker>"
        members = "".join(_without_tags(role) for _, role in page)
        truncated = str(bool(more)).lower()
        return success(call.action, f"<Roles>{members}</Roles><IsTruncated>{truncated}</IsTruncated>{more}")

    return step


def _page_size(call: AwsCall) -> int:
    asked = call.params.get("MaxItems", str(_DEFAULT_PAGE))
    if not (asked.isascii() and asked.isdigit() and 1 <= int(asked) <= _LARGEST_PAGE):
        raise RefusalError("ValidationError", f"Value '{asked}' at 'maxItems' must be from 1 to {_LARGEST_PAGE}")
    return int(asked)


def _marker(call: AwsCall) -> str:
    """Return the last name of the page before; the empty string for the first page."""
    try:
        return urlsafe_b64decode(call.params.get("Marker", "")).decode()
    except ValueError as error:
        raise RefusalError("ValidationError", "Invalid Marker.") from error


def _name(role: ET.Element) -> str:
    return role.findtext(f"{_NAMESPACE}RoleName", "")


def _without_tags(role: ET.Element) -> str:
    for tags in role.findall(f"{_NAMESPACE}Tags"):
        role.remove(tags)
    for element in role.iter():
        element.tag = element.tag.removeprefix(_NAMESPACE)
    return ET.tostring(role, encoding="unicode")


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
