"""Check one role in one account: policies can be attached, variables have values, admin access has a reason."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from access.checks.sizes import check_sizes
from access.effective_settings import EffectiveSettings, RolePlace
from access.plan import RolePlan
from config.findings import Fault
from config.load import Loaded
from config.models.role import Override, PairedRole, Role
from config.policy.reference import PolicyReference
from config.rules.trust import whole_workspace_admin
from config.variables import needs_for_each
from config.yaml.document import Path
from oidc.arn import parse_iam_arn
from oidc.iam.admin_access import gives_admin_access, is_admin_managed_policy
from oidc.iam.document import Document
from oidc.source_addresses import SESSION_POLICY_NAME


def check_role(
    plan: RolePlan, declared: tuple[Role, tuple[str, Override] | None], place: RolePlace, loaded: Loaded
) -> Iterator[Fault]:
    """Yield the faults of a role as rendered for an account, each with its place in the inventory."""
    role, override = declared
    settings = EffectiveSettings.of(plan.key, role, override)
    variables = place.variables_of(plan.key, role)
    yield from _variables(settings, place, variables, loaded)
    if settings.get("bind_session") and not plan.source_ips and not plan.source_vpces:
        message = f"bind_session needs source addresses, and the role has none in account {place.key}"
        hint = "add `source_ips` or `source_vpces`, or write `bind_session: false`"
        yield Fault("session-without-addresses", settings.path("bind_session"), message, hint)
    of_policies = list(_managed_policies(settings, place, variables))
    if role.admin_reason is None:
        of_policies += _admin_access(plan, settings, place)
    yield from of_policies
    if any(fault.rule == "admin-access" for fault in of_policies):
        # Otherwise this error would come as the next one, once the role has a reason for its admin access.
        for index, entry in enumerate(role.trust):
            if entry.dangerously_whole_workspace is not None:
                yield whole_workspace_admin(("roles", plan.key, "trust", index, "dangerously_whole_workspace"))
    yield from _boundary(settings, place, variables, loaded)
    yield from check_sizes(plan, settings, place)


def _variables(
    settings: EffectiveSettings, place: RolePlace, variables: Mapping[str, str], loaded: Loaded
) -> Iterator[Fault]:
    for index, name in enumerate(settings.get("inline_policies")):
        policy = loaded.inventory.permission_policies.get(name)
        if policy is None or policy.document is None:
            continue
        at = (*settings.path("inline_policies"), index)
        if place.region is None and "region" in policy.variables and not _may_have_region(place.key, loaded):
            message = f"{name} uses {{{{region}}}}, and account {place.key} has no region"
            yield Fault("bad-variable", at, message, "give the account or the defaults a region")
        if missing := policy.variables - variables.keys():
            fault = needs_for_each(min(missing), at)
            yield replace(fault, message=f"in {name}, {fault.message}")


def _may_have_region(account: str, loaded: Loaded) -> bool:
    """Tell whether a fault hides the defaults or the account, which may have a region."""
    return loaded.is_incomplete or loaded.is_at_fault(("defaults",)) or loaded.is_at_fault(("accounts", account))


def _managed_policies(settings: EffectiveSettings, place: RolePlace, variables: Mapping[str, str]) -> Iterator[Fault]:
    at = settings.path("managed_policies")
    hint = _admin_hint(settings)
    arns: dict[str, PolicyReference] = {}
    for index, reference in enumerate(settings.get("managed_policies")):
        here = (*at, index)
        arn = reference.arn(place.partition, place.id, variables)
        yield from _attachable(arn, place, here)
        if (first := arns.setdefault(arn, reference)) is not reference:
            yield Fault("duplicate", here, f"{arn} is already listed above, as {first}", "remove one of the two")
        if settings.role.admin_reason is None and is_admin_managed_policy(arn):
            yield Fault("admin-access", here, f"{reference.name} gives admin access", hint)


def _boundary(
    settings: EffectiveSettings, place: RolePlace, variables: Mapping[str, str], loaded: Loaded
) -> Iterator[Fault]:
    name = "permissions_boundary"
    own, default = settings.get(name), loaded.inventory.defaults.permissions_boundary
    reference = default if own is None else own
    if reference is not None:
        at: Path = ("defaults", name) if own is None else settings.path(name)
        yield from _attachable(reference.arn(place.partition, place.id, variables), place, at)


def _attachable(arn: str, place: RolePlace, at: Path) -> Iterator[Fault]:
    parsed = parse_iam_arn(arn)
    if parsed is None or parsed.partition != place.partition or parsed.owner not in ("aws", place.id):
        message = f"{arn} cannot be attached in account {place.id} of partition {place.partition}"
        hint = "write aws:NAME or account:NAME, or use {{partition}} and {{account_id}} in the ARN"
        yield Fault("bad-arn", at, message, hint)


def _admin_hint(settings: EffectiveSettings) -> str:
    if isinstance(settings.role, PairedRole):
        return "narrow it: a plan role is for reading, whatever its role may do"
    return 'narrow it, or say why on the role: dangerously_allow_admin: "…"'


def _admin_access(plan: RolePlan, settings: EffectiveSettings, place: RolePlace) -> Iterator[Fault]:
    """Yield admin access without a reason, judged on the rendered policies, so that no variable hides it."""
    named = plan.inline_policies.keys() - {SESSION_POLICY_NAME}
    if not named:
        return
    hint = _admin_hint(settings)
    documents = {name: plan.inline_policies[name].parsed for name in sorted(named)}
    at = settings.path("inline_policies")
    admin_policies = [name for name, document in documents.items() if _is_admin([document], place)]
    for index, name in enumerate(settings.get("inline_policies")):
        if name in admin_policies:
            yield Fault("admin-access", (*at, index), f"{name} gives admin access", hint)
    if not admin_policies and _is_admin(list(documents.values()), place):
        yield Fault("admin-access", at, f"{' and '.join(documents)} together give admin access", hint)


def _is_admin(documents: list[Document], place: RolePlace) -> bool:
    return gives_admin_access(documents, partition=place.partition.value, account=place.id)
