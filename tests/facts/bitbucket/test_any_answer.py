"""Whatever a server answers to every single request, a lock comes out that reads back as itself, or one clear error."""

import json
from collections.abc import Mapping
from io import BytesIO
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter

from config.findings import Place
from config.lock import Lock
from config.lock.questions import questions_of
from config.lock.writing import lock_text
from config.models.inventory import Inventory
from config.yaml.document import read_document
from facts.bitbucket.api import BitbucketApi, BitbucketSettings
from facts.bitbucket.client import BitbucketClient
from facts.bitbucket.credentials import find_credentials
from facts.bitbucket.resolution import resolve
from facts.http import Clock
from facts.web_address import WebAddress
from oidc.errors import BitbucketError
from tests.facts.bitbucket.in_memory import uuid

SECRET = "ATCTT3xFfGN0secret"
ADDRESS = WebAddress.parse("https://api.bitbucket.org/2.0", named="the URL")
QUESTIONS = questions_of(
    Inventory.model_validate(
        {
            "workspaces": {"acme": {"uuid": uuid(1), "repositories": {"shop": {"environments": {"production": None}}}}},
            "accounts": {"prod": {"id": "222222222222"}},
            "roles": {
                "deploy": {
                    "accounts": ["prod"],
                    "trust": [{"repository": "acme/shop", "environments": ["production"]}],
                }
            },
        }
    ),
    Lock.model_validate({"workspaces": {"acme": {"uuid": uuid(1), "repositories": {"shop": {"uuid": uuid(2)}}}}}),
)

TEXTS = st.sampled_from(["acme", "acme/shop", "shop", "production", uuid(1), uuid(2), uuid(3), "", "\x1b[2J", SECRET])
URLS = st.sampled_from(["https://api.bitbucket.org/2.0/x?page=2", "https://evil.example/?page=2", "?page=3", "\n"])
VALUES = st.none() | st.booleans() | st.integers(-1, 300) | TEXTS | URLS
OBJECTS: st.SearchStrategy[Any] = st.recursive(
    VALUES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["uuid", "slug", "full_name", "name", "workspace", "restrictions", "admin_only", "error", "message"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=8,
)
WORKSPACES = st.fixed_dictionaries({"uuid": TEXTS, "slug": TEXTS})
REPOSITORIES = st.fixed_dictionaries({"uuid": TEXTS, "full_name": TEXTS}, optional={"workspace": WORKSPACES})
ENVIRONMENTS = st.fixed_dictionaries({"uuid": TEXTS, "name": TEXTS}, optional={"restrictions": OBJECTS})
PAGES = st.fixed_dictionaries(
    {"values": st.lists(ENVIRONMENTS | OBJECTS, max_size=3)},
    optional={"next": URLS | VALUES, "size": st.integers(-1, 4)},
)
BODIES = (WORKSPACES | REPOSITORIES | PAGES | OBJECTS).map(lambda value: json.dumps(value).encode()) | st.binary(
    max_size=9
)
STATUSES = st.sampled_from([200] * 12 + [404, 404, 301, 401, 403, 429, 500, 204])
HEADERS = st.dictionaries(
    st.sampled_from(["Location", "Retry-After", "X-RateLimit-Limit"]), URLS | TEXTS | st.just("5")
)


class Clockwork:
    """Time that passes by sleeping alone."""

    def __init__(self) -> None:
        self.passed = 0.0
        self.waits: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.passed += seconds
        self.waits.append(seconds)


class Answers(HTTPAdapter):
    """A server without a network, whose answers come in turn."""

    def __init__(self, replies: list[tuple[int, Mapping[str, str], bytes]]) -> None:
        super().__init__()
        self._replies, self._asked = replies, 0

    def send(self, request: PreparedRequest, *_: Any, **__: Any) -> Response:
        self._asked += 1
        status, headers, body = self._replies[self._asked % len(self._replies)]
        response = Response()
        response.status_code, response.raw, response.url = status, BytesIO(body), str(request.url)
        response.headers.update(headers)
        return response


@given(replies=st.lists(st.tuples(STATUSES, HEADERS, BODIES), min_size=1, max_size=8))
def test_it_ends_with_a_whole_lock_or_a_clear_error(replies: list[tuple[int, Mapping[str, str], bytes]]) -> None:
    time = Clockwork()
    how = BitbucketSettings(ADDRESS, clock=Clock(lambda: time.passed, time.sleep), adapter=Answers(replies))
    client = BitbucketClient(BitbucketApi(find_credentials({"BITBUCKET_ACCESS_TOKEN": SECRET}, ""), how))
    try:
        result = resolve(QUESTIONS, client)
    except BitbucketError as error:
        said = str(error)
        assert said.isprintable()
        assert SECRET not in said
        assert "\n" not in said
        return
    lock = Lock(workspaces=result.workspaces)
    assert Lock.model_validate(read_document(lock_text(lock)).data) == lock
    assert all(str(fault.at(Place(0, 1, 1, "inventory.yaml"))).isprintable() for fault in result.discrepancies)
    assert SECRET not in f"{result.discrepancies} {result.uuids} {lock_text(lock)}"
    # A limit of 5 requests, which an answer may tell, makes every fourth one wait for an hour to pass.
    assert max(time.waits, default=0) <= 3600
    assert len(time.waits) < 60
