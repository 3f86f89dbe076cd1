"""An HTTPS server on loopback in place of api.bitbucket.org; it signs step tokens as Bitbucket Pipelines does."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from facts.issuer.connect import IssuerConnect
from oidc.bitbucket import ISSUER_HOST
from oidc.errors import SandboxError
from sandbox.emulated_bitbucket.behaviour import Behaviour
from sandbox.emulated_bitbucket.certificates import keep_certificates
from sandbox.emulated_bitbucket.exchange import HttpAnswer, Request, error_answer
from sandbox.emulated_bitbucket.pull_requests import PullRequests
from sandbox.emulated_bitbucket.reports import Reports
from sandbox.emulated_bitbucket.rest import RestApi
from sandbox.emulated_bitbucket.servers import PipelinesProxy, TlsServer
from sandbox.emulated_bitbucket.signing_key import SigningKey, keep_signing_key
from sandbox.emulated_bitbucket.site import IP_RANGES_PATH, EmulatedRanges, Site
from sandbox.emulated_bitbucket.workspaces import EmulatedWorkspace, PipelineStep, step_claims


def _now() -> datetime:
    return datetime.now(UTC)


_NO_API = {"message": "Resource not found", "detail": "There is no API hosted at this URL."}
"""The error for a path that no endpoint has."""


class EmulatedBitbucket:
    """An emulated api.bitbucket.org on loopback: discovery documents, key set, step tokens, REST calls, address ranges.

    It makes its keys and certificates at the first use and keeps them in a folder, so they are the same in every run.
    As a context manager it serves; it signs tokens without serving too.

    Args:
        folder: The folder of keys and certificates, each file readable by this user alone.
        workspaces: The existing workspaces.
        port: The port to listen on; 0 for any free one.
        clock: Returns the present time, aware.
        behaviour: The credentials, limits and faults of its REST API.
        ranges: The address ranges, which replace those of ip-ranges.atlassian.com.

    Attributes:
        workspaces: The existing workspaces; may be replaced while it serves.
        behaviour: As given; may be changed while it serves.
        ranges: Likewise.
        ca_file: PEM of the root certificate to trust.
        warnings: A sentence for each broken file in the folder that was replaced; empty at the first use.

    Raises:
        SandboxError: The folder cannot be read or written.
    """

    def __init__(
        self,
        folder: Path,
        workspaces: Iterable[EmulatedWorkspace],
        *,
        port: int = 0,
        clock: Callable[[], datetime] = _now,
        behaviour: Behaviour | None = None,
        ranges: EmulatedRanges | None = None,
    ) -> None:
        self.workspaces = tuple(workspaces)
        self.behaviour = behaviour or Behaviour()
        self.ranges = ranges or EmulatedRanges()
        self._clock = clock
        self._port = port
        self._server: TlsServer | None = None
        certificates = keep_certificates(folder, ISSUER_HOST, clock())
        self._key, key_warnings = keep_signing_key(folder / "signing-key.pem")
        self._host_file = certificates.host_file
        self.ca_file = certificates.ca_file
        self.warnings = certificates.warnings + key_warnings

    def __enter__(self) -> Self:
        self._rest = RestApi(self.behaviour)
        self._server = TlsServer(self._port, ISSUER_HOST, self._host_file, self._answer)
        self._server.start("emulated-bitbucket")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    def _answer(self, request: Request) -> HttpAnswer:
        if request.path.rstrip("/") == IP_RANGES_PATH:
            return HttpAnswer(HTTPStatus.OK, self.ranges.document())
        of_issuer = Site(self.workspaces, self.jwks).answer(request.path)
        if of_issuer is not None and urlsplit(request.origin).hostname != ISSUER_HOST:
            # Clients must reach an issuer by its host name.
            return error_answer(HTTPStatus.MISDIRECTED_REQUEST, f"This is {ISSUER_HOST}.")
        answer = of_issuer or self._rest.answer(request, self.workspaces)
        return answer or HttpAnswer(HTTPStatus.NOT_FOUND, {"type": "error", "error": _NO_API})

    @property
    def requests(self) -> tuple[Request, ...]:
        """The requests to its REST API since it began to serve."""
        return tuple(self._rest.requests)

    @property
    def pull_requests(self) -> PullRequests:
        """The comments on pull requests."""
        return self._rest.pull_requests

    @property
    def reports(self) -> Reports:
        """The reports of Code Insights."""
        return self._rest.reports

    def pipelines_proxy(self) -> PipelinesProxy:
        """Return the proxy of a step, a context manager; use it while this object serves."""
        token = "of the proxy"  # noqa: S105 - valid for emulated services alone
        self.behaviour.access_tokens[token] = frozenset({"repository"})
        return PipelinesProxy(self._answer, token)

    @property
    def api_url(self) -> str:
        """The URL of its REST API: ``https://127.0.0.1:8443/2.0``.

        Raises:
            SandboxError: It does not serve.
        """
        return f"https://{self.address}/2.0"

    @property
    def ranges_url(self) -> str:
        """The URL of its address ranges: ``https://127.0.0.1:8443/ip-ranges``.

        Raises:
            SandboxError: It does not serve.
        """
        return f"https://{self.address}{IP_RANGES_PATH}"

    @property
    def address(self) -> str:
        """Where it listens: ``127.0.0.1:8443``.

        Raises:
            SandboxError: It does not serve.
        """
        return f"127.0.0.1:{self._serving().server_port}"

    @property
    def connections(self) -> int:
        """The number of completed TLS handshakes since it began to serve.

        Raises:
            SandboxError: It does not serve.
        """
        return self._serving().connections

    @property
    def issuer_connect(self) -> IssuerConnect:
        """The settings with which ``fetch_thumbprints`` connects to it.

        Raises:
            SandboxError: It does not serve.
        """
        return IssuerConnect(self.address, self.ca_file)

    @property
    def jwks(self) -> dict[str, object]:
        """The key set that it serves, to check tokens without a request."""
        return self._key.jwks()

    def step_token(
        self, step: PipelineStep, *, audiences: Sequence[str] = (), now: datetime | None = None, lifetime: int = 3600
    ) -> str:
        """Return the signed token of a step, as ``BITBUCKET_STEP_OIDC_TOKEN`` holds it.

        Args:
            step: The step.
            audiences: Further audiences that the step requests; ``aud`` is a list only with them.
            now: The time of issue, aware; by default the present. A time long ago gives an expired token.
            lifetime: Seconds until the token expires.
        """
        return self.sign(step_claims(step, issued_at=now or self._clock(), lifetime=lifetime, audiences=audiences))

    def sign(self, claims: Mapping[str, object]) -> str:
        """Return a token with these claims, whatever they are, signed by the right key."""
        return self._key.sign(claims)

    def forge(self, claims: Mapping[str, object]) -> str:
        """Return a token with these claims that names the right key and is signed by another one."""
        return self._forger.sign(claims)

    @cached_property
    def _forger(self) -> SigningKey:
        return SigningKey.make(key_id=self._key.key_id)

    def _serving(self) -> TlsServer:
        if self._server is None:
            raise SandboxError("the emulated Bitbucket does not serve", do="use it as a context manager")
        return self._server
