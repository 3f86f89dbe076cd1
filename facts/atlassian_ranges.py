"""The networks that Bitbucket sends requests from, as Atlassian publishes them.

Source: https://ip-ranges.atlassian.com/, described at
https://support.atlassian.com/organization-administration/docs/ip-addresses-and-domains-for-atlassian-cloud-products/.
"""

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from pathlib import Path

import requests
from pydantic import BaseModel, ConfigDict, StrictInt, StrictStr, ValidationError

from config.lock.models import LockedRanges
from config.models.scalars import Network
from config.rules.source_addresses import fault_of_published
from facts.bitbucket.answers import fault_of
from facts.http import REAL_TIME, Clock, NoReply, Transport
from facts.web_address import WebAddress
from oidc.errors import OutsideWorldError

URL = "https://ip-ranges.atlassian.com"
_PRODUCT, _DIRECTION, _PERIMETERS = "bitbucket", "egress", (None, "commercial")
_OTHERWISE = "or write the networks into the inventory instead of `atlassian`"


class _Item(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    cidr: StrictStr
    product: tuple[StrictStr, ...]
    direction: tuple[StrictStr, ...]
    perimeter: StrictStr | None = None


class _Document(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    syncToken: StrictInt  # noqa: N815 - the name in the document
    items: tuple[_Item, ...]


def fetch_ranges(address: WebAddress, *, ca_file: Path | None = None, clock: Clock = REAL_TIME) -> LockedRanges:
    """Fetch the published document, and return the networks that Bitbucket sends requests from.

    Raises:
        OutsideWorldError: The document cannot be fetched, or is not as documented.
    """
    reply = Transport(ca_file, clock=clock).send(requests.Request("GET", address.url))
    if isinstance(reply, NoReply):
        raise OutsideWorldError(
            f"{address.url} could not be fetched: {reply.what}", do=f"check the network and its proxies, {_OTHERWISE}"
        )
    if reply.status != 200:  # noqa: PLR2004 - OK
        raise OutsideWorldError(
            f"{address.url} was answered with status {reply.status}, expected 200", do=f"try again later, {_OTHERWISE}"
        )
    return parse_ranges(address.url, reply.body)


def parse_ranges(url: str, body: bytes) -> LockedRanges:
    """Return the networks of a published document that Bitbucket sends requests from, as ``aggregated`` joins them.

    Raises:
        OutsideWorldError: The document is not as documented, has no such network, or has networks that are private or
            wider than any of Atlassian: such a network would let in others.
    """
    try:
        document = _Document.model_validate_json(body)
        networks = [
            ip_network(item.cidr)
            for item in document.items
            if _PRODUCT in item.product and _DIRECTION in item.direction and item.perimeter in _PERIMETERS
        ]
    except ValidationError as error:
        raise _not_as_documented(url, fault_of(error)) from None
    except ValueError as error:
        raise _not_as_documented(url, str(error)[:200]) from None
    if not networks:
        raise _not_as_documented(url, f"it has no network of {_PRODUCT} with the direction {_DIRECTION}")
    if (what := fault_of_published(networks)) is not None:
        raise _not_as_documented(url, f"it has {what}")
    ranges = {"sync_token": document.syncToken, "networks": [str(network) for network in aggregated(networks)]}
    return LockedRanges.model_validate(ranges)


def aggregated(networks: Iterable[Network]) -> tuple[Network, ...]:
    """Return the smallest list of networks with exactly the same addresses, IPv4 first."""
    every = list(networks)
    ipv4 = collapse_addresses(network for network in every if isinstance(network, IPv4Network))
    ipv6 = collapse_addresses(network for network in every if isinstance(network, IPv6Network))
    return (*ipv4, *ipv6)


def _not_as_documented(url: str, what: str) -> OutsideWorldError:
    do = f"check that no proxy answers instead of Atlassian, {_OTHERWISE}"
    return OutsideWorldError(f"the document at {url} is not as documented: {what}", do=do)
