"""The answers of one account: its OIDC providers of Bitbucket's issuers, taken role names, policies, quotas."""

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from access.managed_by import ManagedBy, managed_by, tags_of
from access.plan import AccountPlan, OidcProviderPlan
from access.trust_review.audience_check import may_skip_audience
from facts.aws.callers import Caller
from facts.aws.failures import DENIED, code_of, explained
from oidc.errors import AwsError
from oidc.limits import OIDC_PROVIDERS_PER_ACCOUNT, QUOTAS, ROLES_PER_ACCOUNT


@dataclass(frozen=True, slots=True)
class OidcProviderFacts:
    """An OIDC provider as an account has it.

    Attributes:
        owner: By its tags.
        audiences: Its client ids, sorted.
        thumbprints: In the order that IAM has them in, which means something.
        tags: Sorted by key.
        unchecked_roles: ARNs of roles that trust it and may let in any audience of it, sorted.
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
        taken_names: Names of roles of the plan, to the ARN of a role there that has the name and is not ours.
        missing_policies: ARNs of boundaries and managed policies of the plan that are not there, sorted.
        quotas: By their names in the inventory, as far as they could be read.
        notes: Values that could not be read, without this being a failure.
    """

    oidc_providers: Mapping[str, OidcProviderFacts | None]
    taken_names: Mapping[str, str]
    missing_policies: tuple[str, ...]
    quotas: Mapping[str, int]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _ListedRole:
    """A role as ListRoles tells it; its trust policy parsed by botocore, or text where that was not possible."""

    name: str
    arn: str
    trust_policy: object


def ask_account(caller: Caller, plan: AccountPlan) -> AccountFacts:
    """Ask an account about all that its plan names.

    Raises:
        AwsError: It did not answer something that is not a quota.
    """
    iam = caller.client("iam")
    with explained("which roles there are"):
        roles = [
            _ListedRole(str(role["RoleName"]), str(role["Arn"]), role.get("AssumeRolePolicyDocument"))
            for page in iam.get_paginator("list_roles").paginate()
            for role in page["Roles"]
        ]
    quotas, notes = _quotas(caller)
    with explained("which OIDC providers there are"):
        arns = {str(one["Arn"]) for one in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]}
    notes += _too_many(plan, roles, arns, quotas)
    return AccountFacts(
        oidc_providers={wanted.workspace: _oidc_provider(iam, wanted, roles) for wanted in plan.oidc_providers},
        taken_names=dict(_taken_names(iam, plan, roles)),
        missing_policies=tuple(arn for arn in _policies(plan) if not _has_policy(iam, arn)),
        quotas=quotas,
        notes=tuple(notes),
    )


def _too_many(
    plan: AccountPlan, roles: Iterable[_ListedRole], oidc_providers: AbstractSet[str], quotas: Mapping[str, int]
) -> Iterator[str]:
    """Report if existing and planned resources together exceed a quota; earlier deletions are not known."""
    names = {role.name.lower() for role in roles}
    for what, there, wanted, quota in (
        ("roles", names, {role.name.lower() for role in plan.roles}, quotas.get(ROLES_PER_ACCOUNT.key)),
        (
            "OIDC providers", oidc_providers, {one.arn for one in plan.oidc_providers},
            quotas.get(OIDC_PROVIDERS_PER_ACCOUNT.key),
        ),
    ):  # fmt: skip
        added = len(wanted - there)
        if quota is not None and added and len(there) + added > quota:
            yield f"it has {len(there)} {what}, the inventory adds {added}, and the quota is {quota}"


def _oidc_provider(iam: Any, wanted: OidcProviderPlan, roles: Iterable[_ListedRole]) -> OidcProviderFacts | None:  # noqa: ANN401 - made at run time
    with explained(f"the OIDC provider {wanted.arn}"):
        try:
            found = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=wanted.arn)
        except iam.exceptions.NoSuchEntityException:
            return None
        tags = tags_of(found.get("Tags", []))
        audiences = tuple(sorted(map(str, found.get("ClientIDList", []))))
        if odd := [audience for audience in audiences if not audience.isprintable()]:
            raise AwsError(f"{wanted.arn} has a client id that nobody can read: {odd[0]!r}", do="remove it there")
        unchecked = [role.arn for role in roles if may_skip_audience(role.trust_policy, wanted.arn)]
    return OidcProviderFacts(
        owner=managed_by(tags),
        audiences=audiences,
        thumbprints=tuple(map(str, found.get("ThumbprintList", []))),
        tags=tags,
        unchecked_roles=tuple(sorted(unchecked)),
    )


def _taken_names(iam: Any, plan: AccountPlan, roles: Iterable[_ListedRole]) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - as above
    """Yield names of the plan that roles of others have. IAM's names are unique ignoring case, whatever the path."""
    there = {role.name.lower(): role for role in roles}
    for name in sorted({role.name for role in plan.roles}):
        found = there.get(name.lower())
        if found is not None and _owner_of_role(iam, found.name) != "this_program":
            yield name, found.arn


def _owner_of_role(iam: Any, name: str) -> ManagedBy:  # noqa: ANN401 - as above
    """Return the owner of a role, which ListRoles does not tell; unknown for one that nobody may look at."""
    with explained(f"whose the role {name} is"):
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
    """Return the quotas, by Service Quotas and where it does not tell by IAM itself; and what could not be read.

    Quotas are no reason to lose an account: without them the defaults hold.
    """
    found: dict[str, int] = {}
    notes: list[str] = []
    try:
        with explained("IAM's own quotas"):
            summary = caller.client("iam").get_account_summary()["SummaryMap"]
            found |= {quota.key: int(summary[quota.summary]) for quota in QUOTAS if quota.summary in summary}
    except AwsError as error:
        notes.append(str(error))
    try:
        with explained("Service Quotas"):
            pages = caller.client("service-quotas").get_paginator("list_service_quotas").paginate(ServiceCode="iam")
            values = {listed["QuotaCode"]: listed["Value"] for page in pages for listed in page["Quotas"]}
            found |= {quota.key: int(values[quota.code]) for quota in QUOTAS if quota.code in values}
    except AwsError as error:
        notes.append(str(error))
    return {name: value for name, value in found.items() if value > 0}, notes
