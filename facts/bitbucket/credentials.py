"""Credentials for Bitbucket: from the environment or a .netrc file, never from arguments, and never shown.

The kinds are those of https://developer.atlassian.com/cloud/bitbucket/rest/intro/#authentication; app passwords ended
on 2026-07-28 (https://community.atlassian.com/forums/Bitbucket-articles/ba-p/3237429).
"""

import netrc
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from requests import PreparedRequest
from requests.auth import AuthBase, HTTPBasicAuth

from oidc.errors import UsageError
from oidc.hidden_secrets import without_secrets

EMAIL, API_TOKEN = "BITBUCKET_EMAIL", "BITBUCKET_API_TOKEN"
ACCESS_TOKEN = "BITBUCKET_ACCESS_TOKEN"  # noqa: S105 - as above
CLIENT_ID, CLIENT_SECRET = "BITBUCKET_OAUTH_CLIENT_ID", "BITBUCKET_OAUTH_CLIENT_SECRET"

_NETRC_OF_TOKENS = "x-token-auth"
"""The user name that git sends with an access token
(https://support.atlassian.com/bitbucket-cloud/docs/using-access-tokens/)."""


class BearerAuth(AuthBase):
    """Sends a token as ``Authorization: Bearer …``."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, r: PreparedRequest) -> PreparedRequest:
        """Add the header."""
        r.headers["Authorization"] = f"Bearer {self._token}"
        return r


@dataclass(frozen=True)
class Credentials:
    """The credentials of requests.

    Attributes:
        source: Their origin, for messages: ``BITBUCKET_ACCESS_TOKEN``; empty without credentials.
        is_scoped: Whether their scopes have the form of API tokens (``read:repository:bitbucket``), not of OAuth
            (``repository``).
        auth: Added to each request, or ``None``.
        client: Id and secret of an OAuth consumer, which get a token first.
    """

    source: str = ""
    is_scoped: bool = False
    auth: AuthBase | None = field(default=None, repr=False)
    client: tuple[str, str] | None = field(default=None, repr=False)
    _secrets: tuple[str, ...] = field(default=(), repr=False)

    def hidden_in(self, text: str) -> str:
        """Return a text from outside with the secrets, plain or encoded, replaced by ``[hidden]``."""
        return without_secrets(text, self._secrets)

    def also_hiding(self, secret: str) -> "Credentials":
        """Return the same credentials with one more secret to hide."""
        return replace(self, _secrets=(*self._secrets, secret))


def find_credentials(environment: Mapping[str, str], host: str) -> Credentials:
    """Return the first credentials for a host in the environment or the .netrc file, or empty ones.

    The order is that of the constants above, then ``NETRC``, ``~/.netrc`` and ``~/_netrc``. In a .netrc file only the
    host's entry counts: a ``default`` entry is for any host.

    Raises:
        UsageError: Half of a pair is missing, a value does not fit into a header, or the .netrc file is broken.
    """
    if environment.get(API_TOKEN) or environment.get(EMAIL):
        email, token = _pair(environment, EMAIL, API_TOKEN)
        return _basic(API_TOKEN, email, token)
    if token := _value(environment, ACCESS_TOKEN):
        return Credentials(ACCESS_TOKEN, auth=BearerAuth(token), _secrets=(token,))
    if environment.get(CLIENT_ID) or environment.get(CLIENT_SECRET):
        pair = _pair(environment, CLIENT_ID, CLIENT_SECRET)
        return Credentials(CLIENT_ID, client=pair, _secrets=(pair[1],))
    return _of_netrc(environment, host) or Credentials()


def _basic(source: str, login: str, token: str) -> Credentials:
    auth = HTTPBasicAuth(login.encode(), token.encode())  # as bytes, to send UTF-8 and not Latin-1
    return Credentials(source, is_scoped=True, auth=auth, _secrets=(token,))


def _pair(environment: Mapping[str, str], first: str, second: str) -> tuple[str, str]:
    for present, missing in ((first, second), (second, first)):
        if not environment.get(missing, "").strip():
            raise UsageError(f"{present} is set and {missing} is not", do="set both, or neither")
    return _value(environment, first), _value(environment, second)


def _value(environment: Mapping[str, str], name: str) -> str:
    return checked(environment.get(name, "").strip(), name)


def checked(value: str, source: str) -> str:
    """Return a credential that fits into a header; an error does not repeat it.

    Raises:
        UsageError: The value has spaces, line ends or other characters that a token cannot have.
    """
    if not value.isascii() or not value.isprintable() or " " in value:
        raise UsageError(
            f"{source} has characters that a token cannot have", do="set it again, without spaces and line ends"
        )
    return value


def _of_netrc(environment: Mapping[str, str], host: str) -> Credentials | None:
    named = environment.get("NETRC")
    home = Path(environment.get("HOME") or "~").expanduser()
    candidates = [Path(named).expanduser()] if named else [home / ".netrc", home / "_netrc"]
    path = next((path for path in candidates if path.is_file()), None)
    if path is None:
        return None
    try:
        login, _, token = netrc.netrc(path).hosts.get(host) or ("", "", "")
    except (netrc.NetrcParseError, OSError, UnicodeDecodeError) as error:
        line = f", line {error.lineno}" if isinstance(error, netrc.NetrcParseError) else ""
        raise UsageError(f"{path}{line} cannot be read", do="correct it, or set BITBUCKET_ACCESS_TOKEN") from None
    if not token:
        return None
    source = f"{path}, machine {host}"
    if login == _NETRC_OF_TOKENS:
        return Credentials(source, auth=BearerAuth(checked(token, source)), _secrets=(token,))
    return _basic(source, checked(login or "", source), checked(token, source))
