"""Where an issuer's host may be replaced by another address."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facts.issuer.connect import IssuerConnect
from oidc.errors import UsageError

CA_FILE = Path("ca.pem")


@pytest.mark.parametrize(
    ("address", "endpoint"),
    [
        ("127.0.0.1:8443", ("127.0.0.1", 8443)),
        ("127.9.8.7:1", ("127.9.8.7", 1)),
        ("[::1]:65535", ("::1", 65535)),
        ("localhost:8443", ("127.0.0.1", 8443)),
    ],
)
def test_loopback_with_a_port_is_accepted(address: str, endpoint: tuple[str, int]) -> None:
    assert IssuerConnect(address, CA_FILE).endpoint == endpoint


@pytest.mark.parametrize(
    "address",
    [
        "",
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:0",
        "127.0.0.1:65536",
        "127.0.0.1:https",
        "127.0.0.1:1/",
        "127.0.0.1:1#x",
        "127.0.0.1:1?x",
        "user@127.0.0.1:1",
        "127.1:8443",
        "2130706433:8443",
        "::1:8443",
        "[::1]",
        "[::1%lo]:8443",
        "[::ffff:127.0.0.1]:8443",
        "0.0.0.0:8443",
        "[::]:8443",
        "10.0.0.1:8443",
        "192.0.2.1:8443",
        "localhost.example:8443",
        "127.0.0.1.example:8443",
        "api.bitbucket.org:443",
        "https://127.0.0.1:8443",
        " 127.0.0.1:8443",
        "127.0.0.1:8443\n",
    ],
)
def test_any_other_address_is_wrong_usage(address: str) -> None:
    with pytest.raises(UsageError, match="address of this machine"):
        IssuerConnect(address, CA_FILE)


@given(st.text())
def test_no_text_is_anything_but_accepted_or_wrong_usage(address: str) -> None:
    try:
        host, port = IssuerConnect(address, CA_FILE).endpoint
    except UsageError:
        return
    assert host == "::1" or host.startswith("127.")
    assert 0 < port < 65536


@given(st.ip_addresses(v=4), st.integers(1, 65535))
def test_of_ipv4_addresses_exactly_those_of_loopback_are_accepted(ip: object, port: int) -> None:
    loopback = str(ip).startswith("127.")
    try:
        assert IssuerConnect(f"{ip}:{port}", CA_FILE).endpoint == (str(ip), port)
    except UsageError:
        assert not loopback
    else:
        assert loopback
