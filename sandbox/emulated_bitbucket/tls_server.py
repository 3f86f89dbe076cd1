"""HTTP/1.1 over TLS on loopback, in threads of this process, silent."""

import contextlib
import json
import socket
import socketserver
import ssl
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from requests.structures import CaseInsensitiveDict

from oidc.errors import SandboxError
from sandbox.emulated_bitbucket.exchange import HttpAnswer, Request, error_answer

_IDLE_SECONDS = 60.0
"""A connection that says nothing for so long is closed, and so is one that does not finish its handshake."""

_MAX_BODY_BYTES = 1_000_000


class TlsServer(ThreadingHTTPServer):
    """Serves JSON documents on 127.0.0.1, one thread for each connection; none of them holds up the process's end.

    Args:
        port: 0 for any free one.
        host: The only name that it answers to, in the ``Host`` header; and its address.
        host_file: PEM of the host's key and of the chain to present.
        answer: From a request to what to say.

    Raises:
        SandboxError: The port is taken, or the certificate cannot be used.
    """

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, port: int, host: str, host_file: Path, answer: Callable[[Request], HttpAnswer]) -> None:
        self.host = host
        self.answer = answer
        self.connections = 0
        self._lock = threading.Lock()
        self._open: set[ssl.SSLSocket] = set()
        try:
            self._tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            self._tls.minimum_version = ssl.TLSVersion.TLSv1_2
            self._tls.load_cert_chain(host_file)
            super().__init__(("127.0.0.1", port), _Handler)
        except (OSError, OverflowError) as error:
            raise SandboxError(
                f"the emulated Bitbucket cannot listen on 127.0.0.1:{port}: {error}",
                do="choose another port, or end what holds it",
            ) from error

    def server_bind(self) -> None:
        """Bind without the look-up of the machine's name that the base class does, which may ask a name server."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", int(self.server_address[1])

    def finish_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - the base class's signature
        """Shake hands and serve one connection; in its thread, so that a slow one keeps nobody waiting."""
        request.settimeout(_IDLE_SECONDS)
        with self._tls.wrap_socket(request, server_side=True) as connection:
            with self._lock:
                self.connections += 1
                self._open.add(connection)
            try:
                super().finish_request(connection, client_address)
            finally:
                with self._lock:
                    self._open.discard(connection)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - the base class's signature
        """Say nothing: a client that goes away, or does not trust the certificate, is no event here."""

    def close(self) -> None:
        """Stop listening and end the connections that clients keep alive."""
        self.shutdown()
        self.server_close()
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):  # gone by itself
                    connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    """One connection: requests one after the other until the client, or the server, is done."""

    server: TlsServer
    server_version = "EmulatedBitbucket"
    protocol_version = "HTTP/1.1"
    timeout = _IDLE_SECONDS
    disable_nagle_algorithm = True
    wbufsize = 1 << 16  # headers and body leave together; the base class flushes after each request

    def do_GET(self) -> None:
        self._respond(body=True)

    def do_HEAD(self) -> None:
        self._respond(body=False)

    def do_POST(self) -> None:
        self._respond(body=True)

    def do_PUT(self) -> None:
        self._respond(body=True)

    def do_DELETE(self) -> None:
        self._respond(body=True)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's signature
        """Log nothing."""

    def _respond(self, *, body: bool) -> None:
        answer = self._answer()
        is_html = isinstance(answer.document, str)
        content = answer.document.encode() if isinstance(answer.document, str) else json.dumps(answer.document).encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", f"{'text/html' if is_html else 'application/json'}; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if body:
            self.wfile.write(content)

    def _answer(self) -> HttpAnswer:
        authority = self.headers.get("Host", "")
        if authority.partition(":")[0] not in (self.server.host, "127.0.0.1"):
            # As a host of many names would: so a client that forgets whom it talks to is noticed here too.
            return error_answer(HTTPStatus.MISDIRECTED_REQUEST, f"This is {self.server.host}.")
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or int(length) > _MAX_BODY_BYTES:
            return error_answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The request is too large.")
        parts = urlsplit(self.path)
        headers, body = CaseInsensitiveDict(self.headers.items()), self.rfile.read(int(length))
        return self.server.answer(Request(parts.path, parts.query, headers, f"https://{authority}", self.command, body))
