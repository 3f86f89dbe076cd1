"""Endpoints of the sandbox: what stands in place of AWS is on this machine, or it is refused."""

import re

_LOOPBACK = re.compile(r"http://(?:127(?:\.[0-9]{1,3}){3}|\[::1\]):[0-9]{1,5}/?", re.ASCII)


def is_on_this_machine(url: str) -> bool:
    """Tell whether a URL can mean nothing but this machine, whoever parses it: ``http://127.0.0.1:4566``."""
    return _LOOPBACK.fullmatch(url) is not None
