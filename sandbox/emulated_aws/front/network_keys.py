"""Condition keys of the network that hold for the call being served in place of what ministack sees of it.

A header of the sandbox says through which VPC endpoint a call goes (``source_address.py``), and a simulation is told
from where (``policy_simulation.py``).
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

NetworkKeys = Mapping[str, str | None]
"""``{"aws:sourcevpce": "vpce-0123456789abcdef0", "aws:sourceip": None}``: names in lower case; ``None``: is missing."""

_here: ContextVar[NetworkKeys | None] = ContextVar("network_keys", default=None)


def network_keys() -> NetworkKeys:
    """Return those of the call being served; those that are not there are as ministack sees them."""
    return _here.get() or {}


@contextmanager
def coming_from(address: str | None, endpoint: str | None) -> Iterator[None]:
    """Let what is called inside come from an address or through a VPC endpoint: never from both, as in AWS."""
    token = _here.set({"aws:sourceip": None if endpoint else address, "aws:sourcevpce": endpoint})
    try:
        yield
    finally:
        _here.reset(token)
