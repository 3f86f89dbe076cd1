"""A TLS host on loopback whose certificates, documents and behaviour each test chooses."""

import contextlib
import json
import socket
import ssl
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import pytest
import trustme

from facts.http import Clock
from facts.issuer.certificates import fetch_thumbprints
from facts.issuer.connect import IssuerConnect
from oidc.errors import IssuerError

Reply = bytes | Callable[[], Iterator[bytes]]
"""A whole HTTP response, or its pieces as they are to leave; the connection ends where the pieces end without one."""

DISCOVERY_PATH = "/acme/.well-known/openid-configuration"

_PROXY_VARIABLES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY")


def http(status: str, body: bytes = b"", **headers: str) -> bytes:
    lines = [
        f"HTTP/1.1 {status}",
        f"Content-Length: {len(body)}",
        *(f"{name}: {text}" for name, text in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


class TlsHost:
    """Presents the given PEM certificates, whether they make sense or not, and serves replies by path."""

    def __init__(self, key: bytes, chain: Sequence[bytes], replies: Mapping[str, Reply]) -> None:
        self.replies = dict(replies)
        self.requests: list[bytes] = []
        self.server_names: list[str | None] = []
        self.connections = 0
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.sni_callback = lambda _socket, name, _context: self.server_names.append(name)
        with tempfile.NamedTemporaryFile() as pem:
            pem.write(key + b"".join(chain))
            pem.flush()
            self._context.load_cert_chain(pem.name)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def issuer(self, name: str = "localhost", *, jwks_uri: str | None = None) -> str:
        """Serve a discovery document, unless the test set another reply; return the issuer."""
        issuer = f"https://{name}:{self.port}/acme"
        body = json.dumps({"issuer": issuer, "jwks_uri": jwks_uri or f"{issuer}/keys.json"}).encode()
        self.replies.setdefault(DISCOVERY_PATH, http("200 OK", body))
        return issuer

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                accepted, _ = self._listening.accept()
                threading.Thread(target=self._serve, args=(accepted,), daemon=True).start()

    def _serve(self, accepted: socket.socket) -> None:
        accepted.settimeout(10)
        with (
            contextlib.suppress(OSError),
            accepted,
            self._context.wrap_socket(accepted, server_side=True) as connection,
        ):
            self.connections += 1
            while (request := _read_head(connection)) and self._reply(connection, request):
                pass

    def _reply(self, connection: ssl.SSLSocket, request: bytes) -> bool:
        self.requests.append(request)
        reply = self.replies.get(request.split()[1].decode(), http("404 Not Found"))
        if isinstance(reply, bytes):
            head, _, body = reply.partition(b"\r\n\r\n")
            connection.sendall(head + b"\r\n\r\n" + (b"" if request.startswith(b"HEAD") else body))
            return True
        for piece in reply():
            connection.sendall(piece)
        return False


def _read_head(connection: ssl.SSLSocket) -> bytes:
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        piece = connection.recv(4096)
        if not piece:
            return b""
        head += piece
    return head


StartHost = Callable[..., TlsHost]


class StoppedClock:
    """Time that passes by sleeping alone, and at once."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def clock(self) -> Clock:
        return Clock(now=lambda: sum(self.slept), sleep=self.slept.append)


class Refusal(Protocol):
    """Fetch the thumbprint of one issuer, which must fail with an IssuerError fit for a person; return that."""

    def __call__(
        self, issuer: str, *, connect: IssuerConnect | None = None, ca_file: Path | None = None, timeout: float = 10.0
    ) -> IssuerError: ...


@pytest.fixture
def stopped() -> StoppedClock:
    return StoppedClock()


@pytest.fixture
def refusal(stopped: StoppedClock) -> Refusal:
    def refusal(
        issuer: str, *, connect: IssuerConnect | None = None, ca_file: Path | None = None, timeout: float = 10.0
    ) -> IssuerError:
        with pytest.raises(IssuerError) as caught:
            fetch_thumbprints([issuer], connect=connect, ca_file=ca_file, timeout=timeout, clock=stopped.clock())
        assert "https://" in caught.value.what
        assert any(hint in caught.value.do for hint in ("thumbprints: omit", "slug", "the CA file belongs to"))
        assert str(caught.value).isprintable()
        return caught.value

    return refusal


@pytest.fixture
def start_host() -> Iterator[StartHost]:
    """Start TLS hosts: ``start_host(key, chain, replies)``, or ``start_host(leaf, replies=…)`` for one of trustme's."""
    with contextlib.ExitStack() as hosts:

        def start(
            key: bytes | trustme.LeafCert,
            chain: Sequence[bytes] | None = None,
            replies: Mapping[str, Reply] | None = None,
        ) -> TlsHost:
            if isinstance(key, trustme.LeafCert):
                chain = [pem.bytes() for pem in key.cert_chain_pems] if chain is None else chain
                key = key.private_key_pem.bytes()
            host = TlsHost(key, chain or (), replies or {})
            hosts.callback(host.close)
            return host

        yield start


@pytest.fixture
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_file(ca: trustme.CA, tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    ca.cert_pem.write_to_path(path)
    return path


@pytest.fixture(autouse=True)
def without_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in _PROXY_VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
