"""The models of the lock, and its sections."""

import re
from datetime import date
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from config.findings import fault
from config.models.aws_values import AccountIdText, RoleName
from config.models.base import InventoryModel, short_form
from config.models.bitbucket_values import EnvironmentName, Uuid, WorkspaceSlugText
from config.models.scalars import Slug, SourceNetwork, Text, Thumbprint, describe, not_text, parse_day


class Part(StrEnum):
    """A section of the lock that one run of ``lock`` can update alone."""

    WORKSPACES = "workspaces"
    ISSUERS = "issuers"
    ADDRESS_RANGES = "address-ranges"
    ACCOUNTS = "accounts"


ACCOUNT = "account:"
"""Prefix of a name for ``--accept`` of an OIDC provider in an account: ``account:prod/acme``."""


def _day(value: object) -> date:
    return parse_day(value, "write a day, UTC, as 2027-01-31")


def _one_line(value: object) -> str:
    if not isinstance(value, str):
        raise not_text(value)
    if not value.isprintable():
        raise fault("bad-value", f"not a line of text: {value!r}", "write printable text on one line")
    return value


_DIGEST = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)


def _digest(value: object) -> str:
    text = _one_line(value)
    if _DIGEST.fullmatch(text) is None:
        raise fault("bad-value", f"not a digest: {text}", "let `bitbucket-oidc lock` write it")
    return text


_TEMPLATE_DIGEST = re.compile(r"[0-9a-f]{8}(?: [0-9a-f]{8})*", re.ASCII)


def _template_digest(value: object) -> str:
    text = _one_line(value)
    if _TEMPLATE_DIGEST.fullmatch(text) is None:
        raise fault("bad-value", f"not the digest of a template: {text}", "let `bitbucket-oidc lock --aws` write it")
    return text


def _version(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool) and value > 1:
        raise fault("bad-value", f"a lock of version {value}, but this program knows version 1", "use a newer release")
    if isinstance(value, bool) or value != 1:
        raise fault("bad-value", f"expected 1, found {describe(value)}", "write version: 1")
    return value


LockVersion = Annotated[Literal[1], BeforeValidator(_version)]
"""The version of the lock's grammar; the inventory's grammar has another."""

Day = Annotated[date, BeforeValidator(_day)]
"""A day in UTC, as 2027-01-31."""

OneLine = Annotated[str, BeforeValidator(_one_line)]
"""Text from outside, on one line; double braces have no meaning in it."""

Digest = Annotated[str, BeforeValidator(_digest)]
"""The digest of inventory entries: ``sha256:`` and 64 hex digits."""


TemplateDigest = Annotated[str, BeforeValidator(_template_digest)]
"""Eight hex digits for each value of the template's policies, sorted, separated by spaces."""


class LockedOidcProvider(InventoryModel):
    """The OIDC provider of a workspace in an account, as IAM answered; the short form is its state."""

    expected = "present, absent, or {state: …, use: …, …}"

    state: Literal["present", "absent"]
    use: Literal["create", "adopt", "reference"] | None = None
    """The mode of `auto`; it never changes by itself. By default a present OIDC provider is adopted, and an absent one
    is created."""
    owner: Literal["this_program", "cloudformation", "terraform", "unknown"] | None = None
    """Who manages it, by its tags."""
    audiences: tuple[OneLine, ...] = ()
    """As IAM answered."""
    thumbprints: tuple[Thumbprint, ...] = ()
    """As IAM answered."""
    tags: dict[OneLine, OneLine] = Field(default_factory=dict)
    """As IAM answered."""
    unchecked_roles: tuple[OneLine, ...] = ()
    """ARNs of roles of the account that trust it and check no audience, so that an added audience opens them, too."""

    @model_validator(mode="after")
    def _is_bare_if_absent(self) -> Self:
        properties = ["owner", "audiences", "thumbprints", "tags", "unchecked_roles"]
        for key in properties if self.state == "absent" else ():
            if getattr(self, key):
                raise fault(
                    "bad-value", f"an absent OIDC provider has {key}", f"remove {key}, or write present", (key,)
                )
        return self


LockedOidcProviderForm = Annotated[LockedOidcProvider, short_form("state")]


class LockedQuotas(InventoryModel):
    """Quotas of an account as AWS answered; the keys are those of an account in the inventory."""

    expected = "{trust_policy_chars: …, roles: …}"

    trust_policy_chars: int | None = Field(default=None, strict=True, ge=1)
    managed_policies_per_role: int | None = Field(default=None, strict=True, ge=1)
    roles: int | None = Field(default=None, strict=True, ge=1)
    oidc_providers: int | None = Field(default=None, strict=True, ge=1)


class LockedRestrictions(InventoryModel):
    """The deployment restrictions that Bitbucket's API shows: who may deploy, but not from which branches."""

    expected = "{admin_only: true or false}"

    admin_only: bool = Field(strict=True)
    """Whether only admins of the repository may deploy to it."""


class LockedEnvironment(InventoryModel):
    """A deployment environment as Bitbucket answered; the short form is its UUID."""

    expected = "a deployment environment: its UUID, or {uuid: …, restrictions: …}"

    uuid: Uuid
    restrictions: LockedRestrictions | None = None


class LockedRepository(InventoryModel):
    """A repository as Bitbucket answered."""

    expected = "{uuid: …, environments: …}"

    uuid: Uuid
    environments: dict[EnvironmentName, Annotated[LockedEnvironment, short_form("uuid")]] = Field(default_factory=dict)


class LockedWorkspace(InventoryModel):
    """A workspace as Bitbucket answered."""

    expected = "{uuid: …, repositories: …}"

    uuid: Uuid
    repositories: dict[Slug, LockedRepository] = Field(default_factory=dict)
    undeclared_repositories: dict[Slug, Uuid] = Field(default_factory=dict)
    """The others, if a role adopted as is trusts the whole workspace."""


class LockedCertificate(InventoryModel):
    """A certificate that an issuer's host presented."""

    expected = "{subject: …, thumbprint: …, not_after: …}"

    subject: OneLine
    thumbprint: Thumbprint
    not_after: Day
    """Its last day of validity, UTC."""


class LockedIssuer(InventoryModel):
    """The certificates that a workspace's issuer presented, leaf first, and the day on which they were first seen."""

    expected = "{seen: …, chain: …}"

    seen: Day
    chain: tuple[LockedCertificate, ...] = Field(min_length=1)


class LockedRoleAsFound(InventoryModel):
    """A role that trusted whole workspaces and had admin access while this program did not manage it."""

    expected = "{arn: …, role_id: …, whole_workspaces: […]}"

    arn: OneLine
    role_id: OneLine
    """Its unique id in IAM; a new role of the same name has another one."""
    whole_workspaces: tuple[WorkspaceSlugText, ...] = Field(min_length=1)
    """Any step of these workspaces could assume it."""
    audiences: tuple[OneLine, ...] = ()
    """The audiences that it accepted; empty if it compared none."""
    source_ips: tuple[SourceNetwork, ...] = ()
    """The networks that it accepted calls from; empty if it compared none."""
    source_vpces: tuple[OneLine, ...] = ()
    """Likewise, the VPC endpoints."""
    permissions_boundary: OneLine | None = None
    """The ARN of its permissions boundary; missing if it had none."""


class LockedAccount(InventoryModel):
    """An account as AWS answered."""

    expected = "{id: …, oidc_providers: {WORKSPACE: …}}"

    id: AccountIdText
    oidc_providers: dict[WorkspaceSlugText, LockedOidcProviderForm] = Field(default_factory=dict)
    roles: dict[OneLine, OneLine] = Field(default_factory=dict)
    """Role names that the inventory uses and that roles of others have, each with its owner or ARN."""
    roles_as_found: dict[OneLine, LockedRoleAsFound] = Field(default_factory=dict)
    """Roles that the inventory adopts as they are, by name, as they were before this program managed them."""
    missing_policies: tuple[OneLine, ...] = ()
    """ARNs of managed policies and boundaries that the inventory names and the account lacks."""
    template_digest: TemplateDigest | None = None
    """What the account has of the template of `bootstrap`: deploying role, reading role and boundaries."""
    deploying_role: RoleName | None = None
    """Name of that deploying role, if the inventory has none because a profile leads to it."""
    quotas: LockedQuotas | None = None
    """As AWS answered."""


class SelectedAccount(InventoryModel):
    """An account that the inventory selects in AWS Organizations."""

    expected = "{id: …, name: …, labels: …}"

    id: AccountIdText
    name: OneLine
    """Its name in the organization."""
    deploy_role: OneLine | None = None
    """ARN of the role that the program assumes there, from the defaults of the inventory; shown for review."""
    labels: dict[Slug, Text] = Field(default_factory=dict)
    """Its tags."""


class LockedRanges(InventoryModel):
    """Published address ranges, with the publisher's number of their version."""

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
    """By the key of the account in the inventory."""
    answers: dict[Literal["workspaces", "accounts", "accounts_from"], Digest] = Field(default_factory=dict)
    """By section, the digest of the inventory entries that it answers; missing if people wrote the section."""
