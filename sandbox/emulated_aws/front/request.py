"""The few words of ASGI that the front speaks (https://asgi.readthedocs.io/en/latest/specs/www.html)."""

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from ipaddress import ip_address
from typing import Any

from oidc.limits import VPC_ENDPOINT_ID
from sandbox.emulated_aws.inner import Inner, Keys, Resource
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


def only_the_aws_api(inner: Application) -> Application:
    """Wrap an ASGI application: GET and POST on ``/`` pass, as does the lifespan; the rest is answered with 404."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or _is_aws_call(scope):
            await inner(scope, receive, send)
        elif scope["type"] == "http":
            await plain_answer(send, 404, "the emulated AWS accounts answer the AWS API alone, on the path /")
        else:
            await send({"type": "websocket.close", "code": 1008})

    return application


def _is_aws_call(scope: Scope) -> bool:
    return scope["type"] == "http" and scope["path"] == "/" and scope["method"] in {"GET", "POST"}


NetworkKeys = Mapping[str, str | None]
"""``{"aws:sourcevpce": "vpce-0123456789abcdef0", "aws:sourceip": None}``: names in lower case; ``None``: is missing."""

_here: ContextVar[NetworkKeys | None] = ContextVar("network_keys", default=None)


def network_keys() -> NetworkKeys:
    """Return those of the call being served; those that are not there are as ministack sees them."""
    return _here.get() or {}


@contextmanager
def coming_from(address: str | None, endpoint: str | None) -> Iterator[None]:
    """Let what is called inside come from an address or through a VPC endpoint: never from both, as in AWS."""
    token = _here.set({"aws:sourceip": None if endpoint else address, "aws:sourcevpce": endpoint})
    try:
        yield
    finally:
        _here.reset(token)


def with_source_address(inner: Application) -> Application:
    """Wrap an ASGI application: where a header stands, the call comes from there.

    A value that is no IPv4 or IPv6 address, or no id of a VPC endpoint, is answered with 400. The signature of a call
    does not cover the headers.
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
    values = [value for found, value in headers if found.lower() == name.encode()]
    return values[0].decode("latin-1").strip() if values else None


_SETS_THE_BOUNDARY = frozenset({"CreateRole", "PutRolePermissionsBoundary"})
_HAS_THE_BOUNDARY = frozenset({
    "AttachRolePolicy", "DeleteRolePermissionsBoundary", "DeleteRolePolicy", "DetachRolePolicy", "PutRolePolicy",
})  # fmt: skip
_NAMES_A_POLICY = frozenset({"AttachRolePolicy", "DetachRolePolicy"})


def condition_keys(inner: Inner) -> Keys:
    """Return what finds the two keys of a call."""

    def keys(account: str, params: Mapping[str, str]) -> dict[str, str]:
        action, boundary = params.get("Action", ""), ""
        if action in _SETS_THE_BOUNDARY:
            boundary = params.get("PermissionsBoundary", "")
        elif action in _HAS_THE_BOUNDARY:
            role = inner.role(account, params.get("RoleName", "")) or {}
            boundary = str(role.get("PermissionsBoundary") or "")
        policy = params.get("PolicyArn", "") if action in _NAMES_A_POLICY else ""
        found = {"iam:PermissionsBoundary": boundary, "iam:PolicyARN": policy}
        return {key: value for key, value in found.items() if value}

    return keys


_SESSION = re.compile(r"arn:aws:sts::([0-9]{12}):assumed-role/([^/]+)/.+")


def principal_arn(inner: Inner) -> Callable[[str], str]:
    """Return what makes the value of the key of a caller's ARN: for a session the ARN of its role, else the same."""

    def arn_of(caller: str) -> str:
        match = _SESSION.fullmatch(caller)
        role = inner.role(match[1], match[2]) if match else None
        return caller if role is None else str(role["Arn"])

    return arn_of


def authorised_resource(inner: Inner) -> Resource:
    """Return what names the resource of calls on roles, OIDC providers and new policies; of others ministack does."""

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
        # A call that names an instance profile as well is authorised on that.
        return str(role["Arn"]) if role is not None and "InstanceProfileName" not in params else None

    return resource
