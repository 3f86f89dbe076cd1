"""Roles and OIDC providers of an account that admit Bitbucket Pipelines, as read from IAM."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from oidc.arn import Partition
from oidc.identifiers import AccountId


@dataclass(frozen=True, slots=True)
class FoundOidcProvider:
    """An OIDC provider of one of Bitbucket's issuers.

    Attributes:
        arn: ``arn:aws:iam::222222222222:oidc-provider/api.bitbucket.org/2.0/workspaces/acme/…``.
        audiences: Its client ids.
        tags: On it.
    """

    arn: str
    audiences: tuple[str, ...]
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class FoundRole:
    """A role whose trust policy names one of Bitbucket's issuers.

    Attributes:
        name: In IAM.
        path: ``/``.
        trust_policy: Parsed, or any other value in its place.
        description: Empty without one.
        max_session_duration: Seconds.
        permissions_boundary_arn: Or ``None``.
        managed_policy_arns: Attached to it.
        inline_policies: By name, parsed, or any other values in their place.
        tags: On it.
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


@dataclass(frozen=True, slots=True)
class FoundAccount:
    """An account, by its key in the inventory."""

    key: str
    id: AccountId
    partition: Partition
    oidc_providers: tuple[FoundOidcProvider, ...]
    roles: tuple[FoundRole, ...]


@dataclass(frozen=True, slots=True, order=True)
class Note:
    """What a reader of the written inventory has to know of one thing that was found.

    Attributes:
        subject: ``prod, role ODICAssumeRole``.
        message: What is otherwise, and why; ends without a full stop.
        is_left_out: Whether the thing is not in the inventory for it.
    """

    subject: str
    message: str
    is_left_out: bool = False
