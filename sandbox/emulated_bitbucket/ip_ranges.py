"""What ip-ranges.atlassian.com publishes, in the emulated Bitbucket."""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_network

IP_RANGES_PATH = "/ip-ranges"


@dataclass(frozen=True)
class EmulatedRange:
    """One published network."""

    network: str
    products: tuple[str, ...] = ("bitbucket",)
    directions: tuple[str, ...] = ("egress", "ingress")
    regions: tuple[str, ...] = ("global",)


@dataclass(frozen=True)
class EmulatedRanges:
    """A published state; networks of documentation by default (https://www.rfc-editor.org/rfc/rfc5737, …/rfc3849)."""

    sync_token: int = 1700000000
    ranges: tuple[EmulatedRange, ...] = (
        EmulatedRange("203.0.113.0/25"),
        EmulatedRange("203.0.113.128/25"),
        EmulatedRange("2001:db8::/48"),
        EmulatedRange("198.51.100.0/24", directions=("ingress",)),
        EmulatedRange("192.0.2.0/24", products=("jira",)),
    )

    def document(self) -> Mapping[str, object]:
        """Return it in the form that clients of the real one read."""
        return {
            "creationDate": "2026-11-01T00:00:00.000000",
            "syncToken": self.sync_token,
            "items": [_item(one) for one in self.ranges],
        }


def _item(one: EmulatedRange) -> Mapping[str, object]:
    network = ip_network(one.network)
    return {
        "network": str(network.network_address),
        "mask_len": network.prefixlen,
        "cidr": str(network),
        "mask": str(network.netmask),
        "region": list(one.regions),
        "product": list(one.products),
        "direction": list(one.directions),
        "perimeter": "commercial",
    }
