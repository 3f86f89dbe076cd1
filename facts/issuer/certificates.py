"""The certificates that issuers' hosts present over TLS, and their thumbprints.

AWS's procedure (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc_verify-thumbprint.html):
the issuer's discovery document, the host of its ``jwks_uri``, the last certificate that this host presents, SHA-1.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import certifi
import requests
from cryptography import x509

from facts.http import REAL_TIME, Clock, NoReply, Reply, Retries, Transport
from facts.http_failures import is_of_tls, tried
from facts.issuer.connect import IssuerConnect
from facts.issuer.discovery_document import (
    INSTEAD,
    MAX_DOCUMENT_BYTES,
    DiscoveryDocument,
    authority,
    discovery_url,
    parse_discovery_document,
)
from facts.issuer.presented_chain import ChainRecordingAdapter
from facts.web_address import checked_ca_file
from oidc.errors import IssuerError, UsageError
from oidc.thumbprint import Thumbprint, chain_thumbprint

Chain: TypeAlias = tuple[x509.Certificate, ...]
"""One chain in order, verified."""


def fetch_thumbprints(
    issuers: Collection[str],
    *,
    alike: Mapping[str, Sequence[str]] | None = None,
    connect: IssuerConnect | None = None,
    ca_file: Path | None = None,
    timeout: float = 10.0,
    clock: Clock = REAL_TIME,
) -> dict[str, Thumbprint]:
    """Return the thumbprint for each issuer, ``{"https://api.bitbucket.org/2.0/…/oidc": "990f41…"}``.

    Each is the thumbprint of the last certificate from ``fetch_chains``; arguments and errors are the same.
    """
    chains = fetch_chains(issuers, alike=alike, connect=connect, ca_file=ca_file, timeout=timeout, clock=clock)
    return {issuer: chain_thumbprint(chain) for issuer, chain in chains.items()}


def fetch_chains(
    issuers: Collection[str],
    *,
    alike: Mapping[str, Sequence[str]] | None = None,
    connect: IssuerConnect | None = None,
    ca_file: Path | None = None,
    timeout: float = 10.0,
    clock: Clock = REAL_TIME,
) -> dict[str, Chain]:
    """Return the certificates that the host of each issuer's keys presents, the host's own first.

    One TLS connection is made to each distinct host, however many issuers it serves (more only if the host closes it
    between two documents). A thumbprint is used only after the host's chain is verified against trusted CAs, with
    its dates and the host name. Those CAs are certifi's by default and never the ones that ``REQUESTS_CA_BUNDLE``
    names: if a proxy intercepts TLS, that variable names the proxy's CA, whose thumbprint must not reach AWS.

    Temporary failures are tried again, at most twice and within the issuer's time: a connection that is refused or
    reset or that times out, and the answers 429, 500, 502, 503 and 504. All other failures are final.

    Proxies of the environment (``HTTPS_PROXY``, ``NO_PROXY``) are used by HTTP ``CONNECT``; with ``connect``, no proxy
    is used.

    Args:
        issuers: Issuer URLs, https, as in the ``iss`` of tokens. Duplicates are requested once.
        alike: For each issuer of a workspace during a rename, the issuers of its other slugs. If the issuer has no
            discovery document, the document of one of these is used.
        connect: The address to use instead of the issuers' hosts: the sandbox's emulated Bitbucket.
        ca_file: A PEM file of the CAs to trust instead of certifi's.
        timeout: The time limit for each issuer in seconds, from the look-up of its name to the last byte, with pauses.
        clock: For the pauses between tries.

    Raises:
        IssuerError: An issuer could not be reached, or its certificates cannot be trusted. The first failure ends the
            fetch.
        UsageError: An issuer is not an https URL, a CA file cannot be read, or both CA files are given.
    """
    trusted = _trusted_cas(connect, ca_file)
    wanted = list(dict.fromkeys(issuers))
    for issuer in wanted:
        if authority(issuer) is None:
            raise UsageError(f"the issuer {issuer[:200]!r} is not an https URL", do="write it as in the tokens' `iss`")
    # At most two hosts for each issuer: the issuer's host, and the host of its keys.
    adapter = ChainRecordingAdapter(
        hosts=2 * len(wanted) + 1, endpoint=connect.endpoint if connect else None, handshake_timeout=timeout
    )
    retries = Retries()
    transport = Transport(
        trusted,
        timeout,
        connect_seconds=timeout / (len(retries.pauses) + 1),  # a connection that times out can be tried again
        max_bytes=MAX_DOCUMENT_BYTES,
        retries=retries,
        proxies={} if connect else None,
        clock=clock,
        adapter=adapter,
    )
    with closing(adapter):
        fetch = _Fetch(transport, adapter, connect.address if connect else "")
        return {issuer: _fetch_any(issuer, (alike or {}).get(issuer, ()), fetch) for issuer in wanted}


@dataclass(frozen=True)
class _Fetch:
    """One fetch: its HTTP client, its store of chains, and the address that replaces the hosts, if any."""

    transport: Transport
    adapter: ChainRecordingAdapter
    address: str

    def send(self, method: str, url: str, until: float, *, any_status: bool = False) -> Reply:
        outcome = self.transport.send(requests.Request(method, url), until=until, any_status=any_status)
        if isinstance(outcome, NoReply):
            raise self.failure(outcome) from outcome.error
        return outcome

    def failure(self, outcome: NoReply) -> IssuerError:
        if self.address:
            return IssuerError(
                f"{outcome.url} (asked at {self.address}) could not be fetched: {outcome.what}",
                do=f"check that the CA file belongs to the server at {self.address}",
            )
        do = (
            "check that no proxy intercepts TLS: its CA must not reach AWS"
            if is_of_tls(outcome.error)
            else "check the network and the HTTPS_PROXY and NO_PROXY variables"
        )
        return IssuerError(f"{outcome.url} could not be fetched: {outcome.what}", do=f"{do}, {INSTEAD}")


def _fetch_any(issuer: str, alike: Sequence[str], fetch: _Fetch) -> Chain:
    """Return the chain of an issuer, or of the first issuer in ``alike`` that has a discovery document."""
    try:
        return _chain_of(issuer, fetch)
    except _NoDocumentError:
        for other in alike:
            with suppress(_NoDocumentError):
                return _chain_of(other, fetch)
        raise


def _chain_of(issuer: str, fetch: _Fetch) -> Chain:
    until = fetch.transport.clock.now() + fetch.transport.seconds
    document = _discovery_document(issuer, fetch, until)
    host, port = authority(document.jwks_uri) or ("", 0)
    chain = fetch.adapter.presented_by(host, port)
    if chain is None:
        # The keys are on another host: connect to it once. Only its certificates count, not its answer.
        fetch.send("HEAD", document.jwks_uri, until, any_status=True)
        chain = fetch.adapter.presented_by(host, port)
    try:
        chain_thumbprint(chain or ())  # raises for an invalid chain
    except IssuerError as error:
        raise IssuerError(f"{document.jwks_uri}: {error.what}", do=error.do) from error
    return chain or ()


def _discovery_document(issuer: str, fetch: _Fetch, until: float) -> DiscoveryDocument:
    url = discovery_url(issuer)
    reply = fetch.send("GET", url, until)
    if reply.status != requests.codes.ok:
        raise _unexpected_status(url, reply)
    if reply.is_too_large:
        raise IssuerError(
            f"{url} has no discovery document: the answer is larger than {MAX_DOCUMENT_BYTES} bytes",
            do=f"check that no proxy or login page answers instead of the issuer, {INSTEAD}",
        )
    return parse_discovery_document(issuer, reply.body)


class _NoDocumentError(IssuerError):
    """The host answers, but has no discovery document for the issuer."""


def _unexpected_status(url: str, reply: Reply) -> IssuerError:
    what = f"{url} was answered with status {reply.status}{tried(reply.tries)}"
    if reply.status == requests.codes.not_found:
        return _NoDocumentError(
            f"{what}: the workspace does not exist, or has no discovery document yet",
            do="check the workspace's slug; Bitbucket serves the document only after OpenID Connect is switched on and "
            f"a pipeline has run in the workspace, {INSTEAD}",
        )
    location = reply.headers.get("Location")
    if location is not None:
        return IssuerError(
            f"{what}, a redirect to {location[:200]!r}, which is not followed",
            do=f"check the workspace's slug, and that no login page answers instead of the issuer, {INSTEAD}",
        )
    return IssuerError(f"{what}, expected 200", do=f"try again later, {INSTEAD}")


def _trusted_cas(connect: IssuerConnect | None, ca_file: Path | None) -> Path:
    """Return the PEM file of the CAs to trust; check its content, unless it is certifi's."""
    if connect is not None and ca_file is not None:
        raise UsageError("both issuerConnect and a CA file are given", do="remove the CA file: issuerConnect has one")
    chosen = connect.ca_file if connect is not None else ca_file
    if chosen is None:
        return Path(certifi.where())
    return checked_ca_file(chosen)
