"""Proxies of the environment: HTTP CONNECT alone, and none on the way to an emulated Bitbucket."""

import contextlib
import hashlib
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import trustme

from facts.issuer.certificates import fetch_thumbprints
from facts.issuer.connect import IssuerConnect
from oidc.errors import IssuerError

if TYPE_CHECKING:
    from tests.facts.conftest import StartHost, StoppedClock, TlsHost

ISSUERS = [f"https://issuer.example/{slug}" for slug in ("acme", "other")]


class ConnectProxy:
    """Sends whoever asks by CONNECT to one port of this machine, or answers with a status of its own."""

    def __init__(self) -> None:
        self.heads: list[bytes] = []
        self.target_port = 0
        self.status = b"200 Connection established"
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://me:secret@127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), client:
            self.heads.append(client.recv(4096))
            client.sendall(b"HTTP/1.1 " + self.status + b"\r\n\r\n")
            if not self.status.startswith(b"200"):
                return
            with socket.create_connection(("127.0.0.1", self.target_port)) as target:
                threading.Thread(target=copy, args=(target, client), daemon=True).start()
                copy(client, target)


def copy(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while piece := source.recv(4096):
            sink.sendall(piece)
        sink.shutdown(socket.SHUT_WR)


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[ConnectProxy]:
    proxy = ConnectProxy()
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    yield proxy
    proxy.close()


@pytest.fixture
def issuer_host(start_host: "StartHost", ca: trustme.CA) -> "TlsHost":
    host = start_host(ca.create_child_ca().issue_cert("issuer.example"))
    for issuer in ISSUERS:
        body = json.dumps({"issuer": issuer, "jwks_uri": f"{issuer}/keys.json"}).encode()
        path = issuer.removeprefix("https://issuer.example") + "/.well-known/openid-configuration"
        host.replies[path] = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    return host


def test_a_proxy_is_asked_to_connect_and_the_hosts_own_chain_counts(
    proxy: ConnectProxy, start_host: "StartHost", ca: trustme.CA, ca_file: Path, issuer_host: "TlsHost"
) -> None:
    proxy.target_port = issuer_host.port

    thumbprints = fetch_thumbprints(ISSUERS, ca_file=ca_file)

    with socket.create_connection(("127.0.0.1", issuer_host.port)) as plain:
        context = ssl.create_default_context(cafile=ca_file)
        with context.wrap_socket(plain, server_hostname="issuer.example") as direct:
            own = hashlib.sha1(direct.getpeercert(binary_form=True) or b"").hexdigest()
    assert set(thumbprints) == set(ISSUERS)
    assert len(set(thumbprints.values())) == 1
    assert own not in thumbprints.values()
    [head] = proxy.heads
    assert head.startswith(b"CONNECT issuer.example:443 HTTP/1.")
    assert b"Proxy-Authorization: Basic" in head
    assert issuer_host.server_names == ["issuer.example"] * 2
    assert all(b"Proxy-" not in request for request in issuer_host.requests)


def test_a_proxy_that_intercepts_tls_is_refused(proxy: ConnectProxy, start_host: "StartHost", ca_file: Path) -> None:
    proxy.target_port = start_host(trustme.CA().issue_cert("issuer.example")).port
    with pytest.raises(IssuerError, match=r"not trusted.*no proxy intercepts TLS"):
        fetch_thumbprints(ISSUERS, ca_file=ca_file)


def test_a_proxy_that_refuses_is_named_as_the_cause(proxy: ConnectProxy) -> None:
    proxy.status = b"403 Forbidden"
    with pytest.raises(IssuerError, match=r"the proxy did not connect: .*403 Forbidden.*HTTPS_PROXY") as caught:
        fetch_thumbprints(ISSUERS)
    assert "secret" not in str(caught.value)


def test_an_unreachable_proxy_is_named_as_the_cause(proxy: ConnectProxy, stopped: "StoppedClock") -> None:
    proxy.close()
    with pytest.raises(IssuerError, match=r"the proxy did not connect.*\(tried 3 times\)"):
        fetch_thumbprints(ISSUERS, clock=stopped.clock())


@pytest.mark.parametrize("scheme", ["https", "socks5", "socks5h"])
def test_other_kinds_of_proxies_are_refused(monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"{scheme}://127.0.0.1:1")
    with pytest.raises(IssuerError, match="only http:// proxies"):
        fetch_thumbprints(ISSUERS)


def test_hosts_in_no_proxy_are_reached_directly(
    proxy: ConnectProxy, monkeypatch: pytest.MonkeyPatch, start_host: "StartHost", ca: trustme.CA, ca_file: Path
) -> None:
    monkeypatch.setenv("NO_PROXY", "localhost")
    host = start_host(ca.issue_cert("localhost"))
    with pytest.raises(IssuerError, match="status 404"):
        fetch_thumbprints([f"https://localhost:{host.port}"], ca_file=ca_file)
    assert proxy.heads == []


def test_an_address_of_this_machine_is_reached_without_a_proxy(
    proxy: ConnectProxy, ca_file: Path, issuer_host: "TlsHost"
) -> None:
    fetch_thumbprints(ISSUERS, connect=IssuerConnect(f"127.0.0.1:{issuer_host.port}", ca_file))
    assert issuer_host.connections == 1
    assert proxy.heads == []
