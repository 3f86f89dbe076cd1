"""Gap: ministack finds a role by the last part of its ARN, and takes any duration.

Here AssumeRole and AssumeRoleWithWebIdentity need the role's whole ARN, its path included, and a duration within the
role's longest session. What the duration may be at all, and the session's name, is in the service model.

Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html ("You receive an error if the value is
higher than the maximum session duration setting"); role chaining "limits your … session to a maximum of one hour".
"""

import re

from sandbox.emulated_aws.inner import Inner
from sandbox.emulated_aws.query import Answer, Call, Proceed, RefusalError, Step

_ROLE_ARN = re.compile(r"arn:aws:iam::([0-9]{12}):role/(?:[!-~]+/)?([\w+=,.@-]{1,64})", re.ASCII)
_CHAINED_SECONDS_MAX = 3600


def role_sessions(inner: Inner) -> Step:
    """Make the step for AssumeRole and AssumeRoleWithWebIdentity."""

    async def step(call: Call, proceed: Proceed) -> Answer:
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


def _not_authorized(call: Call, arn: str) -> str:
    """Return the refusal that does not tell a role that is not there from one that does not trust the caller."""
    if call.action == "AssumeRoleWithWebIdentity":
        return "Not authorized to perform sts:AssumeRoleWithWebIdentity"
    return f"User: {call.caller} is not authorized to perform: sts:AssumeRole on resource: {arn}"
