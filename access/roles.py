"""A role of the inventory in one account: defaults and overrides applied, variables replaced, within IAM's limits."""

from collections.abc import Mapping
from typing import Any

from access.checks.sizes import check_sizes
from access.plan import RolePlan
from access.role_settings import EffectiveSettings, RolePlace
from access.trust import trust_lines, trusted_issuers
from config.load import Loaded
from config.models.family import family_of
from config.models.role import ATLASSIAN, Override, PairedRole, Role
from config.policy.reference import PolicyReference
from config.sources import Sources
from config.variables import needs_for_each, render, render_all
from config.yaml.document import Path
from oidc.arn import parse_iam_arn, role_arn
from oidc.bitbucket import widest
from oidc.iam.admin_access import gives_admin_access, is_admin_managed_policy
from oidc.iam.document import Document, PolicyDocument
from oidc.iam.trust_policy import TrustLimits, trust_policy
from oidc.source_addresses import SESSION_POLICY_NAME, SourceAddresses


def role_plan(
    key: str, role: Role, override: tuple[str, Override] | None, place: RolePlace, loaded: Loaded
) -> RolePlan | None:
    """Return a role in one account, or ``None`` where its trust has a finding already."""
    lines = trust_lines(role.trust, loaded.inventory.workspaces)
    if lines is None:
        return None
    settings = EffectiveSettings.of(key, role, override)
    defaults = loaded.inventory.defaults
    name = role.name or family_of(key)
    path = settings.get("path") or defaults.path
    variables = place.variables_of(key, role)
    addresses = SourceAddresses(_source_ips(settings, loaded), tuple(sorted(settings.get("source_vpces") or ())))
    last_day = settings.get("expires")
    within = TrustLimits(addresses.networks, last_day, addresses.vpc_endpoints)
    policy = trust_policy(place.partition, place.id, trusted_issuers(lines), within)
    description = settings.get("description")
    inline_policies = _inline_policies(settings, place, variables, loaded)
    if settings.get("bind_session"):
        inline_policies |= _session_policy(addresses, settings, place, loaded.sources)
    plan = RolePlan(
        key=key,
        name=name,
        arn=role_arn(place.partition, place.id, path, name),
        path=path,
        description=render(description, variables) if description else None,
        owner=settings.get("owner"),
        grade=widest([line.grade for line in lines]),
        trust=lines,
        trust_policy=policy,
        managed_policy_arns=_managed_policy_arns(settings, place, variables, loaded.sources),
        inline_policies=dict(sorted(inline_policies.items())),
        permissions_boundary_arn=_boundary(settings, place, variables, loaded),
        max_session_duration=settings.get("max_session_duration") or defaults.max_session_duration,
        source_ips=addresses.networks,
        expires=last_day,
        tags=dict(sorted((defaults.tags | settings.get("tags")).items())),
        admin_reason=role.dangerously_allow_admin,
        source_vpces=addresses.vpc_endpoints,
        from_atlassian=settings.get("source_ips") == ATLASSIAN,
        is_plan_role=isinstance(role, PairedRole),
        previous_keys=tuple(f"{previous}{key[len(family_of(key)) :]}" for previous in role.previous_keys),
    )
    check_sizes(plan, settings, place, loaded.sources)
    if role.dangerously_allow_admin is None:
        _check_admin_access(plan, settings, place, variables, loaded.sources)
    return plan


def _source_ips(settings: EffectiveSettings, loaded: Loaded) -> tuple[Any, ...]:
    written = settings.get("source_ips")
    if written == ATLASSIAN:
        ranges = loaded.lock.lock.address_ranges.get("atlassian")
        written = ranges.networks if ranges else ()
    return tuple(sorted(set(written or ()), key=lambda network: (network.version, network)))


def _managed_policy_arns(
    settings: EffectiveSettings, place: RolePlace, variables: Mapping[str, str], sources: Sources
) -> tuple[str, ...]:
    at = settings.path("managed_policies")
    arns: dict[str, PolicyReference] = {}
    for index, reference in enumerate(settings.get("managed_policies")):
        arn = _policy_arn(reference, place, variables, (*at, index), sources)
        if (first := arns.setdefault(arn, reference)) is not reference:
            message = f"{arn} stands above already, as {first}"
            sources.report("duplicate", (*at, index), message, "remove one of the two")
    return tuple(sorted(arns))


def _boundary(
    settings: EffectiveSettings, place: RolePlace, variables: Mapping[str, str], loaded: Loaded
) -> str | None:
    name = "permissions_boundary"
    if (own := settings.get(name)) is not None:
        return _policy_arn(own, place, variables, settings.path(name), loaded.sources)
    if (default := loaded.inventory.defaults.permissions_boundary) is not None:
        return _policy_arn(default, place, variables, ("defaults", name), loaded.sources)
    return None


def _policy_arn(
    reference: PolicyReference, place: RolePlace, variables: Mapping[str, str], at: Path, sources: Sources
) -> str:
    name = reference.arn(place.partition, place.id, variables)
    arn = parse_iam_arn(name)
    if arn is None or arn.partition != place.partition or arn.owner not in ("aws", place.id):
        message = f"{name} cannot be attached in account {place.id} of partition {place.partition}"
        hint = "write aws:NAME or account:NAME, or use {{partition}} and {{account_id}} in the ARN"
        sources.report("bad-arn", at, message, hint)
    return name


def _inline_policies(
    settings: EffectiveSettings, place: RolePlace, variables: Mapping[str, str], loaded: Loaded
) -> dict[str, PolicyDocument]:
    rendered: dict[str, PolicyDocument] = {}
    for index, name in enumerate(settings.get("inline_policies")):
        policy = loaded.inventory.permission_policies.get(name)
        if policy is None or policy.document is None:
            continue
        # A file that cannot be read may hold the region of the defaults.
        missed = place.region is None and "region" in policy.variables
        if missed and not loaded.sources.lost and not loaded.sources.is_at_fault("defaults", place.key):
            at = (*settings.path("inline_policies"), index)
            message = f"{name} uses {{{{region}}}}, and account {place.key} has none"
            loaded.sources.report("bad-variable", at, message, "give the account or the defaults a region")
        if missing := policy.variables - variables.keys():
            at = (*settings.path("inline_policies"), index)
            fault = needs_for_each(min(missing), at)
            loaded.sources.report(fault.rule, fault.path, f"in {name}, {fault.message}", fault.hint)
            continue
        rendered[name] = PolicyDocument.of(render_all(policy.document, variables))
    return rendered


def _session_policy(
    addresses: SourceAddresses, settings: EffectiveSettings, place: RolePlace, sources: Sources
) -> dict[str, PolicyDocument]:
    """Return the inline policy that binds sessions, by its name; without addresses it would deny everything."""
    if not addresses.networks and not addresses.vpc_endpoints:
        message = f"sessions are to be bound to source addresses, and the role has none in account {place.key}"
        hint = "add `source_ips` or `source_vpces`, or write `bind_session: false` where there are none"
        sources.report("session-without-addresses", settings.path("bind_session"), message, hint)
        return {}
    return {SESSION_POLICY_NAME: addresses.session_policy()}


def _check_admin_access(
    plan: RolePlan, settings: EffectiveSettings, place: RolePlace, variables: Mapping[str, str], sources: Sources
) -> None:
    """Report admin access that does not say why, judged on what is rendered: no variable hides it."""
    hint = 'narrow it, or say why on the role: dangerously_allow_admin: "…"'
    if isinstance(settings.role, PairedRole):
        hint = "narrow it: a plan role is for reading, whatever its role may do"
    at = settings.path("managed_policies")
    for index, reference in enumerate(settings.get("managed_policies")):
        if is_admin_managed_policy(reference.arn(place.partition, place.id, variables)):
            sources.report("admin-access", (*at, index), f"{reference.name} gives admin access", hint)
    named = plan.inline_policies.keys() - {SESSION_POLICY_NAME}
    if not named:
        return
    documents = {name: plan.inline_policies[name].parsed for name in sorted(named)}
    at = settings.path("inline_policies")
    alone = [name for name, document in documents.items() if _is_admin([document], place)]
    for index, name in enumerate(settings.get("inline_policies")):
        if name in alone:
            sources.report("admin-access", (*at, index), f"{name} gives admin access", hint)
    if not alone and _is_admin(list(documents.values()), place):
        sources.report("admin-access", at, f"{' and '.join(documents)} together give admin access", hint)


def _is_admin(documents: list[Document], place: RolePlace) -> bool:
    return gives_admin_access(documents, partition=place.partition.value, account=place.id)
