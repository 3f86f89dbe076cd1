"""Atlassian's address ranges: Bitbucket's networks, aggregated, and none that would let everybody in."""

import json
import random
from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network, ip_network
from pathlib import Path
from typing import Any

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from config.rules.source_addresses import fault_of_published
from facts.atlassian_ranges import aggregated, fetch_ranges, parse_ranges
from facts.web_address import WebAddress
from oidc.errors import OutsideWorldError
from tests.facts.conftest import StartHost, StoppedClock, http

URL = "https://ip-ranges.atlassian.com"


def item(cidr: str, **otherwise: Any) -> dict[str, Any]:
    told = {"cidr": cidr, "product": ["bitbucket", "jira"], "direction": ["egress"], "perimeter": "commercial"}
    return {**told, "region": ["global"], **otherwise}


def body(*items: dict[str, Any], **otherwise: Any) -> bytes:
    return json.dumps({"creationDate": "x", "syncToken": 1700000000, "items": list(items), **otherwise}).encode()


def networks(*items: dict[str, Any]) -> list[str]:
    return [str(network) for network in parse_ranges(URL, body(*items)).networks]


def test_only_networks_that_bitbucket_sends_requests_from_are_used() -> None:
    assert networks(
        item("104.192.136.0/21"),
        item("185.166.140.0/22", product=["jira"]),
        item("13.200.41.128/25", direction=["ingress"]),
        item("198.51.100.0/24", perimeter="fedramp-moderate"),
        item("2401:1d80:3000::/36", product=["bitbucket"]),
    ) == ["104.192.136.0/21", "2401:1d80:3000::/36"]


def test_neighbouring_and_contained_networks_are_merged() -> None:
    assert networks(
        item("203.0.113.128/25"), item("203.0.113.0/25"), item("203.0.113.7/32"), item("203.0.113.0/25")
    ) == ["203.0.113.0/24"]


V4 = st.builds(
    lambda address, bits: ip_network((address, bits), strict=False), st.integers(0, 2**32 - 1), st.integers(24, 32)
)


@given(st.lists(V4.filter(lambda network: isinstance(network, IPv4Network)), max_size=8))
def test_aggregation_keeps_exactly_the_same_addresses(networks: list[Any]) -> None:
    def addresses(of: Any) -> set[int]:
        return {int(address) for network in of for address in network}

    assert addresses(aggregated(networks)) == addresses(networks)


@given(st.integers(0, 15), st.integers(0, 4), st.randoms(use_true_random=False))
def test_a_wide_network_is_refused_in_any_number_of_parts(bits: int, more: int, rng: random.Random) -> None:
    wide = IPv4Network((rng.getrandbits(bits) << (32 - bits) if bits else 0, bits))
    parts = list(wide.subnets(prefixlen_diff=more))
    rng.shuffle(parts)
    assert fault_of_published(parts) is not None


PUBLIC = st.builds(
    lambda address, bits: IPv4Network((address, bits), strict=False),
    st.integers(int(IPv4Address("198.51.100.0")), int(IPv4Address("203.0.113.255"))),
    st.integers(24, 32),
)


@given(st.lists(PUBLIC, max_size=8))
def test_small_public_networks_pass(networks: list[IPv4Network]) -> None:
    assert fault_of_published(networks) is None


def test_many_networks_that_are_no_neighbours_are_refused_together() -> None:
    every_other = [IPv4Network((number << 17, 17)) for number in range(2 << 8, 2 << 9)][::2]
    assert fault_of_published(every_other[:32]) is None
    told = fault_of_published(every_other[:33])
    assert told == "networks of IPv4 that together are wider than 16 networks of /16"


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (b"<html>", "not JSON"),
        (b"[]", "not as documented"),
        (b"{}", "syncToken is missing"),
        (body(), "it has no network of bitbucket with the direction egress"),
        (body(item("203.0.113.0/24", direction=["ingress"])), "it has no network of bitbucket"),
        (body(item("0.0.0.0/0")), "it has 0.0.0.0/0, which is wider than /16"),
        (body(item("::/0")), "it has ::/0, which is wider than /32"),
        (body(item("10.0.0.0/16")), "it has 10.0.0.0/16, which is private"),
        (body(item("128.0.0.0/1"), item("0.0.0.0/1")), "it has 0.0.0.0/0, which is wider than /16"),
        (body(item("203.0.0.0/16"), item("203.1.0.0/16")), "it has 203.0.0.0/15, which is wider than /16"),
        (body(item("203.0.113.1/24")), "has host bits set"),
        (body(item("not a network")), "does not appear to be"),
        (body(item("203.0.113.0/24"), syncToken="1"), "syncToken is not as documented"),
        (body(item("203.0.113.0/24", product="bitbucket")), "items.0.product is not as documented"),
    ],
)
def test_an_invalid_document_is_refused(document: bytes, says: str) -> None:
    with pytest.raises(OutsideWorldError) as caught:
        parse_ranges(URL, document)
    assert says in str(caught.value)
    assert "write the networks into the inventory" in caught.value.do


@pytest.fixture
def fetched(
    start_host: StartHost, ca: trustme.CA, ca_file: Path, stopped: StoppedClock
) -> Callable[[bytes], list[str]]:
    def fetch(reply: bytes) -> list[str]:
        host = start_host(ca.issue_cert("localhost"), replies={"/ip-ranges": reply})
        address = WebAddress.parse(f"https://localhost:{host.port}/ip-ranges", named="the URL")
        return [str(network) for network in fetch_ranges(address, ca_file=ca_file, clock=stopped.clock()).networks]

    return fetch


def test_the_document_is_fetched_over_tls(fetched: Callable[[bytes], list[str]]) -> None:
    assert fetched(http("200 OK", body(item("203.0.113.0/24")))) == ["203.0.113.0/24"]


def test_a_busy_server_is_asked_again_and_a_redirect_is_not_followed(
    fetched: Callable[[bytes], list[str]], stopped: StoppedClock
) -> None:
    with pytest.raises(OutsideWorldError, match="status 503"):
        fetched(http("503 Busy"))
    assert stopped.slept == [0.5, 1.5]
    with pytest.raises(OutsideWorldError, match="status 301"):
        fetched(http("301 Moved", b"", Location="https://evil.example/"))
