"""An emulated Bitbucket that serves for a whole module, and clients for it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from facts.bitbucket.api import BitbucketApi, BitbucketSettings
from facts.bitbucket.client import BitbucketClient
from facts.bitbucket.credentials import Credentials, find_credentials
from facts.web_address import WebAddress
from sandbox.emulated_bitbucket import EmulatedBitbucket
from sandbox.emulated_bitbucket.behaviour import SANDBOX_TOKEN, Behaviour
from sandbox.emulated_bitbucket.workspaces import EmulatedEnvironment, EmulatedRepository, EmulatedWorkspace
from tests.facts.bitbucket.in_memory import uuid
from tests.facts.conftest import StoppedClock

SHOP = EmulatedRepository(
    "shop",
    uuid(2),
    tuple(EmulatedEnvironment(f"env {number}", uuid(100 + number), admin_only=number == 0) for number in range(23)),
    former_slugs=("store",),
)
ACME = EmulatedWorkspace("acme", uuid(1), (SHOP, EmulatedRepository("site", uuid(3))))

StartClient = Callable[..., BitbucketClient]


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder whose keys and certificates all of them share: making them takes a while."""
    return tmp_path_factory.mktemp("bitbucket")


@pytest.fixture
def bitbucket(certificates: Path) -> Iterator[EmulatedBitbucket]:
    with EmulatedBitbucket(certificates, [ACME], behaviour=Behaviour()) as bitbucket:
        yield bitbucket


@pytest.fixture
def start_client(bitbucket: EmulatedBitbucket, stopped: StoppedClock) -> StartClient:
    """Return a client of it, with the access token that it takes unless others are given; time stands still."""

    def start(credentials: Credentials | None = None) -> BitbucketClient:
        address = WebAddress.parse(bitbucket.api_url, named="the URL")
        who = credentials or find_credentials({"BITBUCKET_ACCESS_TOKEN": SANDBOX_TOKEN}, "")
        return BitbucketClient(BitbucketApi(who, BitbucketSettings(address, bitbucket.ca_file, clock=stopped.clock())))

    return start
