"""Where a call comes from: an address, or a VPC endpoint in place of one."""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from access.plan import RolePlan

ELSEWHERE = "192.0.2.77"
"""An address for documentation (RFC 5737): where a call comes from when nothing depends on it."""

_OTHER_ENDPOINTS = ("vpce-0000000000000dead", "vpce-0000000000000beef")


@dataclass(frozen=True, slots=True)
class CallOrigin:
    """Where a call comes from.

    Attributes:
        source_ip: Its address; AWS does not see it where there is an endpoint.
        source_vpce: The VPC endpoint that it goes through, or ``None``.
    """

    source_ip: str = ELSEWHERE
    source_vpce: str | None = None

    def __str__(self) -> str:
        return self.source_ip if self.source_vpce is None else f"VPC endpoint {self.source_vpce}"


ANYWHERE = CallOrigin()
"""Where a call comes from when nothing depends on it."""


def is_taken(role: RolePlan, origin: CallOrigin) -> bool:
    """Tell whether the inventory takes calls from there for this role."""
    if not role.source_ips and not role.source_vpces:
        return True
    if origin.source_vpce is not None:
        return origin.source_vpce in role.source_vpces
    return any(ip_address(origin.source_ip) in network for network in role.source_ips)


def taken_origins(role: RolePlan) -> list[CallOrigin]:
    """Return an origin of each kind that a role takes; never empty."""
    found = [CallOrigin(_inside(role.source_ips))] if role.source_ips else []
    found += [CallOrigin(source_vpce=role.source_vpces[0])] if role.source_vpces else []
    return found or [ANYWHERE]


def other_origins(role: RolePlan) -> Iterator[tuple[str, CallOrigin]]:
    """Yield origins that a role does not take, each with its name for people; none where it takes all."""
    if not role.source_ips and not role.source_vpces:
        return
    yield "another address", CallOrigin(_outside(role.source_ips))
    other = next(endpoint for endpoint in _OTHER_ENDPOINTS if endpoint not in role.source_vpces)
    # With an address that would do: through an endpoint it is not seen.
    yield "another VPC endpoint", CallOrigin(_inside(role.source_ips) if role.source_ips else ELSEWHERE, other)


def _inside(networks: tuple[IPv4Network | IPv6Network, ...]) -> str:
    return str(networks[0][0] if networks[0].num_addresses == 1 else networks[0][1])


def _outside(networks: tuple[IPv4Network | IPv6Network, ...]) -> str:
    """Return an address that none of ``networks`` holds: the next ones after each are tried, then documentation's."""
    candidates = [network.broadcast_address + 1 for network in networks if int(network.broadcast_address) < _LAST_V4]
    documentation = [ip_network(text)[9] for text in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")]
    free = (one for one in [*candidates, *documentation] if not any(one in network for network in networks))
    return str(next(free, ELSEWHERE))


_LAST_V4 = int(ip_address("255.255.255.255"))
