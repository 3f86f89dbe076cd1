"""Source addresses: the lock has the published ranges, and every network limits who can call AWS."""

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network

from config.findings import Fault
from config.models.role import ATLASSIAN
from config.rules.context import Context
from config.yaml.document import Path

WIDEST = {4: 16, 6: 32}
"""The shortest prefix by IP version that is not wide: /16 was the largest network that an organisation was commonly
given ("class b" of RFC 791), and /32 is what an internet provider gets for all of its customers
(https://www.ripe.net/publications/docs/ripe-738/)."""

_PRIVATE = tuple(
    ip_network(text)
    for text in (
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",  # RFC 1918
        "100.64.0.0/10",  # RFC 6598: between a provider and its customers
        "127.0.0.0/8", "169.254.0.0/16",  # RFC 6890: this machine, this link
        "fc00::/7", "fe80::/10", "::1/128",  # RFC 4193, RFC 4291
    )
)  # fmt: skip


def check_source_addresses(context: Context) -> Iterator[Fault]:
    """Yield addresses that the lock does not have, that limit nothing, or that no call to AWS comes from."""
    for path, settings in context.settings():
        if settings.source_ips is None:
            continue
        at: Path = (*path, "source_ips")
        if settings.source_ips == ATLASSIAN:
            yield from _check_atlassian(context, at)
            continue
        for index, network in enumerate(settings.source_ips):
            if isinstance(network, str):  # `atlassian`, see above
                continue
            if is_private(network):
                message = f"{network} is private, and AWS sees only public addresses, so no call comes from it"
                hint = "name the public addresses of their NAT, or the VPC endpoint that they use under `source_vpces`"
                yield Fault("private-network", (*at, index), message, hint)
            elif network.prefixlen < WIDEST[network.version]:
                yield from _wide((*at, index), network)


def is_private(network: IPv4Network | IPv6Network) -> bool:
    """Tell whether AWS never sees an address of this network: "The aws:SourceIp condition key can only be used for
    public IP address ranges".

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-sourceip
    """  # noqa: D205 - one sentence that does not fit on a line
    mask, first = int(network.netmask), int(network.network_address)
    return any(
        private.version == network.version
        and mask & int(private.netmask) == int(private.netmask)
        and first & int(private.netmask) == int(private.network_address)
        for private in _PRIVATE
    )


def _wide(at: Path, network: IPv4Network | IPv6Network) -> Iterator[Fault]:
    what = f"{network} is every address of IPv{network.version}, so it limits nothing"
    if network.prefixlen:
        most = WIDEST[network.version]
        what = f"{network} is wider than /{most}, more than one organisation has: it limits almost nothing"
    hint = "name the public addresses of your runners, or accept it: `allow: {wide-network: WHY}`"
    yield Fault("wide-network", at, what, hint)


def fault_of_published(networks: Sequence[IPv4Network | IPv6Network]) -> str | None:
    """Return what is wrong with networks in place of Atlassian's: ``0.0.0.0/0, which is wider than /16``, or ``None``.

    Neighbours count as one network, so that the halves of a network are as wide as the whole. Atlassian publishes some
    thousand addresses (https://ip-ranges.atlassian.com/), much less than ``_MOST`` times the widest network.
    """
    ipv4 = list(collapse_addresses(network for network in networks if isinstance(network, IPv4Network)))
    ipv6 = list(collapse_addresses(network for network in networks if isinstance(network, IPv6Network)))
    joined: tuple[IPv4Network | IPv6Network, ...] = (*ipv4, *ipv6)
    for network in joined:
        if is_private(network):
            return f"{network}, which is private"
        if network.prefixlen < WIDEST[network.version]:
            return f"{network}, which is wider than /{WIDEST[network.version]}"
    for version, bits in ((4, 32), (6, 128)):
        addresses = sum(network.num_addresses for network in joined if network.version == version)
        if addresses > _MOST * 2 ** (bits - WIDEST[version]):
            return f"networks of IPv{version} that together are wider than {_MOST} networks of /{WIDEST[version]}"
    return None


_MOST = 16


def check_locked_networks(context: Context) -> Iterator[Fault]:
    """Yield address ranges in the lock that Atlassian cannot have published: whoever has one could assume roles."""
    source = context.lock.source
    for name, ranges in context.lock.lock.address_ranges.items():
        if source is not None and (what := fault_of_published(ranges.networks)) is not None:
            at: Path = ("address_ranges", name, "networks")
            hint = "run `bitbucket-oidc lock`, which writes the published ranges"
            yield Fault("lock-networks", at, f"the address ranges have {what}", hint, file=source.path)


def _check_atlassian(context: Context, at: Path) -> Iterator[Fault]:
    if "atlassian" in context.lock.lock.address_ranges:
        message = (
            "all customers of Bitbucket share these addresses, and only steps of size 4x and larger with "
            "`atlassian-ip-ranges: true` use them"
        )
        hint = "name the addresses of your own runners, or accept it: `allow: {shared-addresses: WHY}`"
        yield Fault("shared-addresses", at, message, hint)
    elif not context.lock.is_broken:
        message = "the address ranges of Atlassian are not in the lock"
        yield Fault("needs-lock", at, message, "run `bitbucket-oidc lock`, or write the networks")
