"""One emulator with its front and one without, for all tests here; each test has separate accounts."""

import itertools
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from botocore.session import Session

from sandbox.emulated_aws import EmulatedAws
from sandbox.emulated_aws.prepare_accounts import RootUsers
from tests.sandbox.emulated_aws.aws_calls import RAISED_ACCOUNT
from tests.sandbox.emulated_aws.issuer_server import Issuer

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Issuer]:
    serving = Issuer(tmp_path_factory.mktemp("issuer"))
    yield serving
    serving.server.shutdown()
    serving.server.server_close()


@pytest.fixture(scope="session")
def front(tmp_path_factory: pytest.TempPathFactory, issuer: Issuer) -> Iterator[EmulatedAws]:
    """The emulator as the sandbox runs it."""
    quotas = {RAISED_ACCOUNT: {"trust_policy_chars": 4096, "managed_policies_per_role": 1, "roles": 1}}
    with EmulatedAws(tmp_path_factory.mktemp("front"), issuers=issuer.endpoint, quotas=quotas) as running:
        yield running


@pytest.fixture(scope="session")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatedAws]:
    """ministack as it is, to show what the front is for."""
    with EmulatedAws(tmp_path_factory.mktemp("bare"), issuers=None, without_front=True) as running:
        yield running


@pytest.fixture
def account() -> str:
    """An account that no other test uses."""
    return f"{next(_numbers):012d}"


@pytest.fixture(scope="session")
def roots(front: EmulatedAws) -> Iterator[RootUsers]:
    """The root users of all accounts."""
    with closing(RootUsers(front.endpoint)) as users:
        yield users


@pytest.fixture(scope="session")
def bare_roots(bare: EmulatedAws) -> Iterator[RootUsers]:
    """The root users of all accounts without the front."""
    with closing(RootUsers(bare.endpoint)) as users:
        yield users


@pytest.fixture
def iam(roots: RootUsers, account: str) -> Any:
    """IAM of the account, as its root."""
    return roots.client(account)


@pytest.fixture
def bare_iam(bare_roots: RootUsers, account: str) -> Any:
    """IAM of the account without the front, as its root."""
    return bare_roots.client(account)


@pytest.fixture(scope="session")
def session() -> Session:
    """A botocore session that has read its models."""
    return Session()


@pytest.fixture
def front_user(front: EmulatedAws, iam: Any, session: Session) -> Any:
    """IAM of the account, as a user without any permission."""
    iam.create_user(UserName="nobody")
    key = iam.create_access_key(UserName="nobody")["AccessKey"]
    return session.create_client(
        "iam",
        region_name="us-east-1",
        endpoint_url=front.endpoint,
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )
