"""Credentials come from the environment or a .netrc file, go where they belong, and are never shown."""

import base64
import re
from pathlib import Path

import pytest
import requests

from facts.bitbucket.credentials import Credentials, find_credentials
from oidc.errors import UsageError

SECRET = "ATATT3xFfGF0secret"
HOST = "api.bitbucket.org"


def header(credentials: Credentials) -> str | None:
    request = requests.Request("GET", f"https://{HOST}/2.0/user", auth=credentials.auth).prepare()
    return request.headers.get("Authorization")


def basic(login: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{login}:{secret}".encode()).decode()


@pytest.mark.parametrize(
    ("environment", "source", "sent"),
    [
        (
            {"BITBUCKET_EMAIL": "ann@example.com", "BITBUCKET_API_TOKEN": SECRET},
            "BITBUCKET_API_TOKEN",
            basic("ann@example.com", SECRET),
        ),
        ({"BITBUCKET_ACCESS_TOKEN": SECRET}, "BITBUCKET_ACCESS_TOKEN", f"Bearer {SECRET}"),
        ({"BITBUCKET_ACCESS_TOKEN": f"{SECRET}\n"}, "BITBUCKET_ACCESS_TOKEN", f"Bearer {SECRET}"),
        (
            {"BITBUCKET_OAUTH_CLIENT_ID": "k", "BITBUCKET_OAUTH_CLIENT_SECRET": SECRET},
            "BITBUCKET_OAUTH_CLIENT_ID",
            None,
        ),
        ({}, "", None),
        ({"BITBUCKET_ACCESS_TOKEN": ""}, "", None),
    ],
)
def test_the_environment_says_who_asks(
    environment: dict[str, str], source: str, sent: str | None, tmp_path: Path
) -> None:
    credentials = find_credentials({"HOME": str(tmp_path), **environment}, HOST)
    assert credentials.source == source
    assert header(credentials) == sent


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({"BITBUCKET_EMAIL": "ann@example.com"}, "BITBUCKET_EMAIL is set and BITBUCKET_API_TOKEN is not"),
        ({"BITBUCKET_API_TOKEN": SECRET}, "BITBUCKET_API_TOKEN is set and BITBUCKET_EMAIL is not"),
        ({"BITBUCKET_OAUTH_CLIENT_SECRET": SECRET}, "BITBUCKET_OAUTH_CLIENT_SECRET is set"),
        ({"BITBUCKET_ACCESS_TOKEN": f"{SECRET}\nX-Evil: 1"}, "BITBUCKET_ACCESS_TOKEN has characters"),
        ({"BITBUCKET_ACCESS_TOKEN": f"Bearer {SECRET}"}, "BITBUCKET_ACCESS_TOKEN has characters"),
        ({"BITBUCKET_ACCESS_TOKEN": f"{SECRET}é"}, "BITBUCKET_ACCESS_TOKEN has characters"),
    ],
)
def test_what_cannot_be_credentials_is_told_without_showing_it(
    environment: dict[str, str], says: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError) as caught:
        find_credentials({"HOME": str(tmp_path), **environment}, HOST)
    assert says in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("netrc", "sent"),
    [
        (f"machine {HOST} login ann@example.com password {SECRET}", basic("ann@example.com", SECRET)),
        (f"machine {HOST} login x-token-auth password {SECRET}", f"Bearer {SECRET}"),
        (f"machine bitbucket.org login ann password {SECRET}", None),
        (f"default login ann password {SECRET}", None),
        (f"machine {HOST}.evil.example login ann password {SECRET}", None),
    ],
)
def test_a_netrc_file_gives_the_login_of_this_host_alone(netrc: str, sent: str | None, tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text(netrc)
    assert header(find_credentials({"HOME": str(tmp_path)}, HOST)) == sent
    named = tmp_path / "named"
    (tmp_path / ".netrc").rename(named)
    assert header(find_credentials({"HOME": str(tmp_path), "NETRC": str(named)}, HOST)) == sent


def test_the_environment_goes_before_the_netrc_file(tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text(f"machine {HOST} login ann@example.com password other")
    credentials = find_credentials({"HOME": str(tmp_path), "BITBUCKET_ACCESS_TOKEN": SECRET}, HOST)
    assert header(credentials) == f"Bearer {SECRET}"


def test_a_broken_netrc_file_is_told_by_its_line_without_showing_it(tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text(f"machine {HOST}\n  login ann {SECRET} {SECRET}\n")
    with pytest.raises(UsageError) as caught:
        find_credentials({"HOME": str(tmp_path)}, HOST)
    assert ".netrc, line 2 cannot be read" in str(caught.value)
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None


def test_credentials_do_not_show_what_they_are(tmp_path: Path) -> None:
    environment = {"BITBUCKET_EMAIL": "ann@example.com", "BITBUCKET_API_TOKEN": SECRET, "HOME": str(tmp_path)}
    credentials = find_credentials(environment, HOST)
    assert SECRET not in repr(credentials)
    sent = basic("ann@example.com", SECRET).split()[1]
    shown = credentials.hidden_in(f"you sent {sent}, that is {SECRET}")
    login = base64.b64encode(b"ann@example.com").decode()[:20]  # the login is no secret
    assert re.fullmatch(rf"you sent {login}\w?\[hidden\]=*, that is \[hidden\]", shown)
