"""The origin of a call: an address, or a VPC endpoint instead of an address."""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from access.plan import RolePlan

ELSEWHERE = "192.0.2.77"
"""An address for documentation (RFC 5737); the source of a call for which the address does not matter."""

_OTHER_ENDPOINTS = ("vpce-0000000000000dead", "vpce-0000000000000beef")


@dataclass(frozen=True, slots=True)
class CallOrigin:
    """The origin of a call.

    Attributes:
        source_ip: The address of the caller; AWS does not see it in a call through an endpoint.
        source_vpce: The VPC endpoint of the call, or ``None``.
    """

    source_ip: str = ELSEWHERE
    source_vpce: str | None = None

    def __str__(self) -> str:
        return self.source_ip if self.source_vpce is None else f"VPC endpoint {self.source_vpce}"


ANYWHERE = CallOrigin()
"""The origin of a call for which the origin does not matter."""


def is_taken(role: RolePlan, origin: CallOrigin) -> bool:
    """Tell whether the inventory accepts calls from this origin for this role."""
    if not role.source_ips and not role.source_vpces:
        return True
    if origin.source_vpce is not None:
        return origin.source_vpce in role.source_vpces
    return any(ip_address(origin.source_ip) in network for network in role.source_ips)


def taken_origins(role: RolePlan) -> list[CallOrigin]:
    """Return one accepted origin of each kind that the role restricts; never empty."""
    origins = [CallOrigin(_first_address(role.source_ips))] if role.source_ips else []
    origins += [CallOrigin(source_vpce=role.source_vpces[0])] if role.source_vpces else []
    return origins or [ANYWHERE]


def other_origins(role: RolePlan) -> Iterator[tuple[str, CallOrigin]]:
    """Yield origins that a role refuses, each with its name for people; nothing if the role accepts all."""
    if not role.source_ips and not role.source_vpces:
        return
    yield "another address", CallOrigin(_other_address(role.source_ips))
    other = next(endpoint for endpoint in _OTHER_ENDPOINTS if endpoint not in role.source_vpces)
    # With an accepted address: AWS does not see it in a call through an endpoint.
    yield "another VPC endpoint", CallOrigin(_first_address(role.source_ips) if role.source_ips else ELSEWHERE, other)


def _first_address(networks: tuple[IPv4Network | IPv6Network, ...]) -> str:
    return str(networks[0][0] if networks[0].num_addresses == 1 else networks[0][1])


def _other_address(networks: tuple[IPv4Network | IPv6Network, ...]) -> str:
    """Return an address outside ``networks``: the first free one after a network, else one for documentation."""
    candidates = [network.broadcast_address + 1 for network in networks if int(network.broadcast_address) < _LAST_V4]
    documentation = [ip_network(text)[9] for text in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")]
    free = (address for address in [*candidates, *documentation] if not any(address in network for network in networks))
    return str(next(free, ELSEWHERE))


_LAST_V4 = int(ip_address("255.255.255.255"))
