"""The lock's grammar: what the world outside answered to what the inventory leaves open."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from config.aws_values import AccountIdText
from config.bitbucket_values import EnvironmentName, Uuid, WorkspaceSlugText
from config.lock.accounts import LockedOidcProvider, LockedOidcProviderForm, LockedQuotas
from config.lock.values import Day, Digest, LockVersion, OneLine
from config.models.base import InventoryModel
from config.scalars import Slug, SourceNetwork, Text, Thumbprint

__all__ = ["LockedOidcProvider", "LockedQuotas"]


class LockedRestrictions(InventoryModel):
    """What protects a deployment environment, as far as Bitbucket's API tells: who may deploy, never which branches."""

    expected = "{admin_only: true or false}"

    admin_only: bool = Field(strict=True)
    """Whether only admins of the repository may deploy to it."""


class LockedEnvironment(InventoryModel):
    """A deployment environment as Bitbucket answered: in short form its UUID alone."""

    expected = "a deployment environment: its UUID, or {uuid: …, restrictions: …}"

    uuid: Uuid
    restrictions: LockedRestrictions | None = None


def _environment(value: Any) -> Any:  # noqa: ANN401 - what YAML holds
    return {"uuid": value} if isinstance(value, str) else value


class LockedRepository(InventoryModel):
    """A repository as Bitbucket answered."""

    expected = "{uuid: …, environments: …}"

    uuid: Uuid
    environments: dict[EnvironmentName, Annotated[LockedEnvironment, BeforeValidator(_environment)]] = Field(
        default_factory=dict
    )


class LockedWorkspace(InventoryModel):
    """A workspace as Bitbucket answered."""

    expected = "{uuid: …, repositories: …}"

    uuid: Uuid
    repositories: dict[Slug, LockedRepository] = Field(default_factory=dict)


class LockedCertificate(InventoryModel):
    """A certificate that an issuer's host presented."""

    expected = "{subject: …, thumbprint: …, not_after: …}"

    subject: OneLine
    thumbprint: Thumbprint
    not_after: Day
    """The day, UTC, on which it ends."""


class LockedIssuer(InventoryModel):
    """The certificates that a workspace's issuer presented, leaf first, and the day on which they were first seen."""

    expected = "{seen: …, chain: …}"

    seen: Day
    chain: tuple[LockedCertificate, ...] = Field(min_length=1)


class LockedAccount(InventoryModel):
    """An account as AWS answered."""

    expected = "{id: …, oidc_providers: {WORKSPACE: …}}"

    id: AccountIdText
    oidc_providers: dict[WorkspaceSlugText, LockedOidcProviderForm] = Field(default_factory=dict)
    roles: dict[OneLine, OneLine] = Field(default_factory=dict)
    """Names that the inventory wants and that somebody else's roles have, each with whose it is, or its ARN."""
    missing_policies: tuple[OneLine, ...] = ()
    """ARNs of managed policies and boundaries that the inventory names and the account does not have."""
    quotas: LockedQuotas | None = None
    """As AWS has them."""


class SelectedAccount(InventoryModel):
    """An account that the inventory selects in AWS Organizations."""

    expected = "{id: …, name: …, labels: …}"

    id: AccountIdText
    name: OneLine
    """As the organization calls it."""
    deploy_role: OneLine | None = None
    """ARN of the role that the program assumes there, by the defaults of the inventory; for reviewing."""
    labels: dict[Slug, Text] = Field(default_factory=dict)
    """Its tags."""


class LockedRanges(InventoryModel):
    """Address ranges as published, with the publisher's own number of that state."""

    expected = "{sync_token: …, networks: […]}"

    sync_token: int = Field(strict=True)
    networks: tuple[SourceNetwork, ...] = Field(min_length=1)


class Lock(InventoryModel):
    """inventory.lock.yaml."""

    expected = "a lock: {version: 1, workspaces: …, issuers: …, address_ranges: …, accounts: …, answers: …}"

    version: LockVersion = 1
    workspaces: dict[WorkspaceSlugText, LockedWorkspace] = Field(default_factory=dict)
    """By slug, as in the inventory."""
    issuers: dict[WorkspaceSlugText, LockedIssuer] = Field(default_factory=dict)
    """By the slug of the workspace."""
    address_ranges: dict[Literal["atlassian"], LockedRanges] = Field(default_factory=dict)
    """By publisher."""
    accounts: dict[Slug, LockedAccount] = Field(default_factory=dict)
    """By key, as in the inventory."""
    selected_accounts: dict[Slug, SelectedAccount] = Field(default_factory=dict)
    """By the key that each has in the inventory from now on."""
    answers: dict[Literal["workspaces", "accounts", "accounts_from"], Digest] = Field(default_factory=dict)
    """For a section, the digest of the inventory entries that it answers; none where people wrote it."""
