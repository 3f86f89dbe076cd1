"""Describe the exception of a failed request in a few words, and tell whether TLS is the cause."""

import socket
import ssl
from collections.abc import Callable, Iterator

import requests
from OpenSSL import SSL
from urllib3.exceptions import ConnectTimeoutError
from urllib3.exceptions import HTTPError as Urllib3Error
from urllib3.util.ssl_match_hostname import CertificateError

REQUEST_FAILURES = (requests.RequestException, Urllib3Error, SSL.Error, OSError, ValueError)
"""Everything that a request can raise, with the recording adapter too.

pyOpenSSL's errors and some of urllib3's pass through ``requests`` as they are; a malformed certificate is a
``ValueError``.
"""

RESETS = (ConnectionResetError, BrokenPipeError, SSL.SysCallError)
"""The server closed the connection before it answered; for TLS, pyOpenSSL has a separate exception."""

_TRANSIENT = (*RESETS, ConnectionRefusedError, ConnectTimeoutError)
_TLS, _NETWORK = True, False

_SENTENCES: tuple[tuple[tuple[type[BaseException], ...], Callable[[BaseException], str], bool], ...] = (
    ((ssl.SSLCertVerificationError,), lambda error: f"its certificate is not trusted: {error.args[-1]}", _TLS),
    ((CertificateError,), lambda error: f"its certificate is for another host: {error}", _TLS),
    ((requests.exceptions.InvalidSchema,), lambda error: f"the proxy cannot be used: {error}", _NETWORK),
    ((requests.exceptions.ProxyError,), lambda error: f"the proxy did not connect: {_root(error)}", _NETWORK),
    ((requests.TooManyRedirects,), lambda _: "it redirects again and again", _NETWORK),
    ((socket.gaierror,), lambda error: f"the name cannot be resolved: {error.args[-1]}", _NETWORK),
    ((TimeoutError, requests.Timeout), lambda _: "it did not answer in time", _NETWORK),
    ((ConnectionRefusedError,), lambda _: "it refused the connection", _NETWORK),
    (RESETS, lambda _: "it closed the connection without an answer", _NETWORK),
    ((ssl.SSLError, SSL.Error), lambda error: f"TLS failed: {error.args[-1] if error.args else error}", _TLS),
)
"""The first row that matches a cause decides, so specific exceptions are above general ones."""


def what_happened(error: BaseException) -> str:
    """Return the reason for any of ``REQUEST_FAILURES``: ``it refused the connection``."""
    return _explain(error)[0]


def tried(tries: int) -> str:
    """Return `` (tried 3 times)``, or nothing for a single try."""
    return f" (tried {tries} times)" if tries > 1 else ""


def is_of_tls(error: BaseException) -> bool:
    """Tell whether a request failed because of the server's certificate or TLS."""
    return _explain(error)[1]


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and its causes, each once, the outermost first.

    urllib3 puts a wrapped exception either into ``__context__`` or into the arguments (``SSLError(error)``, with a
    proxy), so both are followed.
    """
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        cause = waiting.pop()
        if cause is None or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        arguments = (argument for argument in cause.args if isinstance(argument, BaseException))
        waiting += [cause.__context__, *arguments, cause.__cause__]


def is_transient(error: BaseException) -> bool:
    """Tell whether another try may help.

    It may if the server refused or closed the connection, or did not accept it in time. Certificates, answers and
    unresolvable names would be the same again.
    """
    return any(isinstance(cause, _TRANSIENT) for cause in causes(error))


def _explain(error: BaseException) -> tuple[str, bool]:
    for kinds, sentence, is_tls in _SENTENCES:
        for cause in causes(error):
            if isinstance(cause, kinds):
                return _shown(sentence(cause)), is_tls
    return _shown(_root(error)), _NETWORK


def _root(error: BaseException) -> str:
    *_, innermost = causes(error)
    return f"{type(innermost).__name__}: {innermost}"


def _shown(text: str) -> str:
    """Return the text made safe for a terminal: the server chose parts of it, such as a status line or names."""
    return "".join(character if character.isprintable() else " " for character in text[:300]).rstrip()
