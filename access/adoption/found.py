"""What an account has, as read from IAM: access of Bitbucket Pipelines, and the template of ``bootstrap``."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from oidc.arn import Partition
from oidc.identifiers import AccountId


@dataclass(frozen=True, slots=True)
class FoundOidcProvider:
    """An OIDC provider of one of Bitbucket's issuers.

    Attributes:
        arn: ``arn:aws:iam::222222222222:oidc-provider/api.bitbucket.org/2.0/workspaces/acme/…``.
        audiences: Its client ids.
        tags: Its tags.
        thumbprints: In IAM's order.
        url: Its issuer, without ``https://``, as IAM answers it.
    """

    arn: str
    audiences: tuple[str, ...]
    tags: Mapping[str, str]
    thumbprints: tuple[str, ...] = ()
    url: str = ""


@dataclass(frozen=True, slots=True)
class FoundRole:
    """A role, for example one whose trust policy names one of Bitbucket's issuers.

    Attributes:
        name: In IAM.
        path: ``/``.
        trust_policy: Parsed JSON, or any other value if it cannot be parsed.
        description: May be empty.
        max_session_duration: In seconds.
        permissions_boundary_arn: ARN, or ``None``.
        managed_policy_arns: ARNs of the attached policies.
        inline_policies: Parsed JSON by name, or any other value if one cannot be parsed.
        tags: Its tags.
        created: When it was created, aware; ``None`` if nobody asked.
    """

    name: str
    path: str
    trust_policy: object
    description: str
    max_session_duration: int
    permissions_boundary_arn: str | None
    managed_policy_arns: tuple[str, ...]
    inline_policies: Mapping[str, Any]
    tags: Mapping[str, str]
    created: datetime | None = None


@dataclass(frozen=True, slots=True)
class FoundAccount:
    """An account, by its key in the inventory."""

    key: str
    id: AccountId
    partition: Partition
    oidc_providers: tuple[FoundOidcProvider, ...]
    roles: tuple[FoundRole, ...]


@dataclass(frozen=True, slots=True)
class FoundTemplate:
    """What an account has of the resources that the template of ``bootstrap`` creates.

    Attributes:
        roles: The deploying and the reading role, by name; without a role that does not exist.
        policies: The account's policies that are attached to them, and the boundaries, by ARN: parsed JSON, or any
            other value if a document cannot be parsed; without a policy that does not exist.
        unreadable: ARNs of policies that exist, and whose documents the caller may not read, sorted.
    """

    roles: Mapping[str, FoundRole]
    policies: Mapping[str, object]
    unreadable: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FoundControlPolicy:
    """A service or resource control policy of an organization that is attached to something.

    Attributes:
        id: ``p-examplepolicyid``.
        name: ``identity-perimeter``.
        is_resource_control: Whether it is a resource control policy.
        document: Parsed JSON, or any other value if it cannot be parsed.
        targets: Names of the root, organizational units and accounts that it is attached to, sorted.
    """

    id: str
    name: str
    is_resource_control: bool
    document: object
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True, order=True)
class AdoptionNote:
    """A difference between the written inventory and an account.

    Attributes:
        subject: ``prod, role ODICAssumeRole``.
        message: The difference and its reason, without a full stop.
        is_left_out: Whether the subject is not in the inventory because of it.
    """

    subject: str
    message: str
    is_left_out: bool = False
