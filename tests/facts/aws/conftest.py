"""Emulated accounts to ask; each test has separate accounts."""

import itertools
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from access.plan import AccountCredentials, AccountPlan, OidcProviderPlan
from facts.aws.callers import CallSettings
from oidc.arn import Partition, oidc_provider_arn
from oidc.bitbucket import default_audience, issuer_url
from oidc.identifiers import AccountId, BitbucketUuid, WorkspaceSlug
from sandbox.emulated_aws import EmulatedAws
from sandbox.emulated_aws.prepare_accounts import RootUsers

RAISED = "900000000001"
"""An account with quotas of its own."""

FULL = "900000000002"
"""An account with room for one OIDC provider."""

ACME = WorkspaceSlug("acme")
UUID = BitbucketUuid("{0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11}")
AUDIENCE = default_audience(UUID)
_numbers = itertools.count(300_000_000_001)


@pytest.fixture(scope="session")
def emulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatedAws]:
    raised = {"trust_policy_chars": 4096, "managed_policies_per_role": 25, "oidc_providers": 7}
    with EmulatedAws(
        tmp_path_factory.mktemp("emulated"),
        issuers=None,
        quotas={RAISED: raised, FULL: {"oidc_providers": 1}},
    ) as running:
        yield running


@pytest.fixture(scope="session")
def roots(emulated: EmulatedAws) -> Iterator[RootUsers]:
    with closing(RootUsers(emulated.endpoint)) as users:
        yield users


@pytest.fixture
def account() -> str:
    """An account that no other test uses."""
    return str(next(_numbers))


@pytest.fixture
def iam(roots: RootUsers, account: str) -> Any:
    """IAM of the account, as its root."""
    return roots.client(account)


@pytest.fixture
def settings(emulated: EmulatedAws) -> CallSettings:
    return CallSettings(endpoint=emulated.endpoint)


@pytest.fixture(autouse=True)
def nobodys_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No configuration, variable or metadata service of this machine counts."""
    import os  # noqa: PLC0415 - for this alone

    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def logged_in(monkeypatch: pytest.MonkeyPatch, account: str) -> str:
    """The environment's credentials are those of the account's root user."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", account)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    return account


def account_plan(
    account: str, *, key: str = "prod", access: AccountCredentials | None = None, **changes: Any
) -> AccountPlan:
    """Return the plan of an account with the OIDC provider of acme and no roles."""
    number = AccountId(account)
    oidc_provider = OidcProviderPlan(
        workspace=ACME, workspace_uuid=UUID, url=issuer_url(ACME), arn=oidc_provider_arn(Partition.AWS, number, ACME),
        audiences=(AUDIENCE,), thumbprints="omit", mode="create", tags={},
    )  # fmt: skip
    parts: dict[str, Any] = {"oidc_providers": (oidc_provider,), "roles": ()} | changes
    return AccountPlan(key, number, Partition.AWS, None, access or AccountCredentials(), **parts)
