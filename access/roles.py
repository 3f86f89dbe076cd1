"""Plan a role in one account: apply defaults and overrides, and replace variables."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from access.effective_settings import EffectiveSettings, RolePlace
from access.plan import AsIs, RolePlan
from access.trust import trust_lines, trusted_issuers
from config.load import Loaded
from config.models.family import family_of
from config.models.role import ATLASSIAN, Override, PairedRole, Role
from config.variables import render, render_all
from oidc.arn import role_arn
from oidc.bitbucket import widest
from oidc.iam.document import PolicyDocument
from oidc.iam.trust_policy import TrustConditions, TrustedIssuer
from oidc.source_addresses import SESSION_POLICY_NAME, SourceAddresses

TrustPolicies: TypeAlias = Callable[[tuple[TrustedIssuer, ...], TrustConditions], PolicyDocument]
"""Returns the trust policy of a role in one account."""


def role_plan(
    key: str,
    declared: tuple[Role, tuple[str, Override] | None],
    place: RolePlace,
    loaded: Loaded,
    trust_policy: TrustPolicies,
) -> RolePlan | None:
    """Return a role in one account, or ``None`` if its trust has a finding already."""
    role, override = declared
    as_is = role.dangerously_adopted_as_is
    lines = trust_lines(role.trust, loaded.inventory.workspaces, as_is.until if as_is is not None else None)
    if lines is None:
        return None
    settings = EffectiveSettings.of(key, role, override)
    defaults = loaded.inventory.defaults
    name = role.name or family_of(key)
    path = settings.get("path") or defaults.path
    variables = place.variables_of(key, role)
    addresses = SourceAddresses(_source_ips(settings, loaded), tuple(sorted(settings.get("source_vpces") or ())))
    last_day = settings.get("expires")
    within = TrustConditions(addresses.networks, last_day, addresses.vpc_endpoints)
    policy = trust_policy(trusted_issuers(lines), within)
    description = settings.get("description")
    inline_policies = _inline_policies(settings, variables, loaded)
    if settings.get("bind_session"):
        inline_policies |= _session_policy(addresses)
    return RolePlan(
        key=key,
        name=name,
        arn=role_arn(place.partition, place.id, path, name),
        path=path,
        description=render(description, variables) if description else None,
        owner=settings.get("owner"),
        grade=widest([line.grade for line in lines]),
        trust=lines,
        trust_policy=policy,
        managed_policy_arns=_managed_policy_arns(settings, place, variables),
        inline_policies=dict(sorted(inline_policies.items())),
        permissions_boundary_arn=_boundary(settings, place, variables, loaded),
        max_session_duration=settings.get("max_session_duration") or defaults.max_session_duration,
        source_ips=addresses.networks,
        expires=last_day,
        tags=dict(sorted((defaults.tags | settings.get("tags")).items())),
        admin_reason=role.admin_reason,
        source_vpces=addresses.vpc_endpoints,
        from_atlassian=settings.get("source_ips") == ATLASSIAN,
        is_plan_role=isinstance(role, PairedRole),
        previous_keys=tuple(f"{previous}{key[len(family_of(key)) :]}" for previous in role.previous_keys),
        adopted_as_is=AsIs(as_is.reason, as_is.until) if as_is is not None else None,
    )


def _source_ips(settings: EffectiveSettings, loaded: Loaded) -> tuple[Any, ...]:
    networks = settings.get("source_ips")
    if networks == ATLASSIAN:
        ranges = loaded.lock.lock.address_ranges.get("atlassian")
        networks = ranges.networks if ranges else ()
    return tuple(sorted(set(networks or ()), key=lambda network: (network.version, network)))


def _managed_policy_arns(
    settings: EffectiveSettings, place: RolePlace, variables: Mapping[str, str]
) -> tuple[str, ...]:
    references = settings.get("managed_policies")
    return tuple(sorted({reference.arn(place.partition, place.id, variables) for reference in references}))


def _boundary(
    settings: EffectiveSettings, place: RolePlace, variables: Mapping[str, str], loaded: Loaded
) -> str | None:
    reference = settings.get("permissions_boundary") or loaded.inventory.defaults.permissions_boundary
    return None if reference is None else reference.arn(place.partition, place.id, variables)


def _inline_policies(
    settings: EffectiveSettings, variables: Mapping[str, str], loaded: Loaded
) -> dict[str, PolicyDocument]:
    """Return the rendered documents, without those that use a variable this role lacks; they have a finding."""
    rendered: dict[str, PolicyDocument] = {}
    for name in settings.get("inline_policies"):
        policy = loaded.inventory.permission_policies.get(name)
        if policy is not None and policy.document is not None and policy.variables <= variables.keys():
            rendered[name] = PolicyDocument.of(render_all(policy.document, variables))
    return rendered


def _session_policy(addresses: SourceAddresses) -> dict[str, PolicyDocument]:
    """Return the inline policy that limits sessions, by its name; without addresses it would deny everything."""
    if not addresses.networks and not addresses.vpc_endpoints:
        return {}
    return {SESSION_POLICY_NAME: addresses.session_policy()}
