"""Read one account: its OIDC providers of Bitbucket's issuers, taken role names, missing policies and quotas."""

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from access.adoption.as_found import ExistingRole
from access.managed_by import ManagedBy, managed_by, tags_of
from access.plan import AccountPlan, OidcProviderPlan
from access.trust_review.audience_check import may_skip_audience
from facts.aws.callers import Caller
from facts.aws.existing_access import read_role
from facts.aws.failures import DENIED, code_of, explained
from oidc.errors import AwsError
from oidc.limits import OIDC_PROVIDERS_PER_ACCOUNT, QUOTAS, ROLES_PER_ACCOUNT


@dataclass(frozen=True, slots=True)
class OidcProviderFacts:
    """An OIDC provider in an account.

    Attributes:
        owner: Who manages it, by its tags.
        audiences: Its client ids, sorted.
        thumbprints: In IAM's order, which is significant.
        tags: Sorted by key.
        unchecked_roles: ARNs of roles that trust it and may let in any of its audiences, sorted.
    """

    owner: ManagedBy
    audiences: tuple[str, ...]
    thumbprints: tuple[str, ...]
    tags: Mapping[str, str]
    unchecked_roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """The answers of an account.

    Attributes:
        oidc_providers: By workspace; ``None`` if the account has no OIDC provider of that issuer.
        taken_names: For each role name of the plan that a role of somebody else has, the ARN of that role.
        missing_policies: ARNs of boundaries and managed policies of the plan that the account does not have, sorted.
        adopted_as_is: Roles that the inventory adopts as they are, by name; without those that do not exist.
        quotas: By their names in the inventory; a quota that could not be read is left out.
        notes: What could not be read, and is not a failure.
    """

    oidc_providers: Mapping[str, OidcProviderFacts | None]
    taken_names: Mapping[str, str]
    missing_policies: tuple[str, ...]
    quotas: Mapping[str, int]
    notes: tuple[str, ...] = ()
    adopted_as_is: Mapping[str, ExistingRole] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _ListedRole:
    """A role in the answer of ListRoles; its trust policy parsed by botocore, or text if that failed."""

    name: str
    arn: str
    role_id: str
    trust_policy: object


def ask_account(caller: Caller, plan: AccountPlan) -> AccountFacts:
    """Ask an account about everything in its plan.

    Raises:
        AwsError: The account did not answer; an unanswered question about quotas becomes a note.
    """
    iam = caller.client("iam")
    with explained("the list of roles"):
        roles = [
            _ListedRole(
                str(role["RoleName"]), str(role["Arn"]), str(role["RoleId"]), role.get("AssumeRolePolicyDocument")
            )
            for page in iam.get_paginator("list_roles").paginate()
            for role in page["Roles"]
        ]
    quotas, notes = _quotas(caller)
    with explained("the list of OIDC providers"):
        arns = {str(listed["Arn"]) for listed in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]}
    notes += _too_many(plan, roles, arns, quotas)
    return AccountFacts(
        oidc_providers={planned.workspace: _oidc_provider(iam, planned, roles) for planned in plan.oidc_providers},
        taken_names=dict(_taken_names(iam, plan, roles)),
        missing_policies=tuple(arn for arn in _policies(plan) if not _has_policy(iam, arn)),
        quotas=quotas,
        notes=tuple(notes),
        adopted_as_is=dict(_adopted_as_is(iam, plan, roles)),
    )


def _too_many(
    plan: AccountPlan, roles: Iterable[_ListedRole], oidc_providers: AbstractSet[str], quotas: Mapping[str, int]
) -> Iterator[str]:
    """Report if existing and planned resources exceed a quota; resources that will be deleted are counted too."""
    names = {role.name.lower() for role in roles}
    planned_arns = {planned.arn for planned in plan.oidc_providers}
    for what, existing, planned, quota in (
        ("roles", names, {role.name.lower() for role in plan.roles}, quotas.get(ROLES_PER_ACCOUNT.key)),
        ("OIDC providers", oidc_providers, planned_arns, quotas.get(OIDC_PROVIDERS_PER_ACCOUNT.key)),
    ):
        added = len(planned - existing)
        if quota is not None and added and len(existing) + added > quota:
            yield f"it has {len(existing)} {what}, the inventory adds {added}, and the quota is {quota}"


def _oidc_provider(iam: Any, planned: OidcProviderPlan, roles: Iterable[_ListedRole]) -> OidcProviderFacts | None:  # noqa: ANN401 - botocore makes its clients at run time
    with explained(f"the OIDC provider {planned.arn}"):
        try:
            answer = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=planned.arn)
        except iam.exceptions.NoSuchEntityException:
            return None
        tags = tags_of(answer.get("Tags", []))
        audiences = tuple(sorted(map(str, answer.get("ClientIDList", []))))
        if odd := [audience for audience in audiences if not audience.isprintable()]:
            raise AwsError(
                f"{planned.arn} has a client id with unprintable characters: {odd[0]!r}", do="remove it in AWS"
            )
        unchecked = [role.arn for role in roles if may_skip_audience(role.trust_policy, planned.arn)]
    return OidcProviderFacts(
        owner=managed_by(tags),
        audiences=audiences,
        thumbprints=tuple(map(str, answer.get("ThumbprintList", []))),
        tags=tags,
        unchecked_roles=tuple(sorted(unchecked)),
    )


def _taken_names(iam: Any, plan: AccountPlan, roles: Iterable[_ListedRole]) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - as above
    """Yield names of the plan that other roles have. IAM's names are unique in an account, ignoring case and path."""
    existing = {role.name.lower(): role for role in roles}
    for name in sorted({role.name for role in plan.roles}):
        role = existing.get(name.lower())
        if role is not None and _owner_of_role(iam, role.name) != "this_program":
            yield name, role.arn


def _adopted_as_is(iam: Any, plan: AccountPlan, roles: Iterable[_ListedRole]) -> Iterator[tuple[str, ExistingRole]]:  # noqa: ANN401 - as above
    """Yield the existing roles that the plan adopts as they are. All of each is read: a tag says who manages it."""
    existing = {role.name: role for role in roles}
    for name in sorted(role.name for role in plan.roles if role.adopted_as_is is not None):
        if (listed := existing.get(name)) is not None:
            yield name, ExistingRole(listed.arn, listed.role_id, read_role(iam, name))


def _owner_of_role(iam: Any, name: str) -> ManagedBy:  # noqa: ANN401 - as above
    """Return the owner of a role by its tags, which ListRoles leaves out; ``unknown`` if GetRole is denied."""
    with explained(f"the owner of the role {name}"):
        try:
            return managed_by(tags_of(iam.get_role(RoleName=name)["Role"].get("Tags", [])))
        except ClientError as error:
            if code_of(error) in DENIED:
                return "unknown"
            raise


def _policies(plan: AccountPlan) -> list[str]:
    boundaries = {role.permissions_boundary_arn for role in plan.roles if role.permissions_boundary_arn}
    return sorted(boundaries | {arn for role in plan.roles for arn in role.managed_policy_arns})


def _has_policy(iam: Any, arn: str) -> bool:  # noqa: ANN401 - as above
    with explained(f"the policy {arn}"):
        try:
            iam.get_policy(PolicyArn=arn)
        except iam.exceptions.NoSuchEntityException:
            return False
    return True


def _quotas(caller: Caller) -> tuple[dict[str, int], list[str]]:
    """Return the quotas of Service Quotas, else of IAM's account summary; and notes on what could not be read.

    An account without quotas still counts: the defaults are used.
    """
    quotas: dict[str, int] = {}
    notes: list[str] = []
    try:
        with explained("IAM's account summary"):
            summary = caller.client("iam").get_account_summary()["SummaryMap"]
            quotas |= {quota.key: int(summary[quota.summary]) for quota in QUOTAS if quota.summary in summary}
    except AwsError as error:
        notes.append(str(error))
    try:
        with explained("Service Quotas"):
            pages = caller.client("service-quotas").get_paginator("list_service_quotas").paginate(ServiceCode="iam")
            values = {listed["QuotaCode"]: listed["Value"] for page in pages for listed in page["Quotas"]}
            quotas |= {quota.key: int(values[quota.code]) for quota in QUOTAS if quota.code in values}
    except AwsError as error:
        notes.append(str(error))
    return {name: value for name, value in quotas.items() if value > 0}, notes
