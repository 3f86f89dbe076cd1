"""Endpoints of the sandbox: an address that replaces AWS or Bitbucket must be on this machine."""

import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from oidc.errors import UsageError

_LOOPBACK = re.compile(r"http://(?:127(?:\.[0-9]{1,3}){3}|\[::1\]):[0-9]{1,5}/?", re.ASCII)


def is_on_this_machine(url: str) -> bool:
    """Tell whether a URL is on this machine for every URL parser: ``http://127.0.0.1:4566``."""
    return _LOOPBACK.fullmatch(url) is not None


_LOOPBACK_V4 = ipaddress.IPv4Network("127.0.0.0/8")
_LOOPBACK_V6 = ipaddress.IPv6Address("::1")


@dataclass(frozen=True)
class IssuerConnect:
    """Connect to this address instead of the issuer's, and trust only this CA.

    Only the TCP connection changes. Server name indication, ``Host`` header and host name check still use the issuer's
    host, so the server needs a certificate for that name.

    Attributes:
        address: ``127.0.0.1:8443``, ``[::1]:8443`` or ``localhost:8443`` (which means ``127.0.0.1``). Only loopback
            is allowed (127.0.0.0/8 and ::1, https://www.rfc-editor.org/rfc/rfc6890): a thumbprint from elsewhere would
            be unchecked, and AWS would trust any host there.
        ca_file: A PEM file with the root certificate to trust instead of the public ones.

    Raises:
        UsageError: The address is not loopback, or has no port.
    """

    address: str
    ca_file: Path

    def __post_init__(self) -> None:
        _loopback_endpoint(self.address)

    @property
    def endpoint(self) -> tuple[str, int]:
        """IP address and port to connect to: ``("127.0.0.1", 8443)``."""
        return _loopback_endpoint(self.address)


def _loopback_endpoint(address: str) -> tuple[str, int]:
    try:
        parts = urlsplit(f"//{address}")
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise _refused(address) from error
    host = "127.0.0.1" if host == "localhost" else host
    if not host or not port or parts.netloc != address or "@" in address or not _is_loopback(host):
        raise _refused(address)
    return host, port


def _is_loopback(host: str) -> bool:
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        return False
    return ip in _LOOPBACK_V4 if isinstance(ip, ipaddress.IPv4Address) else ip == _LOOPBACK_V6


def _refused(address: str) -> UsageError:
    return UsageError(
        f"issuerConnect must be an address of this machine with a port, not {address[:200]!r}",
        do='write it like "127.0.0.1:8443"; outside the sandbox, remove issuerConnect',
    )
