"""Staying up for clients from outside."""

import socket
import time
from collections.abc import Callable
from typing import NoReturn
from urllib.parse import urlsplit

from oidc.errors import SandboxError

_SECONDS = 2.0
"""Between two looks at the emulator."""


def stay_until_gone(endpoint: str, *, sleep: Callable[[float], None] = time.sleep) -> NoReturn:
    """Wait until the emulated accounts are gone; Ctrl-C and SIGTERM end it before, both as KeyboardInterrupt.

    Args:
        endpoint: Of the emulated AWS accounts, ``http://127.0.0.1:4566``.
        sleep: Waits some seconds.

    Raises:
        SandboxError: The emulated accounts are gone.
    """
    while True:
        sleep(_SECONDS)
        _check(endpoint)


def _check(endpoint: str) -> None:
    parts = urlsplit(endpoint)
    try:
        socket.create_connection((parts.hostname or "", parts.port or 0), timeout=_SECONDS).close()
    except OSError as error:
        what = f"the emulated AWS accounts no longer answer on {endpoint}: {error}"
        raise SandboxError(what, do="run `bitbucket-oidc sandbox up` and serve again") from error
