"""A host that is not reached, or does not answer: one IssuerError, in bounded time."""

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import trustme

from facts.issuer.certificates import fetch_thumbprints
from facts.issuer.connect import IssuerConnect
from oidc.errors import IssuerError

if TYPE_CHECKING:
    from tests.facts.conftest import Refusal, StartHost

PATH = "/acme/.well-known/openid-configuration"


def test_a_port_where_nobody_listens(refusal: "Refusal", ca_file: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert "refused the connection" in refusal(f"https://localhost:{port}/acme", ca_file=ca_file).what
    connect = IssuerConnect(f"127.0.0.1:{port}", ca_file)
    assert "refused the connection" in refusal("https://issuer.example/acme", connect=connect).what


def test_a_name_that_does_not_resolve(refusal: "Refusal", monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    error = refusal("https://issuer.invalid/acme")
    assert "cannot be resolved: Name or service not known" in error.what


@pytest.mark.parametrize("name", ["a" * 64 + ".example", "a..example", "*.example"])
def test_a_name_that_cannot_exist(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(IssuerError):
        fetch_thumbprints([f"https://{name}/acme"])


def test_a_host_that_does_not_speak_tls(refusal: "Refusal", ca_file: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as plain:
        error: list[IssuerError] = []
        answer_once(plain, b"HTTP/1.1 400 Bad Request\r\n\r\n")
        error.append(refusal(f"https://localhost:{plain.getsockname()[1]}/acme", ca_file=ca_file))
    assert "TLS failed" in error[0].what


def test_a_host_that_never_answers(refusal: "Refusal", ca_file: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        error = refusal(f"https://localhost:{silent.getsockname()[1]}/acme", ca_file=ca_file, timeout=0.2)
    assert "did not answer in time" in error.what
    assert time.monotonic() - began < 3


@pytest.mark.parametrize("first", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"], ids=["head", "body"])
def test_a_host_that_sends_a_byte_now_and_then(
    refusal: "Refusal", start_host: "StartHost", ca: trustme.CA, ca_file: Path, first: bytes
) -> None:
    def drip() -> Iterator[bytes]:
        yield first
        for _ in range(40):
            time.sleep(0.1)
            yield b"H"

    host = start_host(ca.issue_cert("localhost"), replies={PATH: drip})
    began = time.monotonic()
    error = refusal(host.issuer(), ca_file=ca_file, timeout=0.5)
    assert "did not answer in time" in error.what
    assert time.monotonic() - began < 3


def answer_once(listening: socket.socket, answer: bytes) -> None:
    def serve() -> None:
        connection, _ = listening.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(answer)

    threading.Thread(target=serve, daemon=True).start()
