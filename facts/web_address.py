"""Addresses of servers that a user may name: https, or plain http on this machine only."""

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from cryptography import x509

from oidc.errors import UsageError

_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class WebAddress:
    """A URL to send requests to; credentials go only to its host.

    Attributes:
        url: Without a slash at the end: ``https://api.bitbucket.org/2.0``.
        origin: Scheme, host and port: ``("https", "api.bitbucket.org", 443)``
            (https://www.rfc-editor.org/rfc/rfc6454#section-4).
    """

    url: str
    origin: tuple[str, str, int]

    @classmethod
    def parse(cls, text: str, *, named: str) -> "WebAddress":
        """Parse a URL from a user; ``named`` is its source for messages: ``--bitbucket-url``.

        Raises:
            UsageError: It is neither an https URL nor an http URL of this machine, or it has a login, a query or a
                fragment. The message does not repeat a login.
        """
        do = "write https://HOST/PATH; http:// is allowed only for this machine"
        parts = _split(text)
        if parts is None or not text.isascii() or not text.isprintable() or " " in text:
            raise UsageError(f"{named} is not a URL", do=do)
        if "@" in parts.netloc:
            raise UsageError(
                f"{named} has a login in it", do="give credentials in the environment: see docs/concepts/lock.md"
            )
        origin = origin_of(text)
        if origin is None:
            raise UsageError(f"{named} is not a URL of a server: {text[:200]!r}", do=do)
        if parts.query or parts.fragment:
            raise UsageError(f"{named} has a query or a fragment: {text[:200]!r}", do="remove that part")
        if origin[0] == "http" and not is_loopback(origin[1]):
            raise UsageError(f"{named} is not https: {text[:200]!r}", do=do)
        return cls(text.rstrip("/"), origin)

    @property
    def is_loopback(self) -> bool:
        """Tell whether the server is on this machine."""
        return is_loopback(self.origin[1])

    @property
    def connect_to(self) -> str:
        """Host and port, as in ``127.0.0.1:8443`` or ``[::1]:8443``."""
        _, host, port = self.origin
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def origin_of(url: str) -> tuple[str, str, int] | None:
    """Return scheme, host and port of an http or https URL, or ``None`` for any other text."""
    parts = _split(url)
    if parts is None or parts.scheme not in _PORTS or not parts.hostname:
        return None
    return parts.scheme, parts.hostname.rstrip("."), parts.port or _PORTS[parts.scheme]


def target_on_same_host(url: str, location: str) -> str | None:
    """Return the URL that a ``Location`` leads to; ``None`` for another host, scheme or port, or an invalid URL."""
    if location.startswith("/") and not location.startswith("//"):
        parts = urlsplit(url)
        location = f"{parts.scheme}://{parts.netloc}{location}"
    is_plain = location.isascii() and location.isprintable() and "@" not in location and " " not in location
    return location if location and is_plain and origin_of(location) == origin_of(url) else None


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises for an invalid port
    except ValueError:
        return None
    return parts


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine, without asking a name server."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def checked_ca_file(path: Path) -> Path:
    """Return a PEM file of CAs to trust, after reading it.

    Raises:
        UsageError: The file cannot be read, or has no certificate.
    """
    try:
        x509.load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError) as error:
        raise UsageError(
            f"the CA file {path} cannot be used: {error}", do="give a PEM file with at least one certificate"
        ) from error
    return path
