"""Source addresses: the lock has the published ranges, and every network limits who can call AWS."""

from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network, ip_network

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


def _check_atlassian(context: Context, at: Path) -> Iterator[Fault]:
    ranges = context.lock.lock.address_ranges.get("atlassian")
    if ranges is not None:
        # `lock` writes none of these, but whoever may change the inventory may change the lock.
        wide = [network for network in ranges.networks if network.prefixlen < WIDEST[network.version]]
        for network in wide[:1]:
            what = f"the address ranges in the lock have {network}, which limits almost nothing"
            yield Fault("wide-network", at, what, "run `bitbucket-oidc lock`, which writes the published ranges")
        message = (
            "all customers of Bitbucket share these addresses, and only steps of size 4x and larger with "
            "`atlassian-ip-ranges: true` use them"
        )
        hint = "name the addresses of your own runners, or accept it: `allow: {shared-addresses: WHY}`"
        yield Fault("shared-addresses", at, message, hint)
    elif not context.lock.is_broken:
        message = "the address ranges of Atlassian are not in the lock"
        yield Fault("needs-lock", at, message, "run `bitbucket-oidc lock`, or write the networks")
