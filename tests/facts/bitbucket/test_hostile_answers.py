"""Whatever a server answers, asking ends in bounded time with an answer or one clear line, and credentials stay."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from facts.bitbucket.answers import EnvironmentAnswer, PageAnswer, RepositoryAnswer, WorkspaceAnswer
from facts.bitbucket.api import BitbucketApi, BitbucketSettings
from facts.bitbucket.client import BitbucketClient
from facts.bitbucket.credentials import find_credentials
from facts.bitbucket.failures import refusal
from facts.http import MAX_BYTES, Reply
from facts.web_address import WebAddress
from oidc.errors import BitbucketError
from tests.facts.conftest import Reply as Served
from tests.facts.conftest import StartHost, StoppedClock, TlsHost, http

SECRET = "ATCTT3xFfGN0secret"
CREDENTIALS = find_credentials({"BITBUCKET_ACCESS_TOKEN": SECRET}, "")
PATH = "/2.0/workspaces/acme"
GOOD = json.dumps({"uuid": "{0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11}", "slug": "acme"}).encode()

Ask = Callable[[Served], BitbucketError]


@pytest.fixture
def client_of(ca: trustme.CA, ca_file: Path, stopped: StoppedClock) -> Callable[..., BitbucketClient]:
    def client(host: TlsHost, seconds: float = 5.0) -> BitbucketClient:
        address = WebAddress.parse(f"https://localhost:{host.port}/2.0", named="the URL")
        return BitbucketClient(BitbucketApi(CREDENTIALS, BitbucketSettings(address, ca_file, seconds, stopped.clock())))

    return client


@pytest.fixture
def failure(start_host: StartHost, ca: trustme.CA, client_of: Callable[..., BitbucketClient]) -> Ask:
    """Ask for a workspace that is answered so; it must fail with a line that shows no secret."""

    def ask(reply: Served, seconds: float = 5.0) -> BitbucketError:
        host = start_host(ca.issue_cert("localhost"), replies={PATH: reply})
        with pytest.raises(BitbucketError) as caught:
            client_of(host, seconds).workspace("acme")
        assert str(caught.value).isprintable()
        assert len(str(caught.value)) < 1_500
        assert SECRET not in str(caught.value)
        return caught.value

    return ask


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (http("200 OK", b"<html>Log in</html>", **{"Content-Type": "text/html"}), "not as documented: not JSON"),
        (http("200 OK", b"[]"), "not as documented"),
        (http("200 OK", b"[" * 100_000), "not as documented"),
        (http("200 OK", b'{"slug": "acme"}'), "uuid is missing"),
        (http("200 OK", b'{"slug": 1, "uuid": 2}'), "not as documented"),
        (http("200 OK", GOOD.replace(b"{0b3", b"{0B3")), "uuid is not as documented"),
        (http("200 OK", GOOD.replace(b"{0b3ff4a1", b"0b3ff4a1")), "uuid is not as documented"),
        (http("500 Oops", b"<h1>\x1b[31mred</h1>", **{"Content-Type": "text/html"}), "as text/html, not JSON"),
        (http("503 Busy", b'{"type": "error", "error": {"message": "a\\u001b[2Jb"}}'), r"a\x1b[2Jb"),
        (http("403 Forbidden", b'{"error": {"message": "Access denied", "detail": 7}}'), "Access denied"),
        (http("302 Found", b"", Location="https://evil.example/2.0/workspaces/acme"), "which is not followed"),
        (http("302 Found", b"", Location="//evil.example/x"), "which is not followed"),
        (http("302 Found", b"", Location="http://localhost/x"), "which is not followed"),
        (http("302 Found", b"", Location="https://localhost@evil.example/x"), "which is not followed"),
        (http("302 Found", b"", Location=PATH), "redirects again and again"),
        (http("418 Teapot"), "status 418"),
        (http("200 OK", b'{"slug": "acme", "uuid": "' + b"x" * MAX_BYTES + b'"}'), "larger than 8 MB"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{", "could not be reached"),
        (b"garbage\r\n\r\n", "could not be reached"),
    ],
)  # fmt: skip
def test_what_is_no_answer_is_one_line(failure: Ask, reply: bytes, says: str) -> None:
    is_cut = reply.startswith((b"garbage", b"HTTP/1.1 200 OK\r\nContent-Length: 500"))
    assert says in str(failure((lambda: iter([reply])) if is_cut else reply))


NO_API = {"message": "Resource not found", "detail": "There is no API hosted at this URL.\n\nSee the docs."}
UNCLEAR = {
    "no endpoint": (json.dumps({"type": "error", "error": NO_API}).encode(), "There is no API hosted at this URL. See"),
    "no endpoint, as HTML": (b"<p>There is no API hosted at this URL</p>", "as text/html, not JSON"),
    "nothing": (b"", "answered with status 404"),
    "JSON of another server": (b'{"message": "no route"}', "answered with status 404"),
    "no message": (b'{"type": "error", "error": {"message": ""}}', "answered with status 404"),
}
LOOK_UPS: dict[str, tuple[str, Callable[[BitbucketClient], object], object]] = {
    "workspace": (PATH, lambda client: client.workspace("acme"), None),
    "repository": ("/2.0/repositories/acme/shop", lambda client: client.repository("acme", "shop"), None),
    "environments": (
        "/2.0/repositories/acme/shop/environments/?pagelen=100",
        lambda client: client.environments("acme", "shop"),
        (),
    ),
}


@pytest.mark.parametrize("asked", LOOK_UPS)
@pytest.mark.parametrize("answer", UNCLEAR)
def test_a_404_that_says_nothing_of_the_object_is_an_error(
    start_host: StartHost, ca: trustme.CA, client_of: Callable[..., BitbucketClient], asked: str, answer: str
) -> None:
    (path, look_up, _), (body, says) = LOOK_UPS[asked], UNCLEAR[answer]
    reply = http("404 Not Found", body, **{"Content-Type": "text/html"})
    client = client_of(start_host(ca.issue_cert("localhost"), replies={path: reply}))
    with pytest.raises(BitbucketError, match="does not say whether the object exists") as caught:
        look_up(client)
    assert says in caught.value.what
    assert "check the URL" in caught.value.do


@pytest.mark.parametrize("asked", LOOK_UPS)
def test_a_404_in_bitbuckets_form_means_that_the_object_does_not_exist(
    start_host: StartHost, ca: trustme.CA, client_of: Callable[..., BitbucketClient], asked: str
) -> None:
    path, look_up, missing = LOOK_UPS[asked]
    body = json.dumps({"type": "error", "error": {"message": "No such object."}}).encode()
    client = client_of(start_host(ca.issue_cert("localhost"), replies={path: http("404 Not Found", body)}))
    assert look_up(client) == missing


@pytest.mark.parametrize("asked", LOOK_UPS)
def test_a_url_that_is_switched_off_says_nothing_of_the_object(
    start_host: StartHost, ca: trustme.CA, client_of: Callable[..., BitbucketClient], asked: str
) -> None:
    path, look_up, _ = LOOK_UPS[asked]
    body = json.dumps(
        {"type": "error", "error": {"message": "CHANGE-2770 - Functionality has been deprecated"}}
    ).encode()
    client = client_of(start_host(ca.issue_cert("localhost"), replies={path: http("410 Gone", body)}))
    with pytest.raises(
        BitbucketError, match=r"switched this URL off, for some hours or for ever: .*CHANGE-2770"
    ) as caught:
        look_up(client)
    assert caught.value.do == "try again later; if that does not help, upgrade this program"


def test_an_echo_of_what_was_sent_is_not_shown(failure: Ask) -> None:
    body = json.dumps({"error": {"message": f"bad header: Bearer {SECRET}"}}).encode()
    assert "bad header: Bearer [hidden]" in str(failure(http("400 Bad Request", body)))
    assert "[hidden]" in str(failure(http("302 Found", b"", Location=f"https://evil.example/?t={SECRET}")))
    lacking = json.dumps({"error": {"message": "scope", "detail": {"required": [SECRET], "granted": []}}}).encode()
    assert "this token lacks [hidden]: " in str(failure(http("403 Forbidden", lacking)))
    assert "as text/[hidden], not JSON" in str(failure(http("418 No", b"x", **{"Content-Type": f"text/{SECRET}"})))


@pytest.mark.parametrize(
    ("status", "says"), [("500 Oops", "answered with status 500"), ("200 OK", "not as documented")]
)
def test_a_secret_in_the_url_of_a_redirect_is_not_shown(
    start_host: StartHost, ca: trustme.CA, client_of: Callable[..., BitbucketClient], status: str, says: str
) -> None:
    there = f"/2.0/workspaces/other?t={SECRET.encode().hex()}"
    replies = {PATH: http("302 Found", b"", Location=there), there: http(status, b"{}")}
    with pytest.raises(BitbucketError, match=says) as caught:
        client_of(start_host(ca.issue_cert("localhost"), replies=replies)).workspace("acme")
    assert "/2.0/workspaces/other?t=[hidden] " in caught.value.what


def test_a_slow_drip_is_cut_off(
    start_host: StartHost, ca: trustme.CA, client_of: Callable[..., BitbucketClient]
) -> None:
    def drip() -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"
        while True:
            time.sleep(0.05)
            yield b" "

    host = start_host(ca.issue_cert("localhost"), replies={PATH: drip})
    began = time.monotonic()
    with pytest.raises(BitbucketError, match="did not answer in time"):
        client_of(host, 0.2).workspace("acme")
    assert time.monotonic() - began < 5


def test_credentials_reach_no_other_host(
    start_host: StartHost, ca: trustme.CA, client_of: Callable[..., BitbucketClient]
) -> None:
    other = start_host(ca.issue_cert("localhost"), replies={PATH: http("200 OK", GOOD)})
    elsewhere = f"https://localhost:{other.port}{PATH}"
    environments = f"{PATH.replace('workspaces', 'repositories')}/shop/environments/"
    page = json.dumps({"values": [], "next": f"{elsewhere}?page=2", "size": 0}).encode()
    missing = json.dumps({"error": {"message": "Not found"}}).encode()
    replies = {
        PATH: http("301 Moved", b"", Location=elsewhere),
        f"{environments}?pagelen=100": http("200 OK", page),
        f"{environments}?pagelen=100&page=2": http("404 Not Found", missing),
    }
    client = client_of(start_host(ca.issue_cert("localhost"), replies=replies))
    with pytest.raises(BitbucketError):
        client.workspace("acme")
    client.environments("acme", "shop")
    assert other.requests == []


def test_the_secret_of_an_oauth_consumer_follows_no_redirect(
    start_host: StartHost, ca: trustme.CA, ca_file: Path, stopped: StoppedClock
) -> None:
    tokens = "/site/oauth2/access_token"
    host = start_host(ca.issue_cert("localhost"), replies={tokens: http("307 Moved", b"", Location="/elsewhere")})
    consumer = {"BITBUCKET_OAUTH_CLIENT_ID": "key", "BITBUCKET_OAUTH_CLIENT_SECRET": SECRET}
    address = WebAddress.parse(f"https://localhost:{host.port}/2.0", named="the URL")
    settings = BitbucketSettings(address, ca_file, clock=stopped.clock())
    with pytest.raises(BitbucketError, match="a redirect to '/elsewhere', which is not followed"):
        BitbucketClient(BitbucketApi(find_credentials(consumer, ""), settings)).workspace("acme")
    assert [request.split()[1].decode() for request in host.requests] == [tokens]


def test_cookies_are_not_kept(start_host: StartHost, ca: trustme.CA, client_of: Callable[..., BitbucketClient]) -> None:
    host = start_host(ca.issue_cert("localhost"), replies={PATH: http("200 OK", GOOD, **{"Set-Cookie": "a=b"})})
    client = client_of(host)
    assert client.workspace("acme")
    assert client.workspace("acme")
    assert len(host.requests) == 2
    assert not any(b"Cookie" in request for request in host.requests)


def test_a_certificate_of_somebody_else_is_refused(
    start_host: StartHost, client_of: Callable[..., BitbucketClient]
) -> None:
    host = start_host(trustme.CA().issue_cert("localhost"), replies={PATH: http("200 OK", GOOD)})
    with pytest.raises(BitbucketError, match="certificate"):
        client_of(host).workspace("acme")
    assert host.requests == []


KEYS = st.sampled_from(
    [
        "error",
        "message",
        "detail",
        "required",
        "granted",
        "uuid",
        "name",
        "restrictions",
        "admin_only",
        "values",
        "next",
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@given(JSON, st.integers(300, 599))
def test_any_json_is_an_answer_or_refused_in_one_line(document: object, status: int) -> None:
    body = json.dumps(document).encode()
    for kind in (WorkspaceAnswer, RepositoryAnswer, EnvironmentAnswer, PageAnswer):
        try:
            kind.model_validate_json(body)
        except ValidationError:
            continue
    error = refusal(Reply("https://api.bitbucket.org/2.0/x", status, {}, body), CREDENTIALS)
    assert str(error).isprintable()
