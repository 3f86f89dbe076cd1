"""Gap: ministack's simulator finds no role that has a path, and leaves the role's permissions boundary out.

Here the role is found by its whole ARN, and what the boundary does not allow is not allowed: the boundary's document is
given to the same simulator, and both must allow. So every verdict is ministack's, and this can only refuse more.
``aws:SourceIp`` and ``aws:SourceVpce`` are what context entries say, missing where none does: ministack has an address
of its own for them. What it would read past (a second resource, other context entries, further policies) is refused.

Source: https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html and
https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.emulated_aws.front.request import coming_from
from sandbox.emulated_aws.inner import Inner
from sandbox.emulated_aws.query import Answer, AwsCall, Proceed, RefusalError, Step

_ROLE = re.compile(r"arn:aws:iam::[0-9]{12}:role/(?:[!-~]+/)?([\w+=,.@-]{1,64})", re.ASCII)
_ACTION = re.compile(r"[A-Za-z0-9-]+:[A-Za-z0-9]+", re.ASCII)
_RESOURCE = re.compile(r"[^<&]+")
_READ = re.compile(
    r"Action|Version|PolicySourceArn|ActionNames\.member\.[0-9]+|ResourceArns\.member\.1|"
    r"ContextEntries\.member\.[12]\.(?:ContextKeyName|ContextKeyType|ContextKeyValues\.member\.1)", re.ASCII,
)  # fmt: skip
_NETWORK = {"aws:sourceip": "ip", "aws:sourcevpce": "string"}
_DECISION = re.compile(r"<EvalDecision>(\w+)</EvalDecision>")
_NOTHING = {"Version": "2012-10-17", "Statement": []}


def policy_simulation(inner: Inner) -> Step:
    """Make the step for SimulatePrincipalPolicy."""

    async def step(call: AwsCall, proceed: Proceed) -> Answer:
        _refuse_what_is_not_simulated(call)
        role = _role(inner, call)
        without_path = call.params["PolicySourceArn"].partition(":role/")[0] + f":role/{role['RoleName']}"
        with coming_from(*_origin(call)):
            return await simulate(call, proceed, role, without_path)

    async def simulate(call: AwsCall, proceed: Proceed, role: Mapping[str, Any], without_path: str) -> Answer:
        status, headers, body = await proceed(call.with_params(PolicySourceArn=without_path))
        boundary = role.get("PermissionsBoundary")
        if not boundary:
            return status, headers, body
        document = inner.managed_policy_document(call.account, boundary) or _NOTHING
        text = document if isinstance(document, str) else json.dumps(document)
        custom = {**call.params, "Action": "SimulateCustomPolicy", "PolicyInputList.member.1": text}
        custom.pop("PolicySourceArn")
        _, _, of_boundary = await proceed(AwsCall(call.service, call.account, call.caller, custom))
        return status, headers, _within(body, of_boundary)

    return step


def _refuse_what_is_not_simulated(call: AwsCall) -> None:
    beyond = sorted(name for name in call.params if not _READ.fullmatch(name))
    if beyond:
        message = f"The sandbox simulates actions on one resource, without {', '.join(beyond)}."
        raise RefusalError("InvalidInput", message)
    actions = call.members("ActionNames")
    if not actions or not all(_ACTION.fullmatch(action) for action in actions):
        raise RefusalError("InvalidInput", "ActionNames must be names of actions.")
    if not _RESOURCE.fullmatch(call.params.get("ResourceArns.member.1", "*")):
        raise RefusalError("InvalidInput", "The sandbox simulates no resource with < or & in its ARN.")


def _origin(call: AwsCall) -> tuple[str | None, str | None]:
    """Return address and VPC endpoint that the context entries name."""
    found: dict[str, str] = {}
    for number in range(1, 3):
        entry = f"ContextEntries.member.{number}"
        if (name := call.params.get(f"{entry}.ContextKeyName")) is None:
            continue
        if _NETWORK.get(name.lower()) != call.params.get(f"{entry}.ContextKeyType"):
            raise RefusalError("InvalidInput", "The sandbox takes aws:SourceIp (ip) and aws:SourceVpce (string) alone.")
        found[name.lower()] = call.params.get(f"{entry}.ContextKeyValues.member.1", "")
    return found.get("aws:sourceip"), found.get("aws:sourcevpce")


def _role(inner: Inner, call: AwsCall) -> Mapping[str, Any]:
    arn = call.params["PolicySourceArn"]
    match = _ROLE.fullmatch(arn)
    if match is None:
        raise RefusalError("InvalidInput", "The sandbox simulates the policies of roles alone.")
    role = inner.role(call.account, match[1])
    if role is None or role["Arn"] != arn:
        raise RefusalError("NoSuchEntity", f"The role {arn} cannot be found.", 404)
    return role


def _within(of_policies: bytes, of_boundary: bytes) -> bytes:
    """Let an action pass only where both answers, in the same order, allow it."""
    limits: Iterator[str] = iter(_DECISION.findall(of_boundary.decode()))

    def both(match: re.Match[str]) -> str:
        limit = next(limits)
        decisions = {match[1], limit}
        denied = "explicitDeny" if "explicitDeny" in decisions else "implicitDeny"
        decision = "allowed" if decisions == {"allowed"} else denied
        within = str(limit == "allowed").lower()
        return (
            f"<EvalDecision>{decision}</EvalDecision><PermissionsBoundaryDecisionDetail>"
            f"<AllowedByPermissionsBoundary>{within}</AllowedByPermissionsBoundary></PermissionsBoundaryDecisionDetail>"
        )

    return _DECISION.sub(both, of_policies.decode()).encode()
