"""Parts of the lock that can be asked anew, each by itself."""

import re
from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from config.findings import fault
from config.models.aws_values import AccountIdText
from config.models.base import InventoryModel
from config.models.bitbucket_values import EnvironmentName, Uuid, WorkspaceSlugText
from config.models.scalars import Slug, SourceNetwork, Text, Thumbprint, describe, parse_day


class Part(StrEnum):
    """A section of the lock that can be asked anew by itself."""

    WORKSPACES = "workspaces"
    ISSUERS = "issuers"
    ADDRESS_RANGES = "address-ranges"
    ACCOUNTS = "accounts"


ACCOUNT = "account:"
"""What a name for ``--accept`` begins with that is an OIDC provider's in an account: ``account:prod/acme``."""


def _day(value: object) -> date:
    return parse_day(value, "write a day, UTC, as 2027-01-31")


def _one_line(value: object) -> str:
    if not isinstance(value, str):
        raise fault("wrong-type", f"expected text, found {describe(value)}", "quote the value")
    if not value.isprintable():
        raise fault("bad-value", f"not a line of text: {value!r}", "write printable text on one line")
    return value


_DIGEST = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)


def _digest(value: object) -> str:
    text = _one_line(value)
    if _DIGEST.fullmatch(text) is None:
        raise fault("bad-value", f"not a digest: {text}", "let `bitbucket-oidc lock` write it")
    return text


def _version(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool) and value > 1:
        raise fault("bad-value", f"a lock of version {value}, and this program knows version 1", "use a newer release")
    if isinstance(value, bool) or value != 1:
        raise fault("bad-value", f"expected 1, found {describe(value)}", "write version: 1")
    return value


LockVersion = Annotated[Literal[1], BeforeValidator(_version)]
"""Of the lock's grammar, counted apart from the inventory's."""

Day = Annotated[date, BeforeValidator(_day)]
"""A day in UTC, as 2027-01-31."""

OneLine = Annotated[str, BeforeValidator(_one_line)]
"""Text of somebody else's, on one line; double braces mean nothing in it."""

Digest = Annotated[str, BeforeValidator(_digest)]
"""Of inventory entries: ``sha256:`` and 64 hex digits."""


class LockedOidcProvider(InventoryModel):
    """The OIDC provider of a workspace in an account as IAM answered: in short form whether it is there."""

    expected = "present, absent, or {state: …, use: …, …}"

    state: Literal["present", "absent"]
    use: Literal["create", "adopt", "reference"] | None = None
    """What `auto` comes to; it never changes by itself. Where left out, what is there is adopted, and what is not is
    created."""
    owner: Literal["this_program", "cloudformation", "terraform", "unknown"] | None = None
    """Who manages it, by its tags."""
    audiences: tuple[OneLine, ...] = ()
    """As IAM has them."""
    thumbprints: tuple[Thumbprint, ...] = ()
    """As IAM has them."""
    tags: dict[OneLine, OneLine] = Field(default_factory=dict)
    """As IAM has them."""
    unchecked_roles: tuple[OneLine, ...] = ()
    """ARNs of roles of the account that trust it and check no audience: whoever adds one gives them that too."""

    @model_validator(mode="after")
    def _says_nothing_of_what_is_absent(self) -> Self:
        told = ["owner", "audiences", "thumbprints", "tags", "unchecked_roles"]
        for key in told if self.state == "absent" else ():
            if getattr(self, key):
                raise fault("bad-value", f"it is absent, and has {key}", f"remove {key}, or write present", (key,))
        return self


def _oidc_provider(value: Any) -> Any:  # noqa: ANN401 - what YAML holds
    return {"state": value} if isinstance(value, str) else value


LockedOidcProviderForm = Annotated[LockedOidcProvider, BeforeValidator(_oidc_provider)]


class LockedQuotas(InventoryModel):
    """Quotas of an account as AWS has them, by the names that an account of the inventory has for them."""

    expected = "{trust_policy_chars: …, roles: …}"

    trust_policy_chars: int | None = Field(default=None, strict=True, ge=1)
    managed_policies_per_role: int | None = Field(default=None, strict=True, ge=1)
    roles: int | None = Field(default=None, strict=True, ge=1)
    oidc_providers: int | None = Field(default=None, strict=True, ge=1)


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
