"""The values of an account's roles and OIDC providers from three sides: plan, state and AWS, in one form.

Equal values are equal for AWS: documents are compared by meaning, audiences and attached policies as sets, tags without
those of the reserved prefix ``aws:``.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

from access.adoption.found import FoundAccount, FoundOidcProvider, FoundRole
from access.adoption.role_reading import revokes_sessions
from access.plan import AccountPlan, Mode, OidcProviderPlan, RolePlan
from oidc.iam.document import meaning_of


@dataclass(frozen=True, slots=True)
class RoleValues:
    """What a role has.

    Attributes:
        key: Of the inventory, or of an earlier one; not compared.
        name: In IAM.
        path: ``/bitbucket/``.
        trust_policy: Its meaning, as ``meaning_of`` writes it; this and inline policies are JSON.
        inline_policies: By name, each as its meaning.
        managed_policy_arns: Sorted; ``None`` if a state does not tell.
        permissions_boundary_arn: Or the empty string.
        max_session_duration: Seconds.
        description: Or the empty string.
        tags: All of them, default tags included.
    """

    key: str = field(compare=False)
    name: str
    path: str
    trust_policy: str
    inline_policies: Mapping[str, str]
    managed_policy_arns: tuple[str, ...] | None
    permissions_boundary_arn: str
    max_session_duration: int
    description: str
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class OidcProviderValues:
    """What an OIDC provider has.

    Attributes:
        arn: Of the provider.
        mode: ``create``; an adopted or referenced one keeps what it has, so all else is empty.
        audiences: Sorted.
        thumbprints: In order; ``None`` if they are left to AWS.
        tags: All of them, default tags included.
    """

    arn: str
    mode: Mode
    audiences: tuple[str, ...] = ()
    thumbprints: tuple[str, ...] | None = None
    tags: Mapping[str, str] = field(default_factory=dict)

    def is_same(self, other: "OidcProviderValues") -> bool:
        """Tell whether both are equal; thumbprints that one side leaves to AWS count as equal."""
        both = self.thumbprints is not None and other.thumbprints is not None
        return replace(self, thumbprints=None) == replace(other, thumbprints=None) and (
            not both or self.thumbprints == other.thumbprints
        )


@dataclass(frozen=True, slots=True)
class AccountValues:
    """An account from one side.

    Attributes:
        roles: By name in lower case: IAM ignores the case of names.
        oidc_providers: By ARN.
    """

    roles: Mapping[str, RoleValues]
    oidc_providers: Mapping[str, OidcProviderValues]


def planned_values(plan: AccountPlan, default_tags: Mapping[str, str], thumbprints: Mapping[str, str]) -> AccountValues:
    """Return what ``up`` makes of an account.

    Args:
        plan: Of the account.
        default_tags: Of the stack.
        thumbprints: Fetched ones, by URL of the issuer; where one is missing, thumbprints are not compared.
    """
    return AccountValues(
        {role.name.lower(): _planned_role(role, default_tags) for role in plan.roles},
        {provider.arn: _planned_oidc_provider(provider, default_tags, thumbprints) for provider in plan.oidc_providers},
    )


def _planned_role(role: RolePlan, default_tags: Mapping[str, str]) -> RoleValues:
    return RoleValues(
        key=role.key,
        name=role.name,
        path=role.path,
        trust_policy=meaning_of_text(role.trust_policy.text),
        inline_policies={name: meaning_of_text(document.text) for name, document in role.inline_policies.items()},
        managed_policy_arns=tuple(sorted(set(role.managed_policy_arns))),
        permissions_boundary_arn=role.permissions_boundary_arn or "",
        max_session_duration=role.max_session_duration,
        description=role.description or "",
        tags={**default_tags, **role.tags},
    )


def _planned_oidc_provider(
    plan: OidcProviderPlan, default_tags: Mapping[str, str], thumbprints: Mapping[str, str]
) -> OidcProviderValues:
    if plan.mode != "create":
        return OidcProviderValues(plan.arn, plan.mode)
    fetched = thumbprints.get(plan.url)
    of_fetch = (fetched,) if fetched is not None else None
    expected = plan.thumbprints if isinstance(plan.thumbprints, tuple) else None
    return OidcProviderValues(
        plan.arn,
        plan.mode,
        tuple(sorted(set(plan.audiences))),
        of_fetch if plan.thumbprints == "fetch" else expected,
        {**default_tags, **plan.tags},
    )


@lru_cache(maxsize=1024)
def meaning_of_text(text: str) -> str:
    """Return the meaning of a document; a text that is no JSON has only its own."""
    try:
        return meaning_of(json.loads(text))
    except (ValueError, RecursionError):
        return meaning_of(text)


@dataclass(frozen=True, slots=True)
class ValuesInAws:
    """What AWS has of an account's roles and OIDC providers.

    Attributes:
        values: In the form of the other sides.
        by_hand: Inline policies that neither plan nor state knows: by name of the role in lower case and by name of the
            policy, each as its meaning.
    """

    values: AccountValues
    by_hand: Mapping[str, Mapping[str, str]]


def values_in_aws(found: FoundAccount, planned: AccountValues, recorded: AccountValues) -> ValuesInAws:
    """Return what AWS has of the roles and OIDC providers that plan or state name; other roles are left out.

    A role has the key of the state, else that of the plan. ``AWSRevokeOlderSessions``, by which AWS revokes sessions,
    is left out if it only denies.
    """
    roles: dict[str, RoleValues] = {}
    by_hand: dict[str, dict[str, str]] = {}
    for role in found.roles:
        name = role.name.lower()
        known = [side.roles[name] for side in (recorded, planned) if name in side.roles]
        if not known:
            continue
        managed = {policy for values in known for policy in values.inline_policies}
        values = _found_role(role, known[0].key)
        ours = {policy: text for policy, text in values.inline_policies.items() if policy in managed}
        roles[name] = replace(values, inline_policies=ours)
        others = {
            policy: text
            for policy, text in sorted(values.inline_policies.items())
            if policy not in managed and not revokes_sessions(policy, role.inline_policies[policy])
        }
        if others:
            by_hand[name] = others
    providers = {provider.arn: _found_oidc_provider(provider, planned, recorded) for provider in found.oidc_providers}
    return ValuesInAws(AccountValues(roles, providers), by_hand)


def _found_role(role: FoundRole, key: str) -> RoleValues:
    return RoleValues(
        key=key,
        name=role.name,
        path=role.path,
        trust_policy=meaning_of(role.trust_policy),
        inline_policies={name: meaning_of(document) for name, document in role.inline_policies.items()},
        managed_policy_arns=tuple(sorted(set(role.managed_policy_arns))),
        permissions_boundary_arn=role.permissions_boundary_arn or "",
        max_session_duration=role.max_session_duration,
        description=role.description,
        tags=_found_tags(role.tags),
    )


def _found_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Drop the tags that AWS itself puts on a resource, which nobody else can change."""
    return {key: value for key, value in tags.items() if not key.startswith("aws:")}


def _found_oidc_provider(
    provider: FoundOidcProvider, planned: AccountValues, recorded: AccountValues
) -> OidcProviderValues:
    """Return its values with the mode of the state, else of the plan; what that side leaves to AWS is left out."""
    known = recorded.oidc_providers.get(provider.arn) or planned.oidc_providers.get(provider.arn)
    if known is not None and known.mode != "create":
        return OidcProviderValues(provider.arn, known.mode)
    return OidcProviderValues(
        provider.arn, "create", tuple(sorted(set(provider.audiences))), provider.thumbprints, _found_tags(provider.tags)
    )
