"""Bitbucket for the commands of pipelines: their options, their API client, and the handling of failures."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from config.findings import one_line
from facts.bitbucket.api import API, BitbucketApi, BitbucketSettings
from facts.bitbucket.code_insights import PROXIED_API
from facts.bitbucket.credentials import Credentials, find_credentials
from facts.bitbucket.failures import HOW
from facts.http import Clock
from facts.web_address import WebAddress, checked_ca_file, origin_of
from oidc.errors import BitbucketError, OutsideWorldError, UsageError

CLOCK = Clock()
"""For pauses between tries."""

_PROXY_HOSTS = ("localhost", "127.0.0.1", "host.docker.internal")

F = TypeVar("F", bound=Callable[..., Any])


def bitbucket_options(function: F) -> F:
    """Add --bitbucket-url, --ca-file and --strict."""
    url = click.option(
        "--bitbucket-url", envvar="BITBUCKET_API_URL", metavar="URL", help="URL of another Bitbucket REST API."
    )
    ca_file = click.option(
        "--ca-file",
        envvar="BITBUCKET_CA_FILE",
        type=click.Path(path_type=Path),
        help="PEM file with the only CAs to trust for it.",
    )
    strict = click.option(
        "--strict", is_flag=True, help="End in exit code 3 if Bitbucket fails; by default that is a warning."
    )
    return url(ca_file(strict(function)))


def by_credentials(bitbucket_url: str | None, ca_file: Path | None) -> BitbucketApi:
    """Return an API client with the credentials of the environment variables.

    Raises:
        UsageError: The URL or the CA file cannot be used.
        BitbucketError: The credentials are missing or invalid.
    """
    address = WebAddress.parse(bitbucket_url or API, named="--bitbucket-url")
    trusted = checked_ca_file(ca_file) if ca_file is not None else None
    try:
        credentials = find_credentials(os.environ, address.origin[1])
    except UsageError as error:
        raise BitbucketError(error.what, do=error.do) from error
    if not credentials.source:
        raise BitbucketError("there are no credentials for Bitbucket", do=HOW)
    return BitbucketApi(credentials, BitbucketSettings(address, trusted, clock=CLOCK))


def through_proxy(proxy: str) -> BitbucketApi:
    """Return an API client without credentials; the proxy of a step authenticates its requests.

    Raises:
        UsageError: The address is not the proxy of a step; another proxy could alter every request.
    """
    origin = origin_of(proxy)
    if origin is None or origin[0] != "http" or origin[1] not in _PROXY_HOSTS or proxy.count("/") != len("//"):
        what = f"--proxy is not the proxy of a step: {one_line(proxy)[:200]}"
        raise UsageError(what, do="write http://localhost:29418 or http://host.docker.internal:29418")
    address = WebAddress(PROXIED_API, ("http", "api.bitbucket.org", 80))
    return BitbucketApi(Credentials(), BitbucketSettings(address, clock=CLOCK, proxy=proxy))


def without_failing(act: Callable[[], str], *, what: str, strict: bool) -> int:
    """Act on Bitbucket and print the result; on failure, print a warning and continue.

    Args:
        act: Acts, and returns a sentence about the result.
        what: The thing that is posted: ``the comment``.
        strict: Whether a failure is raised, for exit code 3.

    Raises:
        OutsideWorldError: Bitbucket fails, and ``strict`` is set.
    """
    try:
        result = act()
    except OutsideWorldError as error:
        if strict:
            raise
        click.echo(f"warning: {what} was not posted; the build goes on: {one_line(str(error))[:1000]}", err=True)
        return 0
    click.echo(result, err=True)
    return 0
