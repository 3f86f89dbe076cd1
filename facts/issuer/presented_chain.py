"""HTTPS that records the certificates each host presents, as a transport adapter for ``requests``.

pyOpenSSL does the TLS, since the ``ssl`` module of Python 3.11 has no public call for the presented chain (only for
the host's certificate; ``get_unverified_chain`` is public from 3.13). Nothing global changes: urllib3's hook that
replaces the TLS of the whole process is not used.
"""

import socket
import ssl
from collections.abc import Callable
from typing import Any, cast

from cryptography.x509 import Certificate
from OpenSSL import SSL
from OpenSSL.crypto import X509
from requests.adapters import HTTPAdapter
from requests.exceptions import InvalidSchema
from urllib3 import HTTPSConnectionPool, PoolManager, ProxyManager
from urllib3.connection import HTTPSConnection
from urllib3.contrib.pyopenssl import PyOpenSSLContext, WrappedSocket
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError


class ChainRecordingAdapter(HTTPAdapter):
    """Transport that verifies each host's chain and name, and then keeps the chain.

    It keeps one connection to each host alive, so that requests to a host, one after the other, need one handshake.

    Args:
        hosts: How many hosts to keep a connection to.
        endpoint: IP address and port to connect to instead of every host; TLS and HTTP still use the host's name.
        handshake_timeout: Seconds for each step of the TLS handshake, and of a proxy's ``CONNECT`` before it. The
            connect timeout of a request is only for the TCP connection, and may be shorter.
    """

    def __init__(self, *, hosts: int, endpoint: tuple[str, int] | None = None, handshake_timeout: float = 10.0) -> None:
        self._chains: dict[tuple[str, int], tuple[Certificate, ...]] = {}
        self._pool_class = _recording_pool(self._chains.__setitem__, endpoint, handshake_timeout)
        super().__init__(pool_connections=hosts, pool_maxsize=1)

    def presented_by(self, host: str, port: int) -> tuple[Certificate, ...] | None:
        """Return the chain of a host, its own certificate first; ``None`` if it was never connected."""
        return self._chains.get((host, port))

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - passed on as they come
        """Make the pools for direct connections: recording connections, https only."""
        super().init_poolmanager(*args, **kwargs)
        self._record_with(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> ProxyManager:  # noqa: ANN401 - passed on as they come
        """Make the pools for connections by ``CONNECT`` through a proxy.

        Raises:
            InvalidSchema: The proxy is not ``http://``: pyOpenSSL does no TLS inside TLS, and SOCKS uses other pools,
                which would not record.
        """
        if not proxy.lower().startswith("http://"):
            raise InvalidSchema("only http:// proxies are supported here")
        manager = cast("ProxyManager", super().proxy_manager_for(proxy, **kwargs))
        self._record_with(manager)
        return manager

    def _record_with(self, manager: PoolManager) -> None:
        manager.pool_classes_by_scheme = {"https": self._pool_class}


class RecordingTlsContext(PyOpenSSLContext):
    """TLS of one connection, as a client that always verifies the server.

    Attributes:
        presented: After the handshake, the server's certificates, the host's own first.
    """

    def __init__(self) -> None:
        super().__init__(ssl.PROTOCOL_TLS_CLIENT)
        self.minimum_version = ssl.TLSVersion.TLSv1_2
        self.presented: tuple[Certificate, ...] = ()

    def wrap_socket(
        self,
        sock: socket.socket,
        server_side: bool = False,  # noqa: FBT001, FBT002 - the signature of the overridden method
        do_handshake_on_connect: bool = True,  # noqa: FBT001, FBT002 - as above
        suppress_ragged_eofs: bool = True,  # noqa: FBT001, FBT002 - as above
        server_hostname: bytes | str | None = None,
    ) -> WrappedSocket:
        """Do the handshake and keep the chain.

        Raises:
            ssl.SSLCertVerificationError: OpenSSL refuses the chain; the message has the reason and the certificate.
            ssl.SSLError: The handshake failed in another way.
        """
        refusals: list[str] = []

        def verify(_connection: SSL.Connection, certificate: X509, code: int, depth: int, _accepted: int) -> bool:
            accepted: bool = code == SSL.X509VerificationCodes.OK
            if not accepted:
                refusals.append(_refusal(certificate, code, depth))
            return accepted

        self._ctx.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, verify)
        try:
            wrapped = super().wrap_socket(
                sock, server_side, do_handshake_on_connect, suppress_ragged_eofs, server_hostname
            )
            self.presented = tuple(wrapped.connection.get_peer_cert_chain(as_cryptography=True) or ())
        except ssl.SSLError as error:
            if refusals:
                raise ssl.SSLCertVerificationError(1, refusals[0]) from error
            raise
        return wrapped


def _refusal(certificate: X509, code: int, depth: int) -> str:
    """Return for example ``cert has expired (certificate 1 of the chain, 'CN=api.bitbucket.org')``."""
    try:
        subject = repr(certificate.to_cryptography().subject.rfc4514_string()[:200])
    except ValueError:
        subject = "its name is malformed"
    return f"{_REASONS.get(code, f'verification error {code}')} (certificate {depth + 1} of the chain, {subject})"


_REASONS = {
    code: name.removeprefix("ERR_").lower().replace("_", " ")
    for name, code in vars(SSL.X509VerificationCodes).items()
    if name.startswith("ERR_")
}
"""OpenSSL's reasons by their number, from its own constants: ``10: "cert has expired"``."""


def _recording_pool(
    record: Callable[[tuple[str, int], tuple[Certificate, ...]], None],
    endpoint: tuple[str, int] | None,
    handshake_timeout: float,
) -> type[HTTPSConnectionPool]:
    """Return a class of connection pool whose connections record the chain of each host."""

    class RecordingConnection(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            connection = self._connected()
            connection.settimeout(handshake_timeout)
            return connection

        def _connected(self) -> socket.socket:
            if endpoint is None:
                return super()._new_conn()
            try:
                return socket.create_connection(endpoint, self.timeout)
            except TimeoutError as error:
                raise ConnectTimeoutError(self, f"connection to {endpoint} timed out") from error
            except OSError as error:
                raise NewConnectionError(self, f"no connection to {endpoint}: {error}") from error

        def connect(self) -> None:
            # A context for each connection: urllib3 configures the context for every connection, and pyOpenSSL's must
            # not change while a connection uses it.
            context = RecordingTlsContext()
            self.ssl_context = cast("ssl.SSLContext", context)  # urllib3's types know only the standard library's
            super().connect()
            host = (self._tunnel_host or self.host).strip("[]")
            record((host, self._tunnel_port or self.port), context.presented)

    class RecordingPool(HTTPSConnectionPool):
        ConnectionCls = RecordingConnection

    return RecordingPool
