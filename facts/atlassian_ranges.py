"""The networks that Bitbucket calls others from, as Atlassian publishes them.

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
from config.rules.source_addresses import WIDEST, is_private
from facts.bitbucket.answers import fault_of
from facts.http import REAL_TIME, Clock, NoReply, Transport
from facts.web_address import WebAddress
from oidc.errors import OutsideWorldError

URL = "https://ip-ranges.atlassian.com"
_PRODUCT, _DIRECTION, _PERIMETERS = "bitbucket", "egress", (None, "commercial")
_OTHERWISE = "or write the networks into the inventory in place of `atlassian`"


class _Item(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    cidr: StrictStr
    product: tuple[StrictStr, ...]
    direction: tuple[StrictStr, ...]
    perimeter: StrictStr | None = None


class _Document(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    syncToken: StrictInt  # noqa: N815 - as it is published
    items: tuple[_Item, ...]


def fetch_ranges(address: WebAddress, *, ca_file: Path | None = None, clock: Clock = REAL_TIME) -> LockedRanges:
    """Fetch the published document, and return what Bitbucket calls from.

    Raises:
        OutsideWorldError: It cannot be fetched, or is not as documented.
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
    """Return the networks of a published document that Bitbucket calls from, aggregated, none of them wider together.

    Raises:
        OutsideWorldError: It is not as documented, has none of them, or one that is private or wider than any that
            Atlassian could have: nobody is let in on such a word.
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
    for network in networks:
        if is_private(network) or network.prefixlen < WIDEST[network.version]:
            what = "private" if is_private(network) else f"wider than /{WIDEST[network.version]}"
            raise _not_as_documented(url, f"it has {network}, which is {what}")
    told = {"sync_token": document.syncToken, "networks": [str(network) for network in aggregated(networks)]}
    return LockedRanges.model_validate(told)


def aggregated(networks: Iterable[Network]) -> tuple[Network, ...]:
    """Return as few networks as hold the very same addresses, IPv4 first."""
    every = list(networks)
    old = collapse_addresses(one for one in every if isinstance(one, IPv4Network))
    new = collapse_addresses(one for one in every if isinstance(one, IPv6Network))
    return (*old, *new)


def _not_as_documented(url: str, what: str) -> OutsideWorldError:
    do = f"check that no proxy answers in place of Atlassian, {_OTHERWISE}"
    return OutsideWorldError(f"the document at {url} is not as documented: {what}", do=do)
