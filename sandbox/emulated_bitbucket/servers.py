"""The two HTTP/1.1 servers of the emulated Bitbucket, on loopback, in threads of this process, silent.

One serves the host over TLS. The other is the proxy that runs beside each step of Pipelines: it authenticates calls
about reports, over plain http. Sources:
https://bitbucket.org/blog/provide-full-context-to-reviewers-by-including-pipeline-artifacts-within-the-pull-request;
that the proxy is for reports and for pushing alone: https://jira.atlassian.com/browse/BCLOUD-21842. The real proxy's
answer to other requests is not documented; this one refuses them.
"""

import contextlib
import json
import re
import socket
import socketserver
import ssl
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from requests.structures import CaseInsensitiveDict

from oidc.errors import SandboxError
from sandbox.emulated_bitbucket.exchange import HttpAnswer, Request, error_answer

_IDLE_SECONDS = 60.0
"""The server closes a connection that sends nothing, or does not finish its handshake, for this long."""

_MAX_BODY_BYTES = 1_000_000
_POLL_SECONDS = 0.1
_REPORTS = re.compile(r"/2\.0/repositories/[^/]+/[^/]+/commit/[^/]+/reports(?:/.*)?")


class _LoopbackServer(ThreadingHTTPServer):
    """Serves on 127.0.0.1, one thread for each connection; no thread delays the end of the process."""

    daemon_threads = True
    block_on_close = False

    def server_bind(self) -> None:
        """Bind, without the base class's look-up of the machine's name, which may ask a name server."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", int(self.server_address[1])

    def start(self, name: str) -> None:
        """Serve in a thread of this name."""
        threading.Thread(target=self.serve_forever, args=(_POLL_SECONDS,), name=name, daemon=True).start()


class _Handler(BaseHTTPRequestHandler):
    """One connection: requests in turn, until the client or the server ends it."""

    server_version = "EmulatedBitbucket"
    protocol_version = "HTTP/1.1"
    timeout = _IDLE_SECONDS
    disable_nagle_algorithm = True
    wbufsize = 1 << 16  # headers and body leave together; the base class flushes after each request

    def do_GET(self) -> None:
        self._respond()

    def do_HEAD(self) -> None:
        self._respond()

    def do_POST(self) -> None:
        self._respond()

    def do_PUT(self) -> None:
        self._respond()

    def do_DELETE(self) -> None:
        self._respond()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's signature
        """Log nothing."""

    def _respond(self) -> None:
        answer = self._answer()
        is_html = isinstance(answer.document, str)
        content = answer.document.encode() if isinstance(answer.document, str) else json.dumps(answer.document).encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", f"{'text/html' if is_html else 'application/json'}; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _answer(self) -> HttpAnswer:
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or int(length) > _MAX_BODY_BYTES:
            return error_answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The request is too large.")
        return self._answer_to(CaseInsensitiveDict(self.headers.items()), self.rfile.read(int(length)))

    def _answer_to(self, headers: Mapping[str, str], body: bytes) -> HttpAnswer:
        raise NotImplementedError


class TlsServer(_LoopbackServer):
    """Serves JSON documents over TLS.

    Args:
        port: 0 for any free one.
        host: The server answers to this name and to 127.0.0.1 in the ``Host`` header, and to no other.
        host_file: PEM of the host's key and of the chain to present.
        answer: Answers a request.

    Raises:
        SandboxError: The port is taken, or the certificate cannot be used.
    """

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
            super().__init__(("127.0.0.1", port), _HostHandler)
        except (OSError, OverflowError) as error:
            raise SandboxError(
                f"the emulated Bitbucket cannot listen on 127.0.0.1:{port}: {error}",
                do="choose another port, or end what holds it",
            ) from error

    def finish_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - the base class's signature
        """Complete the handshake and serve one connection, in its thread, so a slow client delays no other."""
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
        """Print nothing if a client disconnects or does not trust the certificate."""

    def close(self) -> None:
        """Stop listening and end the connections that clients keep alive."""
        self.shutdown()
        self.server_close()
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):  # the client has closed it
                    connection.shutdown(socket.SHUT_RDWR)


class _HostHandler(_Handler):
    server: TlsServer

    def _answer_to(self, headers: Mapping[str, str], body: bytes) -> HttpAnswer:
        authority = headers.get("Host", "")
        if authority.partition(":")[0] not in (self.server.host, "127.0.0.1"):
            # As a host of several names answers, so that a client with a wrong host name is noticed here too.
            return error_answer(HTTPStatus.MISDIRECTED_REQUEST, f"This is {self.server.host}.")
        parts = urlsplit(self.path)
        return self.server.answer(Request(parts.path, parts.query, headers, f"https://{authority}", self.command, body))


class PipelinesProxy:
    """The proxy of a step; a context manager.

    Args:
        answer: Answers a request as the emulated Bitbucket does.
        token: An access token of the emulated Bitbucket, with the scope ``repository``.
    """

    def __init__(self, answer: Callable[[Request], HttpAnswer], token: str) -> None:
        self._answer = answer
        self._token = token
        self._server = _ProxyServer(self)

    def __enter__(self) -> Self:
        self._server.start("pipelines-proxy")
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Where it listens: ``http://127.0.0.1:29418``."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def pass_on(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> HttpAnswer:
        """Answer a request for ``http://api.bitbucket.org/…``."""
        parts = urlsplit(url)
        if parts.hostname != "api.bitbucket.org" or _REPORTS.fullmatch(parts.path) is None:
            return error_answer(HTTPStatus.FORBIDDEN, "This is not for the proxy of a step.")
        own = CaseInsensitiveDict({**headers, "Authorization": f"Bearer {self._token}"})
        return self._answer(Request(parts.path, parts.query, own, "https://api.bitbucket.org", method, body))


class _ProxyServer(_LoopbackServer):
    def __init__(self, proxy: PipelinesProxy) -> None:
        self.proxy = proxy
        super().__init__(("127.0.0.1", 0), _ProxyHandler)


class _ProxyHandler(_Handler):
    server: _ProxyServer

    def _answer_to(self, headers: Mapping[str, str], body: bytes) -> HttpAnswer:
        return self.server.proxy.pass_on(self.command, self.path, headers, body)
