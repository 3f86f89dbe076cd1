"""The AccessPlan: for each account, exactly what will be there. Reports, proofs and Pulumi components all read it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from ipaddress import IPv4Network, IPv6Network
from typing import Literal, TypeAlias

from oidc.arn import Partition
from oidc.bitbucket import Grade, SubjectPattern
from oidc.iam.document import PolicyDocument
from oidc.identifiers import AccountId, BitbucketUuid, WorkspaceSlug

Thumbprints: TypeAlias = Literal["fetch", "omit"] | tuple[str, ...]
"""Where an OIDC provider's thumbprints come from: fetched at each run, left to AWS, or 1 to 5 given ones."""

Mode: TypeAlias = Literal["create", "reference", "adopt"]
"""Whether an OIDC provider is made, is somebody else's, or exists and becomes ours."""


@dataclass(frozen=True, slots=True)
class AccountCredentials:
    """How the program gets into an account; all ``None`` for the ambient credentials.

    Attributes:
        role_arn: The deploying role to assume, or ``None``.
        external_id: What its trust policy asks for, or ``None``.
        session_name: Shown in CloudTrail, or ``None``.
        profile: A named profile of the AWS configuration, or ``None``.
    """

    role_arn: str | None = None
    external_id: str | None = None
    session_name: str | None = None
    profile: str | None = None


@dataclass(frozen=True, slots=True)
class OidcProviderPlan:
    """An OIDC provider in one account: the issuer of one workspace.

    Attributes:
        workspace: ``acme``.
        workspace_uuid: ``{0b3ff4a1-…}``.
        url: ``https://api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc``.
        arn: Computed.
        audiences: Its client ids; the workspace's own audience first, further ones sorted.
        thumbprints: Where they come from.
        mode: Whether it is made.
        tags: On the resource.
        renamed_to: The workspace's slug now, where ``workspace`` is one that it had before; else ``None``.
    """

    workspace: WorkspaceSlug
    workspace_uuid: BitbucketUuid
    url: str
    arn: str
    audiences: tuple[str, ...]
    thumbprints: Thumbprints
    mode: Mode
    tags: Mapping[str, str]
    renamed_to: WorkspaceSlug | None = None


@dataclass(frozen=True, slots=True)
class TrustPlan:
    """One line of who may assume a role: what was written, and what it is compared with.

    Attributes:
        workspace: The slug in the issuer: ``acme``.
        repository: Its slug, or ``None`` for a whole workspace.
        repository_uuid: Or ``None``.
        environment: The name of the deployment environment, or ``None``.
        environment_uuid: Or ``None``.
        steps: ``outside_environments``, ``all_including_environments``, or ``None`` for an environment.
        audiences: Accepted ones, sorted.
        subject_pattern: ``{REPO}:{ENV}:*``.
        grade: How wide this is.
        default_audiences: The workspace's own audience alone, for showing what was asked for besides.
        reason: Why a whole workspace is trusted, or ``None``.
        renamed_to: The workspace's slug now, where ``workspace`` is one that it had before; else ``None``. There is a
            line with that slug as well, alike in everything else.
        last_day: The last day in UTC on which a previous slug is trusted, or ``None``.
        restrictions_checked: The day on which somebody last looked at the environment's deployment restrictions in
            Bitbucket, as the inventory says, or ``None``.
    """

    workspace: WorkspaceSlug
    repository: str | None
    repository_uuid: BitbucketUuid | None
    environment: str | None
    environment_uuid: BitbucketUuid | None
    steps: str | None
    audiences: tuple[str, ...]
    subject_pattern: SubjectPattern
    grade: Grade
    default_audiences: tuple[str, ...] = ()
    reason: str | None = None
    renamed_to: WorkspaceSlug | None = None
    last_day: date | None = None
    restrictions_checked: date | None = None


@dataclass(frozen=True, slots=True)
class RolePlan:
    """A role in one account.

    Attributes:
        key: Of the inventory; logical names are made of it.
        name: In IAM.
        arn: Computed.
        path: ``/bitbucket/``.
        description: Variables replaced, or ``None``.
        owner: Free text, or ``None``.
        grade: As wide as its widest trust.
        trust: Who may assume it, sorted.
        trust_policy: What IAM gets.
        managed_policy_arns: Sorted.
        inline_policies: By name, sorted.
        permissions_boundary_arn: Or ``None``.
        max_session_duration: Seconds.
        source_ips: Networks that the exchange may come from; none for everywhere, or for ``source_vpces`` alone.
        expires: The last day of access, UTC, or ``None``.
        tags: Those of the defaults and the role's.
        admin_reason: Why it may have admin access, or ``None``.
        source_vpces: VPC endpoints that the exchange may come through, besides ``source_ips``; sorted.
        from_atlassian: Whether ``source_ips`` are the ranges that Atlassian publishes.
        is_plan_role: Whether it is the second role of a pair.
        previous_keys: Keys that it had before, as ``key``.
    """

    key: str
    name: str
    arn: str
    path: str
    description: str | None
    owner: str | None
    grade: Grade
    trust: tuple[TrustPlan, ...]
    trust_policy: PolicyDocument
    managed_policy_arns: tuple[str, ...]
    inline_policies: Mapping[str, PolicyDocument]
    permissions_boundary_arn: str | None
    max_session_duration: int
    source_ips: tuple[IPv4Network | IPv6Network, ...]
    expires: date | None
    tags: Mapping[str, str]
    admin_reason: str | None = None
    source_vpces: tuple[str, ...] = ()
    from_atlassian: bool = False
    is_plan_role: bool = False
    previous_keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AccountPlan:
    """An account: what will be there, and how the program gets in.

    Attributes:
        key: Of the inventory; logical names are made of it.
        id: Twelve digits.
        partition: ``aws``.
        region: ``eu-west-1``, or ``None`` where the inventory names none.
        access: How the program gets in.
        oidc_providers: Sorted by workspace.
        roles: Sorted by key.
        previous_keys: Keys that it had before.
    """

    key: str
    id: AccountId
    partition: Partition
    region: str | None
    access: AccountCredentials
    oidc_providers: tuple[OidcProviderPlan, ...]
    roles: tuple[RolePlan, ...]
    previous_keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AccessPlan:
    """All accounts, sorted by key; those without roles and OIDC providers too."""

    accounts: tuple[AccountPlan, ...]

    def issuers_to_fetch(self) -> tuple[str, ...]:
        """Return the URLs of the issuers whose thumbprints are to be fetched, sorted, each once.

        What is adopted keeps the thumbprints that it has.
        """
        found = {
            oidc_provider.url
            for account in self.accounts
            for oidc_provider in account.oidc_providers
            if oidc_provider.thumbprints == "fetch" and oidc_provider.mode == "create"
        }
        return tuple(sorted(found))

    def issuers_alike(self) -> dict[str, tuple[str, ...]]:
        """Return the URLs of a workspace's issuers under its other slugs, for each of those of a renamed workspace.

        Before the rename the issuer of the new slug does not answer, and after it that of the old one: the certificates
        are those of one host.
        """
        by_workspace: dict[str, set[str]] = {}
        for account in self.accounts:
            for found in account.oidc_providers:
                by_workspace.setdefault(found.renamed_to or found.workspace, set()).add(found.url)
        return {
            url: tuple(sorted(urls - {url})) for urls in by_workspace.values() if len(urls) > 1 for url in sorted(urls)
        }

    def only(self, keys: frozenset[str]) -> "AccessPlan":
        """Return the plan of some of the accounts, by their keys."""
        return AccessPlan(tuple(account for account in self.accounts if account.key in keys))
