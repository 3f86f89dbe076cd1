"""The emulated Bitbucket as the sandbox uses it: start it, connect to it, have tokens signed."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

from facts.issuer_connect import IssuerConnect
from oidc.errors import SandboxError
from oidc.issuer import ISSUER_HOST
from sandbox.emulated_bitbucket.kept_certificates import keep_certificates
from sandbox.emulated_bitbucket.server import TlsServer
from sandbox.emulated_bitbucket.signing_key import SigningKey, keep_signing_key
from sandbox.emulated_bitbucket.site import Site
from sandbox.emulated_bitbucket.step import EmulatedWorkspace, Step, step_claims

_POLL_SECONDS = 0.1


def _now() -> datetime:
    return datetime.now(UTC)


class EmulatedBitbucket:
    """Stands for api.bitbucket.org on loopback: discovery documents, key set, step tokens.

    Its keys and certificates are in a folder, made at the first use and the same from then on, so that a second run
    sees what the first one saw. Tokens can be signed without serving; as a context manager it serves.

    Args:
        folder: Where keys and certificates are kept, each file for this user alone.
        workspaces: Those that exist.
        port: To listen on; 0 for any free one.
        clock: What time it is, aware.

    Attributes:
        workspaces: Those that exist.
        ca_file: PEM of the root certificate to trust.
        warnings: A sentence for each thing in the folder that was broken and was made anew; empty at the first use.

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
    ) -> None:
        self.workspaces = tuple(workspaces)
        self._clock = clock
        self._port = port
        self._server: TlsServer | None = None
        certificates = keep_certificates(folder, ISSUER_HOST, clock())
        self._key, key_warnings = keep_signing_key(folder / "signing-key.pem")
        self._host_file = certificates.host_file
        self.ca_file = certificates.ca_file
        self.warnings = certificates.warnings + key_warnings

    def __enter__(self) -> Self:
        site = Site(self.workspaces, self.jwks)
        self._server = TlsServer(self._port, ISSUER_HOST, self._host_file, site.answer)
        threading.Thread(
            target=self._server.serve_forever, args=(_POLL_SECONDS,), name="emulated-bitbucket", daemon=True
        ).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    @property
    def address(self) -> str:
        """Where it listens: ``127.0.0.1:8443``.

        Raises:
            SandboxError: It does not serve at the moment.
        """
        return f"127.0.0.1:{self._serving().server_port}"

    @property
    def connections(self) -> int:
        """How many TLS handshakes were completed since it began to serve.

        Raises:
            SandboxError: It does not serve at the moment.
        """
        return self._serving().connections

    @property
    def issuer_connect(self) -> IssuerConnect:
        """How ``fetch_thumbprints`` reaches it.

        Raises:
            SandboxError: It does not serve at the moment.
        """
        return IssuerConnect(self.address, self.ca_file)

    @property
    def jwks(self) -> dict[str, object]:
        """The key set that it serves, for whoever checks tokens without asking it."""
        return self._key.jwks()

    def step_token(
        self, step: Step, *, audiences: Sequence[str] = (), now: datetime | None = None, lifetime: int = 3600
    ) -> str:
        """Return the signed token of a step, as ``BITBUCKET_STEP_OIDC_TOKEN`` holds it.

        Args:
            step: The step.
            audiences: Further audiences that the step lists; ``aud`` is a list only with them.
            now: When it is issued, aware; by default now. Long ago, with the default lifetime, gives an expired token.
            lifetime: Seconds until it expires.
        """
        return self.sign(step_claims(step, issued_at=now or self._clock(), lifetime=lifetime, audiences=audiences))

    def sign(self, claims: Mapping[str, object]) -> str:
        """Return any claims as a token signed by the right key."""
        return self._key.sign(claims)

    def forge(self, claims: Mapping[str, object]) -> str:
        """Return any claims as a token that names the right key and is signed by another one."""
        return self._forger.sign(claims)

    @cached_property
    def _forger(self) -> SigningKey:
        return SigningKey.make(key_id=self._key.key_id)

    def _serving(self) -> TlsServer:
        if self._server is None:
            raise SandboxError("the emulated Bitbucket does not serve", do="use it as a context manager")
        return self._server
