"""The AccessPlan: the exact OIDC providers and roles of each account. Reports, proofs and Pulumi components read it."""

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
"""The source of an OIDC provider's thumbprints: fetched at each run, left to AWS, or 1 to 5 given values."""

Mode: TypeAlias = Literal["create", "reference", "adopt"]
"""Whether an OIDC provider is created, is managed by somebody else, or exists and is adopted."""


DEFAULT_SESSION_NAME = "bitbucket-aws-oidc"
"""Session name of the deploying role in CloudTrail, unless the inventory sets another."""


@dataclass(frozen=True, slots=True)
class AccountCredentials:
    """The credentials for an account; all ``None`` for the ambient credentials.

    Attributes:
        role_arn: The deploying role to assume, or ``None``.
        external_id: The ``sts:ExternalId`` that its trust policy requires, or ``None``.
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
        arn: Its computed ARN.
        audiences: Its client ids; the workspace's own audience first, further ones sorted.
        thumbprints: Their source.
        mode: Whether it is created, referenced or adopted.
        tags: Tags of the resource.
        renamed_to: The present slug, if ``workspace`` is a previous slug; else ``None``.
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
    """One trusted source of tokens of a role: the entry in the inventory, and the pattern compared with ``sub``.

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
        default_audiences: Only the workspace's own audience; output shows ``audiences`` if they differ.
        reason: Why a whole workspace is trusted, or ``None``.
        renamed_to: The present slug, if ``workspace`` is a previous slug; else ``None``. An equal entry has the present
            slug.
        last_day: The last day in UTC on which a previous slug, or the whole workspace of a role adopted as is, is
            trusted; or ``None``.
        restrictions_checked: The day in the inventory on which somebody last checked the environment's deployment
            restrictions in Bitbucket, or ``None``.
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
class AsIs:
    """Why a role keeps a whole workspace with admin access, and the last day in UTC on which it does."""

    reason: str
    until: date


@dataclass(frozen=True, slots=True)
class RolePlan:
    """A role in one account.

    Attributes:
        key: Its key in the inventory; logical names contain it.
        name: Its name in IAM.
        arn: Its computed ARN.
        path: ``/bitbucket/``.
        description: Variables replaced, or ``None``.
        owner: Free text, or ``None``.
        grade: As wide as its widest trust.
        trust: Who may assume it, sorted.
        trust_policy: The trust policy for IAM.
        managed_policy_arns: Sorted.
        inline_policies: By name, sorted.
        permissions_boundary_arn: Or ``None``.
        max_session_duration: Seconds.
        source_ips: Networks that the call to STS may come from; empty for everywhere, or for ``source_vpces`` alone.
        expires: The last day of access, UTC, or ``None``.
        tags: Those of the defaults and the role's.
        admin_reason: Why it may have admin access, or ``None``.
        source_vpces: VPC endpoints that the call to STS may come through, besides ``source_ips``; sorted.
        from_atlassian: Whether ``source_ips`` are the ranges that Atlassian publishes.
        is_plan_role: Whether it is the second role of a pair.
        previous_keys: Its previous values of ``key``.
        adopted_as_is: Why it keeps the wide trust that it was found with, or ``None``.
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
    adopted_as_is: AsIs | None = None


@dataclass(frozen=True, slots=True)
class AccountPlan:
    """An account: its OIDC providers, its roles, and the credentials for it.

    Attributes:
        key: Its key in the inventory; logical names contain it.
        id: Twelve digits.
        partition: ``aws``.
        region: ``eu-west-1``, or ``None`` if the inventory sets none.
        access: The credentials for it.
        oidc_providers: Sorted by workspace.
        roles: Sorted by key.
        previous_keys: Its previous values of ``key``.
        attachable_policies: Patterns of the managed policies that the deploying role may attach, sorted:
            ``arn:aws:iam::aws:policy/*ReadOnly*``; empty for exactly those that the roles have.
    """

    key: str
    id: AccountId
    partition: Partition
    region: str | None
    access: AccountCredentials
    oidc_providers: tuple[OidcProviderPlan, ...]
    roles: tuple[RolePlan, ...]
    previous_keys: tuple[str, ...] = ()
    attachable_policies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AccessPlan:
    """All accounts, sorted by key; those without roles and OIDC providers too."""

    accounts: tuple[AccountPlan, ...]

    @property
    def role_count(self) -> int:
        """Roles in all accounts."""
        return sum(len(account.roles) for account in self.accounts)

    def issuers_to_fetch(self) -> tuple[str, ...]:
        """Return the URLs of the issuers whose thumbprints are fetched, sorted, each once.

        An adopted OIDC provider keeps its thumbprints.
        """
        urls = {
            oidc_provider.url
            for account in self.accounts
            for oidc_provider in account.oidc_providers
            if oidc_provider.thumbprints == "fetch" and oidc_provider.mode == "create"
        }
        return tuple(sorted(urls))

    def issuers_alike(self) -> dict[str, tuple[str, ...]]:
        """Return the URLs of a renamed workspace's other issuers, for the URL of each of its issuers.

        Only one of them answers at a time: the previous slug's issuer before the rename, the new slug's after it. Both
        have the same host, so its certificates are valid for both.
        """
        by_workspace: dict[str, set[str]] = {}
        for account in self.accounts:
            for oidc_provider in account.oidc_providers:
                workspace = oidc_provider.renamed_to or oidc_provider.workspace
                by_workspace.setdefault(workspace, set()).add(oidc_provider.url)
        return {
            url: tuple(sorted(urls - {url})) for urls in by_workspace.values() if len(urls) > 1 for url in sorted(urls)
        }

    def only(self, keys: frozenset[str]) -> "AccessPlan":
        """Return the plan of the accounts with these keys."""
        return AccessPlan(tuple(account for account in self.accounts if account.key in keys))
