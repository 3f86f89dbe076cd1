"""The documents of issuers, and address ranges as ip-ranges.atlassian.com publishes them."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from ipaddress import ip_network
from urllib.parse import unquote

from sandbox.emulated_bitbucket.exchange import Document, HttpAnswer, error_answer
from sandbox.emulated_bitbucket.workspaces import EmulatedWorkspace

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
    """A published state; by default networks for documentation (https://www.rfc-editor.org/rfc/rfc5737, …/rfc3849)."""

    sync_token: int = 1700000000
    ranges: tuple[EmulatedRange, ...] = (
        EmulatedRange("203.0.113.0/25"),
        EmulatedRange("203.0.113.128/25"),
        EmulatedRange("2001:db8::/48"),
        EmulatedRange("198.51.100.0/24", directions=("ingress",)),
        EmulatedRange("192.0.2.0/24", products=("jira",)),
    )

    def document(self) -> Mapping[str, object]:
        """Return the document in the form of the real one."""
        return {
            "creationDate": "2026-11-01T00:00:00.000000",
            "syncToken": self.sync_token,
            "items": [_item(published) for published in self.ranges],
        }


def _item(published: EmulatedRange) -> Mapping[str, object]:
    network = ip_network(published.network)
    return {
        "network": str(network.network_address),
        "mask_len": network.prefixlen,
        "cidr": str(network),
        "mask": str(network.netmask),
        "region": list(published.regions),
        "product": list(published.products),
        "direction": list(published.directions),
        "perimeter": "commercial",
    }


class Site:
    """The issuer documents of one emulated Bitbucket.

    Args:
        workspaces: The existing workspaces; the answer for any other is 404.
        jwks: The key set of all workspaces, as on the real host.
    """

    def __init__(self, workspaces: Iterable[EmulatedWorkspace], jwks: Document) -> None:
        known = tuple(workspaces)
        # As in the REST API, a path may name a workspace by slug or UUID; the documents always have the slug.
        self._workspaces = {workspace.uuid: workspace for workspace in known}
        self._workspaces |= {workspace.slug: workspace for workspace in known}
        identity = "/2.0/workspaces/([^/]+)/pipelines-config/identity/oidc"
        self._routes: tuple[tuple[re.Pattern[str], Callable[[EmulatedWorkspace], Document]], ...] = (
            (re.compile(identity + r"/\.well-known/openid-configuration"), discovery_document),
            (re.compile(identity + r"/keys\.json"), lambda _: jwks),
        )

    def answer(self, path: str) -> HttpAnswer | None:
        """Answer a path (percent-encoded, without query); ``None`` if no issuer document has it."""
        for route, document in self._routes:
            match = route.fullmatch(path)
            if match is None:
                continue
            name = unquote(match[1])
            workspace = self._workspaces.get(name)
            if workspace is None:
                return error_answer(HTTPStatus.NOT_FOUND, f"No workspace with identifier '{name}'.")
            return HttpAnswer(HTTPStatus.OK, document(workspace))
        return None


def discovery_document(workspace: EmulatedWorkspace) -> Document:
    """Return a workspace's discovery document, with the fields that clients read."""
    return {
        "issuer": workspace.issuer,
        "jwks_uri": f"{workspace.issuer}/keys.json",
        "subject_types_supported": ["public"],
        "response_types_supported": ["id_token"],
        "claims_supported": [
            "iss", "aud", "sub", "iat", "exp", "workspaceUuid", "repositoryUuid", "pipelineUuid", "pipelineRunUuid",
            "stepUuid", "branchName", "deploymentEnvironmentUuid",
        ],
    }  # fmt: skip
