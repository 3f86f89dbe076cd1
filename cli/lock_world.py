"""Whom `bitbucket-oidc lock` asks, by its options and its environment."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from config.lock.parts import Part
from facts import atlassian_ranges
from facts.bitbucket.client import BitbucketClient
from facts.bitbucket.credentials import Credentials, find_credentials
from facts.bitbucket.failures import HOW
from facts.bitbucket.transport import API, Settings, Transport
from facts.issuer_certificates import Chain, fetch_chains
from facts.issuer_chains import FetchChain
from facts.issuer_connect import IssuerConnect
from facts.lock_refresh import World
from facts.web_address import WebAddress, checked_ca_file


def world_of(
    bitbucket_url: str | None,
    ranges_url: str | None,
    ca_file: Path | None,
    *,
    parts: frozenset[Part],
    tell: Callable[[str], None],
) -> World:
    """Return whom to ask.

    A Bitbucket on this machine stands for the real one, its issuers included: their certificates are taken there then,
    if it has TLS and the file of its CA is named.

    Args:
        bitbucket_url: Of the REST API, or ``None`` for the real one.
        ranges_url: Of the address ranges, likewise.
        ca_file: PEM of the CAs to trust.
        parts: What is asked: credentials are for names alone.
        tell: Takes notes for people.

    Raises:
        UsageError: A URL, the CA file or the credentials cannot be used.
    """
    address = WebAddress.parse(API if bitbucket_url is None else bitbucket_url, named="the URL of Bitbucket")
    ranges = WebAddress.parse(
        atlassian_ranges.URL if ranges_url is None else ranges_url, named="the URL of the address ranges"
    )
    trusted = checked_ca_file(ca_file) if ca_file is not None else None
    if address.is_loopback and parts & {Part.WORKSPACES, Part.ISSUERS}:
        tell("note: a Bitbucket on this machine is asked in place of the real one; do not commit what it says")
    asks_names = Part.WORKSPACES in parts
    credentials = find_credentials(os.environ, address.origin[1]) if asks_names else Credentials()
    if asks_names and not credentials.source:
        tell(f"note: there are no credentials for Bitbucket, so it shows what is public alone; {HOW}")

    def on_wait(seconds: float) -> None:
        tell(f"waiting {seconds / 60:.0f} minutes: Bitbucket's limit of requests an hour is used up")

    settings = Settings(address, trusted, on_wait=on_wait)
    return World(
        BitbucketClient(Transport(credentials, settings)),
        _fetch_chain(address, trusted),
        lambda: atlassian_ranges.fetch_ranges(ranges, ca_file=trusted),
    )


def _fetch_chain(address: WebAddress, ca_file: Path | None) -> FetchChain | None:
    if address.is_loopback and (address.origin[0] != "https" or ca_file is None):
        return None
    connect = IssuerConnect(address.connect_to, ca_file) if address.is_loopback and ca_file is not None else None

    def fetch_chain(issuer: str, alike: Sequence[str]) -> Chain:
        return fetch_chains([issuer], alike={issuer: alike}, connect=connect)[issuer]

    return fetch_chain
