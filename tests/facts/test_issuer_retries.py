"""What may pass is tried again: at most twice, after a growing pause, within the issuer's time. No test sleeps."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from facts import http
from facts.issuer.certificates import fetch_thumbprints
from facts.issuer.connect import IssuerConnect

if TYPE_CHECKING:
    from tests.facts.conftest import Refusal, Reply, StartHost, StoppedClock, TlsHost

PATH = "/acme/.well-known/openid-configuration"
TRANSIENT = ["429 Too Many Requests", "500 Oops", "502 Bad Gateway", "503 Unavailable", "504 Gateway Timeout"]


def answer(status: str, *headers: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", "Content-Length: 0", *headers, "", ""]).encode()


def closing() -> Iterator[bytes]:
    yield b""


def at_first(host: "TlsHost", *faults: "Reply") -> str:
    """Have a host answer with these one after another, and then with its document; return the issuer."""
    issuer = host.issuer()
    waiting = [*faults, host.replies[PATH]]

    def pieces() -> Iterator[bytes]:
        reply = waiting.pop(0)
        yield from [reply] if isinstance(reply, bytes) else reply()

    host.replies[PATH] = pieces
    return issuer


@pytest.fixture
def host(start_host: "StartHost", ca: trustme.CA) -> "TlsHost":
    return start_host(ca.issue_cert("localhost"))


@pytest.mark.parametrize("fault", [*map(answer, TRANSIENT), closing])
@pytest.mark.parametrize("times", [1, 2])
def test_a_temporary_failure_is_tried_again(
    host: "TlsHost", ca_file: Path, stopped: "StoppedClock", *, times: int, fault: "Reply"
) -> None:
    issuer = at_first(host, *[fault] * times)
    assert issuer in fetch_thumbprints([issuer], ca_file=ca_file, clock=stopped.clock())
    assert len(host.requests) == times + 1
    assert stopped.slept == [0.5, 1.5][:times]


@pytest.mark.parametrize("status", TRANSIENT)
def test_an_answer_that_stays_is_an_error_after_three_tries(
    refusal: "Refusal", host: "TlsHost", ca_file: Path, stopped: "StoppedClock", status: str
) -> None:
    host.replies[PATH] = answer(status)
    assert f"was answered with status {status[:3]} (tried 3 times)" in refusal(host.issuer(), ca_file=ca_file).what
    assert len(host.requests) == 3
    assert host.connections == 1
    assert stopped.slept == [0.5, 1.5]


def test_a_connection_that_is_always_closed_is_an_error_after_three_tries(
    refusal: "Refusal", host: "TlsHost", ca_file: Path
) -> None:
    host.replies[PATH] = closing
    error = refusal(host.issuer(), ca_file=ca_file)
    assert "it closed the connection without an answer (tried 3 times)" in error.what
    assert len(host.requests) == 3


def test_a_closed_port_is_tried_three_times(refusal: "Refusal", ca_file: Path, stopped: "StoppedClock") -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    error = refusal(f"https://localhost:{port}/acme", ca_file=ca_file)
    assert "it refused the connection (tried 3 times)" in error.what
    assert stopped.slept == [0.5, 1.5]


@pytest.mark.parametrize("how", ["reset", "close"])
def test_a_connection_that_ends_within_the_handshake_is_tried_three_times(
    refusal: "Refusal", ca_file: Path, how: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        taken = ends_each(listening, how)
        error = refusal(f"https://localhost:{listening.getsockname()[1]}/acme", ca_file=ca_file)
    assert "it closed the connection without an answer (tried 3 times)" in error.what
    assert len(taken) == 3


def ends_each(listening: socket.socket, how: str) -> list[bytes]:
    taken: list[bytes] = []

    def serve() -> None:
        for _ in range(3):
            connection, _peer = listening.accept()
            with connection:
                taken.append(connection.recv(4096))
                if how == "reset":
                    # With no time to linger, the end of a connection is a reset.
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    threading.Thread(target=serve, daemon=True).start()
    return taken


@pytest.mark.parametrize(("failing", "works"), [(2, True), (3, False)])
def test_a_connection_that_is_not_taken_in_time_is_tried_again(
    start_host: "StartHost",
    refusal: "Refusal",
    ca: trustme.CA,
    *,
    ca_file: Path,
    stopped: "StoppedClock",
    monkeypatch: pytest.MonkeyPatch,
    failing: int,
    works: bool,
) -> None:
    host = start_host(ca.issue_cert("issuer.example"))
    connect = IssuerConnect(f"127.0.0.1:{host.port}", ca_file)
    issuer = host.issuer("issuer.example")
    limits: list[Any] = []
    real = socket.create_connection

    def create_connection(address: Any, timeout: Any = None, *options: Any) -> socket.socket:
        limits.append(timeout)
        if len(limits) <= failing:
            raise TimeoutError
        return real(address, timeout, *options)

    monkeypatch.setattr(socket, "create_connection", create_connection)
    if works:
        assert fetch_thumbprints([issuer], connect=connect, timeout=6, clock=stopped.clock())
    else:
        assert "in time (tried 3 times)" in refusal(issuer, connect=connect, timeout=6).what
    assert limits == [2, 2, 2]


FINAL: dict[str, Callable[[], Iterator[bytes]] | bytes] = {
    "404": answer("404 Not Found"),
    "302": answer("302 Found", "Location: https://elsewhere.example/"),
    "501": answer("501 Not Implemented"),
    "not http": b"SSH-2.0-x\r\n\r\n",
    "not json": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
    "half a body": lambda: iter([b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"]),
}


@pytest.mark.parametrize("fault", FINAL)
def test_everything_else_fails_at_once(
    refusal: "Refusal", host: "TlsHost", ca_file: Path, stopped: "StoppedClock", fault: str
) -> None:
    host.replies[PATH] = FINAL[fault]
    assert "tried" not in refusal(host.issuer(), ca_file=ca_file).what
    assert len(host.requests) == 1
    assert stopped.slept == []


def test_an_untrusted_certificate_is_final(
    refusal: "Refusal", start_host: "StartHost", ca_file: Path, stopped: "StoppedClock"
) -> None:
    host = start_host(trustme.CA().issue_cert("localhost"))
    assert "not trusted" in refusal(host.issuer(), ca_file=ca_file).what
    assert stopped.slept == []


def test_no_pause_reaches_beyond_the_issuers_time(
    refusal: "Refusal", host: "TlsHost", ca_file: Path, stopped: "StoppedClock"
) -> None:
    host.replies[PATH] = answer("503 Unavailable")
    assert "status 503 (tried 2 times)" in refusal(host.issuer(), ca_file=ca_file, timeout=2.0).what
    assert stopped.slept == [0.5]


@pytest.mark.parametrize(("asked", "slept"), [("3", [3.0, 3.0]), ("0", [0.5, 1.5]), ("6", []), ("99999999999", [])])
def test_a_small_retry_after_is_honoured_and_a_large_one_is_final(
    refusal: "Refusal", host: "TlsHost", ca_file: Path, stopped: "StoppedClock", *, asked: str, slept: list[float]
) -> None:
    host.replies[PATH] = answer("429 Too Many Requests", f"Retry-After: {asked}")
    assert "status 429" in refusal(host.issuer(), ca_file=ca_file).what
    assert stopped.slept == slept


def pause_after(status: int, asked: str, pause: float, longest: float = 5.0) -> float | None:
    retries = http.Retries(longest_retry_after=longest)
    return retries.pause_after(http.Reply("https://x.example/", status, {"Retry-After": asked}, b""), pause)


@given(
    st.sampled_from(sorted(http.TRANSIENT_STATUSES)),
    st.text() | st.integers(min_value=0).map(str),
    st.floats(min_value=0, max_value=5),
    st.sampled_from([5.0, 120.0]),
)
def test_no_retry_after_makes_a_pause_shorter_or_long(status: int, asked: str, pause: float, longest: float) -> None:
    seconds = pause_after(status, asked, pause, longest)
    assert seconds is None or pause <= seconds <= longest


@pytest.mark.parametrize("status", [200, 204, 301, 400, 401, 403, 404, 408, 501])
def test_other_answers_are_final(status: int) -> None:
    assert pause_after(status, "1", 0.5) is None


def test_whatever_the_host_of_the_keys_answers_its_certificates_are_enough(
    start_host: "StartHost", host: "TlsHost", ca: trustme.CA, ca_file: Path, stopped: "StoppedClock"
) -> None:
    keys_host = start_host(ca.issue_cert("localhost"), replies={"/keys": answer("503 Unavailable")})
    issuer = host.issuer(jwks_uri=f"https://localhost:{keys_host.port}/keys")
    assert fetch_thumbprints([issuer], ca_file=ca_file, clock=stopped.clock())
    assert len(keys_host.requests) == 1
    assert stopped.slept == []


def test_the_host_of_the_keys_is_tried_again_too(
    refusal: "Refusal", host: "TlsHost", ca_file: Path, stopped: "StoppedClock"
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    error = refusal(host.issuer(jwks_uri=f"https://localhost:{port}/keys"), ca_file=ca_file)
    assert error.what.startswith(f"https://localhost:{port}/keys could not be fetched: it refused the connection")
    assert stopped.slept == [0.5, 1.5]
