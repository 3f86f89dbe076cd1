"""The engine calls nothing but loopback: it refuses a configuration that could reach real AWS."""

import ipaddress
import json
from collections.abc import Mapping
from urllib.parse import urlsplit

from fleet.pulumi_cli.steps import opened
from oidc.errors import SandboxError
from sandbox.engine.values import Properties, folded

NEEDED_SERVICES = ("iam", "sts")
"""Services that the program's resources call; each needs an endpoint."""


def check_endpoints(urn: str, inputs: Properties) -> None:
    """Check that the endpoints of an AWS provider resource are on loopback.

    Args:
        urn: The AWS provider resource, for the message.
        inputs: Its inputs; ``endpoints`` is a list of mappings from a service to a URL, or the JSON text of one.

    Raises:
        SandboxError: an endpoint is missing, or is not on loopback.
    """
    endpoints = _endpoints(urn, inputs.get("endpoints"))
    for service, url in endpoints:
        if not is_loopback(url):
            raise SandboxError(
                f"{urn}: the endpoint of {service} is {url}; the sandbox allows loopback alone",
                do="for real AWS accounts run pulumi up",
            )
    missing = [service for service in NEEDED_SERVICES if service not in dict(endpoints)]
    if missing:
        raise SandboxError(
            f"{urn}: no endpoint for {' and '.join(missing)}; without one the call would go to real AWS",
            do="give the AWS provider a loopback endpoint for each; for real AWS accounts run pulumi up",
        )


def is_loopback(url: str) -> bool:
    """Tell whether a URL names this machine: a loopback address, ``localhost`` or a name under it (RFC 6761, 6.3)."""
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or host.endswith(".localhost") or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def with_endpoints(inputs: Properties, endpoints: Mapping[str, str]) -> Properties:
    """Return a configuration with other endpoints, in the same form (a list or its JSON text)."""
    replaced = [dict(endpoints)]
    as_text = isinstance(inputs.get("endpoints"), str)
    return {**inputs, "endpoints": folded(replaced) if as_text else replaced}


def only_moved(old: Properties, new: Properties) -> bool:
    """Tell whether two configurations differ only in the endpoints of the same services.

    The emulated AWS takes a free port at each start, so such a difference is no change of the program.
    """
    if _without_endpoints(old) != _without_endpoints(new):
        return False
    before, after = (_endpoints("", inputs.get("endpoints")) for inputs in (old, new))
    return sorted(service for service, _ in before) == sorted(service for service, _ in after)


def _without_endpoints(inputs: Properties) -> Properties:
    return {key: opened(value) for key, value in inputs.items() if key != "endpoints"}


def _endpoints(urn: str, value: object) -> list[tuple[str, str]]:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError as error:
            raise SandboxError(f"{urn}: the endpoints are neither a list nor JSON: {value!r}") from error
    blocks = value if isinstance(value, list) else []
    return [(service, str(url)) for block in blocks if isinstance(block, dict) for service, url in block.items() if url]
