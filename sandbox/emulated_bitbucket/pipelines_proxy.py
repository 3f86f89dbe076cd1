"""The proxy that runs beside each step of Pipelines: it authenticates calls about reports, over plain http.

Sources: https://bitbucket.org/blog/provide-full-context-to-reviewers-by-including-pipeline-artifacts-within-the-pull-request;
that it is for reports and for pushing alone: https://jira.atlassian.com/browse/BCLOUD-21842. What else is answered with
is not documented; here it is refused.
"""

import json
import re
import socketserver
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import urlsplit

from requests.structures import CaseInsensitiveDict

from sandbox.emulated_bitbucket.exchange import HttpAnswer, Request, error_answer

_REPORTS = re.compile(r"/2\.0/repositories/[^/]+/[^/]+/commit/[^/]+/reports(?:/.*)?")
_POLL_SECONDS = 0.1


class PipelinesProxy:
    """Serves on loopback, as a context manager.

    Args:
        answer: What the emulated Bitbucket says to a request.
        token: An access token that it takes, with the scope ``repository``.
    """

    def __init__(self, answer: Callable[[Request], HttpAnswer], token: str) -> None:
        self._answer = answer
        self._token = token
        self._server = _Server(self)

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(_POLL_SECONDS,), daemon=True).start()
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


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, proxy: PipelinesProxy) -> None:
        self.proxy = proxy
        super().__init__(("127.0.0.1", 0), _ProxyHandler)

    def server_bind(self) -> None:
        """Bind without the look-up of the machine's name that the base class does, which may ask a name server."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", int(self.server_address[1])


class _ProxyHandler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
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
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        answer = self.server.proxy.pass_on(self.command, self.path, dict(self.headers.items()), body)
        content = answer.document.encode() if isinstance(answer.document, str) else json.dumps(answer.document).encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
