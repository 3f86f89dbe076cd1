"""The sections of roles in the report."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import TypeAlias

from access.plan import AccessPlan, RolePlan, TrustPlan
from config.models.family import family_of, plan_key
from oidc.arn import policy_in_words
from oidc.bitbucket import Grade
from review.report.by_account import Holder, Shared, by_account
from review.report.documents import DisplayedPolicy, Documents
from review.report.pipelines import Pipeline, RolePipelines, repository_of

Texts: TypeAlias = tuple[Shared[tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class RolePermissions:
    """The permissions of a role.

    Attributes:
        managed: Names of managed policies: ``aws:ReadOnlyAccess``.
        inline: Inline policies.
        boundary: The ARN of the permissions boundary, or ``None``.
    """

    managed: Texts
    inline: tuple[Shared[tuple[DisplayedPolicy, ...]], ...]
    boundary: tuple[Shared[str | None], ...]

    @property
    def are_none(self) -> bool:
        """Whether the role has no permission policy."""
        return not any(shared.value for shared in self.managed) and not any(shared.value for shared in self.inline)


@dataclass(frozen=True, slots=True)
class RolePart:
    """A role in all of its accounts.

    Attributes:
        key: The key of the role in the inventory.
        anchor: Its id in the page, which does not depend on the rest of the inventory.
        role: The role in its first account, for values that are equal in all accounts.
        accounts: The keys of its accounts.
        trust: Who may assume it.
        pipeline: Steps that assume it; ``None`` for the plan role of a pair, which is in the pipeline of its role.
        repository: The repository of the pipeline: ``acme/shop``.
        beside: The key of the other role of its pair, or ``None``.
    """

    key: str
    anchor: str
    role: RolePlan
    accounts: tuple[str, ...]
    trust: tuple[Shared[tuple[TrustPlan, ...]], ...]
    arns: tuple[Shared[str], ...]
    descriptions: tuple[Shared[str | None], ...]
    owners: tuple[Shared[str | None], ...]
    durations: tuple[Shared[int], ...]
    ends: tuple[Shared[date | None], ...]
    places: Texts
    tags: tuple[Shared[tuple[tuple[str, str], ...]], ...]
    admin: tuple[Shared[str | None], ...]
    permissions: RolePermissions
    trust_policies: tuple[Shared[DisplayedPolicy], ...]
    pipeline: Pipeline | None
    repository: str
    beside: str | None

    @property
    def is_admin(self) -> bool:
        """Whether it may have admin access in any account."""
        return any(shared.value is not None for shared in self.admin)

    def has_end_before(self, day: date) -> bool:
        """Whether access has ended in any account."""
        return any(shared.value is not None and shared.value < day for shared in self.ends)


@dataclass(frozen=True, slots=True)
class FamilyPart:
    """The roles of a family, or one role without a family.

    Attributes:
        key: The key as written in the inventory: ``deploy`` for ``deploy[acme/shop]``.
        parts: The roles, sorted by key.
    """

    key: str
    parts: tuple[RolePart, ...]

    @property
    def role_count(self) -> int:
        """The roles in all accounts."""
        return sum(len(part.accounts) for part in self.parts)

    @property
    def grades(self) -> tuple[Grade, ...]:
        """The grades of its roles, each once."""
        found = {part.role.grade for part in self.parts}
        return tuple(grade for grade in Grade if grade in found)

    @property
    def is_admin(self) -> bool:
        """Whether any of its roles may have admin access."""
        return any(part.is_admin for part in self.parts)


def families(parts: Iterable[RolePart]) -> Iterator[FamilyPart]:
    """Yield the families of sorted roles, and between them the roles without a family."""
    for key, group in groupby(parts, key=lambda part: family_of(part.key)):
        yield FamilyPart(key, tuple(group))


def role_parts(plan: AccessPlan, documents: Documents) -> tuple[Iterator[RolePart], tuple[Pipeline, ...]]:
    """Return a part for each role of a plan, sorted by key, and the pipelines that several roles share.

    A part is made when it is asked for: a large plan has a hundred thousand.
    """
    holders = sorted(((account, role) for account in plan.accounts for role in account.roles), key=_by_key)
    grouped = {key: list(group) for key, group in groupby(holders, key=lambda holder: holder[1].key)}
    pairs = {key: beside for key in grouped if _is_plan_role(beside := grouped.get(plan_key(key), []))}
    of_pair = {beside[0][1].key: key for key, beside in pairs.items()}
    pipelines = RolePipelines.of((group, pairs.get(key, [])) for key, group in grouped.items() if key not in of_pair)
    others = of_pair | {key: group[0][1].key for key, group in pairs.items()}
    return (
        (_part(group, others.get(key), pipelines.by_role.get(key), documents) for key, group in grouped.items()),
        pipelines.shared,
    )


def anchor(key: str) -> str:
    """Return the id of a role's part; it needs no escaping anywhere, and two keys never have the same id."""
    return "role-" + re.sub(r"[^A-Za-z0-9_.-]", lambda match: f"~{ord(match[0]):x}~", key)


def _by_key(holder: Holder) -> tuple[str, str]:
    return holder[1].key, holder[0].key


def _is_plan_role(holders: Sequence[Holder]) -> bool:
    return any(role.is_plan_role for _, role in holders)


def _part(holders: Sequence[Holder], beside: str | None, pipeline: Pipeline | None, documents: Documents) -> RolePart:
    role = holders[0][1]
    return RolePart(
        key=role.key,
        anchor=anchor(role.key),
        role=role,
        accounts=tuple(account.key for account, _ in holders),
        trust=by_account(holders, lambda _, role: role.trust),
        arns=by_account(holders, lambda _, role: role.arn),
        descriptions=by_account(holders, lambda _, role: role.description),
        owners=by_account(holders, lambda _, role: role.owner),
        durations=by_account(holders, lambda _, role: role.max_session_duration),
        ends=by_account(holders, lambda _, role: role.expires),
        places=by_account(holders, lambda _, role: _places(role)),
        tags=by_account(holders, lambda _, role: tuple(sorted(role.tags.items()))),
        admin=by_account(holders, lambda _, role: role.admin_reason),
        permissions=_permissions(holders, documents),
        trust_policies=by_account(holders, lambda account, role: documents.trust((account, role))),
        pipeline=pipeline,
        repository=repository_of(role),
        beside=beside,
    )


def _places(role: RolePlan) -> tuple[str, ...]:
    networks = tuple(str(network) for network in role.source_ips)
    if role.from_atlassian:
        networks = (f"the ranges that Atlassian publishes ({', '.join(networks)})",)
    return (*networks, *(f"VPC endpoint {endpoint}" for endpoint in role.source_vpces))


def _permissions(holders: Sequence[Holder], documents: Documents) -> RolePermissions:
    return RolePermissions(
        managed=by_account(holders, lambda _, role: tuple(map(policy_in_words, role.managed_policy_arns))),
        inline=by_account(holders, lambda account, role: documents.inline((account, role))),
        boundary=by_account(holders, lambda _, role: role.permissions_boundary_arn),
    )
