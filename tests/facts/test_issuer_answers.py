"""An answer that is no discovery document of the issuer: one IssuerError that says what to do."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import trustme

if TYPE_CHECKING:
    from tests.facts.conftest import Refusal, StartHost

PATH = "/acme/.well-known/openid-configuration"


def http(status: str, body: bytes = b"", extra: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{extra}\r\n".encode() + body


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (http("404 Not Found"), "status 404"),
        (http("401 Unauthorized"), "status 401"),
        (http("501 Not Implemented"), "status 501"),
        (http("400 Bad Request"), "status 400"),
        (http("307 Temporary Redirect", extra="Location: https://localhost/elsewhere\r\n"), "which is not followed"),
        (http("204 No Content"), "status 204"),
        (http("302 Found", extra="Location: https://login.example/\r\n"), "'https://login.example/'"),
        (http("301 Moved", extra="Location: \x1b[2J/x\r\n"), "redirect"),
        (http("200 OK", b" " * 65_537), "larger than 65536 bytes"),
        (http("200 OK", b"<html>"), "not JSON"),
        (http("200 OK", b"[]"), "not a JSON object"),
        (http("200 OK", b'{"issuer": "https://x"}'), "jwks_uri is missing"),
        (http("200 OK", b'{"issuer": "https://x", "jwks_uri": "https://x/k"}'), "another issuer"),
        (http("200 OK", b"\xff\xfe{}"), "not JSON"),
        (http("200 OK", b""), "not JSON"),
        (b"SSH-2.0-x\r\n\r\n", "could not be fetched"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "could not be fetched"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc", "could not be fetched"),
    ],
)
def test_an_answer_that_is_no_document_of_the_issuer_is_refused(
    refusal: "Refusal", start_host: "StartHost", ca: trustme.CA, ca_file: Path, *, reply: bytes, message: str
) -> None:
    host = start_host(ca.issue_cert("localhost"), replies={PATH: reply})
    assert message in refusal(host.issuer(), ca_file=ca_file).what
    assert len(host.requests) == 1


def test_the_error_for_a_missing_document_says_when_bitbucket_serves_it(
    refusal: "Refusal", start_host: "StartHost", ca: trustme.CA, ca_file: Path
) -> None:
    host = start_host(ca.issue_cert("localhost"), replies={PATH: http("404 Not Found")})
    error = refusal(host.issuer(), ca_file=ca_file)
    assert "OpenID Connect is switched on and a pipeline has run" in error.do


def test_an_answer_without_end_is_not_read_to_its_end(
    refusal: "Refusal", start_host: "StartHost", ca: trustme.CA, ca_file: Path
) -> None:
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        yield b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n"
        while sent < 99_999_999:
            sent += 4096
            yield b" " * 4096

    host = start_host(ca.issue_cert("localhost"), replies={PATH: endless})
    assert "larger than" in refusal(host.issuer(), ca_file=ca_file).what
    assert sent < 20_000_000
