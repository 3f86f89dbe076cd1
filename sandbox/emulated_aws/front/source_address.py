"""Gap: every call comes from loopback. A header of the sandbox sets the address that ``aws:SourceIp`` means."""

from ipaddress import ip_address
from typing import Any

from sandbox.emulated_aws.front.asgi import Application, Receive, Scope, Send, plain_answer
from sandbox.emulated_aws.settings import SOURCE_IP_HEADER


def with_source_address(inner: Application) -> Application:
    """Wrap an ASGI application: where the header stands, its value becomes the peer of the connection.

    A value that is no IPv4 or IPv6 address is answered with 400. The signature of a call does not cover the header.
    """

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        values = [value for name, value in _headers(scope) if name == SOURCE_IP_HEADER.encode()]
        if not values:
            await inner(scope, receive, send)
            return
        try:
            address = str(ip_address(values[0].decode("ascii").strip()))
        except ValueError:
            await plain_answer(send, 400, f"{SOURCE_IP_HEADER} must be one IP address")
            return
        await inner({**scope, "client": (address, 0)}, receive, send)

    return application


def _headers(scope: Scope) -> list[tuple[bytes, bytes]]:
    headers: Any = scope.get("headers", [])
    return [(name.lower(), value) for name, value in headers]
