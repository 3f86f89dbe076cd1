"""Gap: every call comes from loopback. Headers of the sandbox say where a call is to seem to come from.

``aws:SourceIp`` is the address that one names. Another names a VPC endpoint, for ``aws:SourceVpce``: ministack does not
know that key, and a call through an endpoint has no ``aws:SourceIp``.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html, "Properties of the
network".
"""

from ipaddress import ip_address
from typing import Any

from oidc.limits import VPC_ENDPOINT_ID
from sandbox.emulated_aws.front.asgi import Application, Receive, Scope, Send, plain_answer
from sandbox.emulated_aws.front.network_keys import coming_from
from sandbox.emulated_aws.settings import SOURCE_IP_HEADER, SOURCE_VPCE_HEADER


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
