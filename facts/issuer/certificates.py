"""The certificates that the hosts of issuers present over TLS, and the thumbprints that follow from them.

AWS's procedure (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc_verify-thumbprint.html):
the issuer's discovery document, the host of its ``jwks_uri``, the last certificate which that host presents, SHA-1.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

import certifi
import requests
from cryptography import x509

from facts.http import REAL_TIME, Clock, within
from facts.issuer.connect import IssuerConnect
from facts.issuer.discovery_document import (
    INSTEAD,
    MAX_DOCUMENT_BYTES,
    DiscoveryDocument,
    authority,
    discovery_url,
    parse_discovery_document,
)
from facts.issuer.failures import request_failure, tried
from facts.issuer.presented_chain import ChainRecordingAdapter
from facts.issuer.transport import Reply, Transport
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

    Arguments and errors are those of ``fetch_chains``, whose last certificates these are of.
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
    between two documents). A thumbprint is believed only after the host's chain was verified against trusted CAs, its
    dates and the host name included. Those CAs are certifi's by default and never the ones that ``REQUESTS_CA_BUNDLE``
    names: where a proxy intercepts TLS, that variable names the proxy's CA, whose thumbprint must not reach AWS.

    What may pass is tried again, at most twice and within the issuer's time: a connection that is refused, reset or not
    taken in time, and the answers 429, 500, 502, 503 and 504. Everything else fails at once.

    Proxies of the environment (``HTTPS_PROXY``, ``NO_PROXY``) are used by HTTP ``CONNECT``; with ``connect`` none is.

    Args:
        issuers: Issuer URLs, https, as in the ``iss`` of tokens. Duplicates are asked once.
        alike: For the issuers of a workspace that is being renamed, those of its other slugs: where there is no
            discovery document, not yet or no longer, that of one of these stands in.
        connect: Where to connect in place of the issuers' hosts: the sandbox's emulated Bitbucket.
        ca_file: A PEM file of the CAs to trust in place of certifi's.
        timeout: Seconds that each issuer may take, from the look-up of its name to the last byte, pauses included.
        clock: For the pauses between tries.

    Raises:
        IssuerError: An issuer could not be reached, or what it presented cannot be believed. The first one ends it.
        UsageError: An issuer is not an https URL, a CA file cannot be read, or both CA files are given.
    """
    trusted = _trusted_cas(connect, ca_file)
    wanted = list(dict.fromkeys(issuers))
    for issuer in wanted:
        if authority(issuer) is None:
            raise UsageError(f"the issuer {issuer[:200]!r} is not an https URL", do="write it as in the tokens' `iss`")
    # At most two hosts for each issuer: its own, and that of its keys.
    adapter = ChainRecordingAdapter(
        hosts=2 * len(wanted) + 1, endpoint=connect.endpoint if connect else None, handshake_timeout=timeout
    )
    with requests.Session() as session:
        # Neither a CA bundle of the environment nor a login from a .netrc file: both would be sent to, or believed
        # of, a host that needs none.
        session.trust_env = False
        session.mount("https://", adapter)
        transport = Transport(session, trusted, timeout, connect, clock)
        return {issuer: _fetch_any(issuer, (alike or {}).get(issuer, ()), transport, adapter) for issuer in wanted}


def _fetch_any(issuer: str, alike: Sequence[str], transport: Transport, adapter: ChainRecordingAdapter) -> Chain:
    """Return the chain of an issuer, or of the first of those alike that has a discovery document."""
    try:
        return _fetch_one(issuer, transport, adapter)
    except _NoDocumentError:
        for other in alike:
            with suppress(_NoDocumentError):
                return _fetch_one(other, transport, adapter)
        raise


def _fetch_one(issuer: str, transport: Transport, adapter: ChainRecordingAdapter) -> Chain:
    url = discovery_url(issuer)
    until = transport.clock.now() + transport.timeout
    try:
        return within(transport.timeout, lambda: _chain_of(issuer, transport, adapter, until))
    except TimeoutError as error:
        raise request_failure(url, error, address=transport.address) from error


def _chain_of(issuer: str, transport: Transport, adapter: ChainRecordingAdapter, until: float) -> Chain:
    document = _discovery_document(issuer, transport, until)
    host, port = authority(document.jwks_uri) or ("", 0)
    chain = adapter.presented_by(host, port)
    if chain is None:
        # The keys are on another host: connect to it once. Whatever it answers, its certificates are what counts.
        transport.send("HEAD", document.jwks_uri, until=until, any_status=True)
        chain = adapter.presented_by(host, port)
    try:
        chain_thumbprint(chain or ())  # what is no chain has none
    except IssuerError as error:
        raise IssuerError(f"{document.jwks_uri}: {error.what}", do=error.do) from error
    return chain or ()


def _discovery_document(issuer: str, transport: Transport, until: float) -> DiscoveryDocument:
    url = discovery_url(issuer)
    reply = transport.send("GET", url, until=until)
    if reply.status != requests.codes.ok:
        raise _unexpected_status(url, reply)
    if len(reply.body) > MAX_DOCUMENT_BYTES:
        raise IssuerError(
            f"{url} holds no discovery document: it is larger than {MAX_DOCUMENT_BYTES} bytes",
            do=f"check that no proxy or login page answers in place of the issuer, {INSTEAD}",
        )
    return parse_discovery_document(issuer, reply.body)


class _NoDocumentError(IssuerError):
    """The host answers, and has no discovery document for the issuer."""


def _unexpected_status(url: str, reply: Reply) -> IssuerError:
    what = f"{url} was answered with status {reply.status}{tried(reply.tries)}"
    if reply.status == requests.codes.not_found:
        return _NoDocumentError(
            f"{what}: there is no such workspace, or no discovery document for it yet",
            do="check the workspace's slug; Bitbucket serves the document only once OpenID Connect is switched on and "
            f"one pipeline has run in the workspace, {INSTEAD}",
        )
    location = reply.headers.get("Location")
    if location is not None:
        return IssuerError(
            f"{what}, a redirect to {location[:200]!r}, which is not followed",
            do=f"check the workspace's slug, and that no login page answers in place of the issuer, {INSTEAD}",
        )
    return IssuerError(f"{what}, expected 200", do=f"try again later, {INSTEAD}")


def _trusted_cas(connect: IssuerConnect | None, ca_file: Path | None) -> Path:
    """Return the PEM file of the CAs to trust, after a look into it unless it is certifi's."""
    if connect is not None and ca_file is not None:
        raise UsageError("both issuerConnect and a CA file are given", do="issuerConnect has a CA file of its own")
    chosen = connect.ca_file if connect is not None else ca_file
    if chosen is None:
        return Path(certifi.where())
    return checked_ca_file(chosen)
