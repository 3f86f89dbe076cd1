"""URLs that a user may name: https, and http on this machine alone."""

import pytest

from facts.web_address import WebAddress
from oidc.errors import UsageError


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://api.bitbucket.org/2.0/", ("https", "api.bitbucket.org", 443)),
        ("https://proxy.example:8443/bitbucket", ("https", "proxy.example", 8443)),
        ("http://127.0.0.1:8080/2.0", ("http", "127.0.0.1", 8080)),
        ("http://[::1]:8080/2.0", ("http", "::1", 8080)),
        ("http://localhost/2.0", ("http", "localhost", 80)),
    ],
)
def test_https_and_loopback_are_taken(url: str, origin: tuple[str, str, int]) -> None:
    address = WebAddress.parse(url, named="--bitbucket-url")
    assert address.origin == origin
    assert address.url == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    [
        "", "api.bitbucket.org", "ftp://api.bitbucket.org", "file:///etc/passwd", "http://api.bitbucket.org/2.0",
        "http://127.0.0.1.evil.example/", "http://localhost.evil.example/", "https://", "https://host:port/",
        "https://a b/", "https://a/\n", "https://user:secret@api.bitbucket.org/", "https://api.bitbucket.org/?a=1",
        "https://api.bitbucket.org/#x", "https://[::1", "http://2130706433/", "https://höst/",
    ],
)  # fmt: skip
def test_everything_else_is_refused_in_one_line(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        WebAddress.parse(url, named="--bitbucket-url")
    assert str(caught.value).startswith("--bitbucket-url ")
    assert str(caught.value).isprintable()
    assert "secret" not in str(caught.value)
