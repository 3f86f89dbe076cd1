"""Gaps of ministack's authorisation: the resource of a call, its condition keys, its origin, and simulation.

ministack still decides. This module tells it the resource of a call
(https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html).

Its simulator finds no role that has a path, and leaves the permissions boundary out. Here the role is found by its
whole ARN. The boundary's document is given to the same simulator, and both must allow, so this can only refuse more.
``aws:SourceIp`` and ``aws:SourceVpce`` come from context entries; without an entry they are missing. A second
resource, other context entries and further policies are refused, since ministack would ignore them. Sources:
https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html and
https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html. ASGI:
https://asgi.readthedocs.io/en/latest/specs/www.html.
"""

import json
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from ipaddress import ip_address
from typing import Any

from oidc.limits import VPC_ENDPOINT_ID
from sandbox.emulated_aws.inner import Inner, Keys, Resource
from sandbox.emulated_aws.query import Answer, AwsCall, Proceed, RefusalError, Step
from sandbox.emulated_aws.settings import SOURCE_IP_HEADER, SOURCE_VPCE_HEADER

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


async def plain_answer(send: Send, status: int, text: str) -> None:
    """Answer a request with a sentence in plain text."""
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text.encode()})


NetworkKeys = Mapping[str, str | None]
"""``{"aws:sourcevpce": "vpce-0123456789abcdef0", "aws:sourceip": None}``: lower-case names; ``None``: a missing key."""

_network_keys_of_call: ContextVar[NetworkKeys | None] = ContextVar("network_keys", default=None)


def network_keys() -> NetworkKeys:
    """Return the network keys of the present call; for other keys ministack's values apply."""
    return _network_keys_of_call.get() or {}


@contextmanager
def coming_from(address: str | None, endpoint: str | None) -> Iterator[None]:
    """Set the source address or the VPC endpoint of the calls in the block; never both, as in AWS."""
    token = _network_keys_of_call.set({"aws:sourceip": None if endpoint else address, "aws:sourcevpce": endpoint})
    try:
        yield
    finally:
        _network_keys_of_call.reset(token)


def with_source_address(inner: Application) -> Application:
    """Wrap an ASGI application: take the source of a call from the headers, if they are set.

    The answer is 400 if a value is not an IPv4 or IPv6 address, or not the id of a VPC endpoint. The signature of a
    call does not cover these headers.
    """

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        address, endpoint = _header(scope, SOURCE_IP_HEADER), _header(scope, SOURCE_VPCE_HEADER)
        if address is not None:
            try:
                scope = {**scope, "client": (str(ip_address(address)), 0)}
            except ValueError:
                await plain_answer(send, 400, f"{SOURCE_IP_HEADER} must be one IP address")
                return
        if endpoint is None:
            await inner(scope, receive, send)
            return
        if VPC_ENDPOINT_ID.fullmatch(endpoint) is None:
            await plain_answer(send, 400, f"{SOURCE_VPCE_HEADER} must be the id of a VPC endpoint")
            return
        with coming_from(None, endpoint):
            await inner(scope, receive, send)

    return application


def _header(scope: Scope, name: str) -> str | None:
    headers: Any = scope.get("headers", [])
    values = [value for header, value in headers if header.lower() == name.encode()]
    return values[0].decode("latin-1").strip() if values else None


_SETS_THE_BOUNDARY = frozenset({"CreateRole", "PutRolePermissionsBoundary"})
_HAS_THE_BOUNDARY = frozenset({
    "AttachRolePolicy", "DeleteRolePermissionsBoundary", "DeleteRolePolicy", "DetachRolePolicy", "PutRolePolicy",
})  # fmt: skip
_NAMES_A_POLICY = frozenset({"AttachRolePolicy", "DetachRolePolicy"})


def condition_keys(inner: Inner) -> Keys:
    """Return the function that finds ``iam:PermissionsBoundary`` and ``iam:PolicyARN`` of a call."""

    def keys(account: str, params: Mapping[str, str]) -> dict[str, str]:
        action, boundary = params.get("Action", ""), ""
        if action in _SETS_THE_BOUNDARY:
            boundary = params.get("PermissionsBoundary", "")
        elif action in _HAS_THE_BOUNDARY:
            role = inner.role(account, params.get("RoleName", "")) or {}
            boundary = str(role.get("PermissionsBoundary") or "")
        policy = params.get("PolicyArn", "") if action in _NAMES_A_POLICY else ""
        values = {"iam:PermissionsBoundary": boundary, "iam:PolicyARN": policy}
        return {key: value for key, value in values.items() if value}

    return keys


_SESSION = re.compile(r"arn:aws:sts::([0-9]{12}):assumed-role/([^/]+)/.+")


def principal_arn(inner: Inner) -> Callable[[str], str]:
    """Return the function for ``aws:PrincipalArn``: for a session the ARN of its role, else the caller's ARN."""

    def arn_of(caller: str) -> str:
        match = _SESSION.fullmatch(caller)
        role = inner.role(match[1], match[2]) if match else None
        return caller if role is None else str(role["Arn"])

    return arn_of


def authorised_resource(inner: Inner) -> Resource:
    """Return the function that names the resource of calls on roles, OIDC providers and new policies.

    For other calls it returns ``None``, and ministack names the resource.
    """

    def resource(account: str, params: Mapping[str, str]) -> str | None:
        start, action = f"arn:aws:iam::{account}", params.get("Action", "")
        if action == "CreateRole":
            return f"{start}:role{params.get('Path') or '/'}{params.get('RoleName', '')}"
        if action == "CreatePolicy":
            return f"{start}:policy{params.get('Path') or '/'}{params.get('PolicyName', '')}"
        if action == "CreateOpenIDConnectProvider":
            return f"{start}:oidc-provider/{params.get('Url', '').removeprefix('https://').rstrip('/')}"
        if arn := params.get("OpenIDConnectProviderArn"):
            return arn
        role = inner.role(account, params.get("RoleName", ""))
        # A call that also names an instance profile is authorised on that.
        return str(role["Arn"]) if role is not None and "InstanceProfileName" not in params else None

    return resource


_SIMULATED_ROLE = re.compile(r"arn:aws:iam::[0-9]{12}:role/(?:[!-~]+/)?([\w+=,.@-]{1,64})", re.ASCII)
_ACTION = re.compile(r"[A-Za-z0-9-]+:[A-Za-z0-9]+", re.ASCII)
_RESOURCE = re.compile(r"[^<&]+")
_SIMULATED_PARAMETERS = re.compile(
    r"Action|Version|PolicySourceArn|ActionNames\.member\.[0-9]+|ResourceArns\.member\.1|"
    r"ContextEntries\.member\.[12]\.(?:ContextKeyName|ContextKeyType|ContextKeyValues\.member\.1)", re.ASCII,
)  # fmt: skip
_NETWORK = {"aws:sourceip": "ip", "aws:sourcevpce": "string"}
_DECISION = re.compile(r"<EvalDecision>(\w+)</EvalDecision>")
_ALLOWS_NOTHING = {"Version": "2012-10-17", "Statement": []}


def policy_simulation(inner: Inner) -> Step:
    """Make the step for SimulatePrincipalPolicy."""

    async def step(call: AwsCall, proceed: Proceed) -> Answer:
        _refuse_what_is_not_simulated(call)
        role = _simulated_role(inner, call)
        without_path = call.params["PolicySourceArn"].partition(":role/")[0] + f":role/{role['RoleName']}"
        with coming_from(*_origin(call)):
            return await simulate(call, proceed, role, without_path)

    async def simulate(call: AwsCall, proceed: Proceed, role: Mapping[str, Any], without_path: str) -> Answer:
        status, headers, body = await proceed(call.with_params(PolicySourceArn=without_path))
        boundary = role.get("PermissionsBoundary")
        if not boundary:
            return status, headers, body
        document = inner.managed_policy_document(call.account, boundary) or _ALLOWS_NOTHING
        text = document if isinstance(document, str) else json.dumps(document)
        custom = {**call.params, "Action": "SimulateCustomPolicy", "PolicyInputList.member.1": text}
        custom.pop("PolicySourceArn")
        _, _, of_boundary = await proceed(AwsCall(call.service, call.account, call.caller, custom))
        return status, headers, _within(body, of_boundary)

    return step


def _refuse_what_is_not_simulated(call: AwsCall) -> None:
    beyond = sorted(name for name in call.params if not _SIMULATED_PARAMETERS.fullmatch(name))
    if beyond:
        message = f"The sandbox simulates actions on one resource, without {', '.join(beyond)}."
        raise RefusalError("InvalidInput", message)
    actions = call.members("ActionNames")
    if not actions or not all(_ACTION.fullmatch(action) for action in actions):
        raise RefusalError("InvalidInput", "ActionNames must be names of actions.")
    if not _RESOURCE.fullmatch(call.params.get("ResourceArns.member.1", "*")):
        raise RefusalError("InvalidInput", "The sandbox simulates no resource with < or & in its ARN.")


def _origin(call: AwsCall) -> tuple[str | None, str | None]:
    """Return the address and the VPC endpoint in the context entries."""
    values: dict[str, str] = {}
    for number in range(1, 3):
        entry = f"ContextEntries.member.{number}"
        if (name := call.params.get(f"{entry}.ContextKeyName")) is None:
            continue
        if _NETWORK.get(name.lower()) != call.params.get(f"{entry}.ContextKeyType"):
            raise RefusalError("InvalidInput", "The sandbox takes aws:SourceIp (ip) and aws:SourceVpce (string) alone.")
        values[name.lower()] = call.params.get(f"{entry}.ContextKeyValues.member.1", "")
    return values.get("aws:sourceip"), values.get("aws:sourcevpce")


def _simulated_role(inner: Inner, call: AwsCall) -> Mapping[str, Any]:
    arn = call.params["PolicySourceArn"]
    match = _SIMULATED_ROLE.fullmatch(arn)
    if match is None:
        raise RefusalError("InvalidInput", "The sandbox simulates the policies of roles alone.")
    role = inner.role(call.account, match[1])
    if role is None or role["Arn"] != arn:
        raise RefusalError("NoSuchEntity", f"The role {arn} cannot be found.", 404)
    return role


def _within(of_policies: bytes, of_boundary: bytes) -> bytes:
    """Allow an action only if both answers allow it; both list the actions in the same order."""
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
