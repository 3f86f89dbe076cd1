"""Check guardrails on rendered roles, so that no variable, override, default or ARN hides a breach.

``dangerously_allow_admin`` and ``allow`` do not bypass guardrails: every fault is an error.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, collapse_addresses

from access.checks.guardrail_rules import (
    ActionBreach,
    action_breach,
    allows_only,
    forbidden_by,
    is_allowed,
    shown_policy,
    trust_breach,
)
from access.checks.policy_uses import RolesWithOverrides
from access.effective_settings import EffectiveSettings, RolePlace
from access.plan import AccountPlan, RolePlan, TrustPlan
from config.findings import Fault
from config.load import Loaded
from config.models.defaults import Defaults
from config.models.guardrails import GuardrailRule
from config.selectors import AccountSelector
from config.yaml.document import Path
from oidc.arn import parse_iam_arn


@dataclass(frozen=True, slots=True)
class _Breach:
    """A breach: the rule of its finding, its place, the guardrail's key, the actual value, the limit and a hint."""

    rule: str
    at: Path
    limit_key: str
    actual: str
    limit: str
    hint: str
    of_key: bool = False


@dataclass(frozen=True, slots=True)
class _GuardedRole:
    """A role in one account, as rendered and as declared."""

    role: RolePlan
    settings: EffectiveSettings
    place: RolePlace
    defaults: Defaults

    def where(self, name: str) -> tuple[Path, bool]:
        """Return the place of the effective setting, defaults included; else the role's key, and true."""
        if self.settings.is_set(name):
            return self.settings.path(name), False
        if name in self.defaults.model_fields_set:
            return ("defaults", name), False
        return ("roles", self.settings.key), True


def check_guardrails(
    accounts: Iterable[AccountPlan], selected: Mapping[str, RolesWithOverrides], loaded: Loaded
) -> Iterator[Fault]:
    """Yield every role that breaks a guardrail, at the place of the faulty value."""
    inventory = loaded.inventory
    if inventory.guardrails is None:
        return
    selector = AccountSelector(inventory.accounts)
    in_order = sorted(inventory.guardrails.rules.items())
    guardrails = [(name, rule, frozenset(selector.selected_by(rule.accounts))) for name, rule in in_order]
    for account in accounts:
        place = RolePlace.of(account.key, inventory.accounts[account.key], inventory.defaults)
        for role in account.roles:
            declared, override = selected[account.key][role.key]
            guarded = _GuardedRole(role, EffectiveSettings.of(role.key, declared, override), place, inventory.defaults)
            for name, rule, keys in guardrails:
                if account.key in keys:
                    for breach in _faults(rule, guarded):
                        yield _fault(loaded, name, account.key, breach)


def _fault(loaded: Loaded, name: str, account: str, breach: _Breach) -> Fault:
    rule_place = loaded.sources.place(("guardrails", "rules", name, breach.limit_key), of_key=True)
    guardrail = f"guardrail `{name}` ({rule_place.file}:{rule_place.line})"
    message = f"{breach.actual} in account {account}, and {guardrail} {breach.limit}"
    return Fault(breach.rule, breach.at, message, breach.hint, of_key=breach.of_key)


def _faults(rule: GuardrailRule, guarded: _GuardedRole) -> Iterator[_Breach]:
    for check in _CHECKS:
        yield from check(rule, guarded)


def _boundary(rule: GuardrailRule, guarded: _GuardedRole) -> Iterator[_Breach]:
    name = "permissions_boundary"
    if rule.permissions_boundary is None:
        return
    place, boundary = guarded.place, guarded.role.permissions_boundary_arn
    wanted = [reference.arn(place.partition, place.id, place.variables("")) for reference in rule.permissions_boundary]
    if boundary in wanted:
        return
    at, of_key = guarded.where(name)
    names = " or ".join(shown_policy(arn, place.id) for arn in wanted)
    is_now = "the role has no permissions boundary"
    if boundary is not None:
        is_now = f"the permissions boundary is {shown_policy(boundary, place.id)}"
    hint = f"write `{name}: {shown_policy(wanted[0], place.id)}`"
    yield _Breach("guardrail-boundary", at, name, is_now, f"requires {names}", hint, of_key)


def _managed_policies(rule: GuardrailRule, guarded: _GuardedRole) -> Iterator[_Breach]:
    for arn in guarded.role.managed_policy_arns:
        parsed = parse_iam_arn(arn)
        if parsed is None or parsed.owner not in ("aws", guarded.place.id):
            continue  # it cannot be attached, and has a finding for that
        name = shown_policy(arn, guarded.place.id)
        forbidding = forbidden_by(name, rule.forbidden_managed_policies)
        if forbidding is not None:
            limit_key, limit = "forbidden_managed_policies", f"forbids {forbidding}"
        elif rule.allowed_managed_policies is not None and not is_allowed(name, rule.allowed_managed_policies):
            limit_key, limit = "allowed_managed_policies", allows_only(rule.allowed_managed_policies, "none")
        else:
            continue
        at = _entry_of(guarded, arn)
        hint = "detach it, or ask the platform team to change the guardrail"
        yield _Breach("guardrail-managed-policy", at, limit_key, f"{name} is attached", limit, hint)


def _entry_of(guarded: _GuardedRole, arn: str) -> Path:
    """Return the place of a managed policy, by its rendered ARN."""
    at = guarded.settings.path("managed_policies")
    variables = guarded.place.variables_of(guarded.settings.key, guarded.settings.role)
    for index, reference in enumerate(guarded.settings.get("managed_policies")):
        if reference.arn(guarded.place.partition, guarded.place.id, variables) == arn:
            return (*at, index)
    return at


def _actions(rule: GuardrailRule, guarded: _GuardedRole) -> Iterator[_Breach]:
    if rule.allowed_actions is None and not rule.forbidden_actions:
        return
    names = list(guarded.settings.get("inline_policies"))
    for name, document in guarded.role.inline_policies.items():
        fault: ActionBreach | None = action_breach(document, rule.allowed_actions, rule.forbidden_actions)
        if fault is not None:
            at = guarded.settings.path("inline_policies")
            at = (*at, names.index(name)) if name in names else at
            hint = f"remove it from permission_policies.{name}, or use another policy; adding a Deny does not help"
            actual = f"Statement[{fault.statement}] of {name} allows {fault.allows}"
            yield _Breach("guardrail-action", at, fault.limit_key, actual, fault.limit, hint)


def _session(rule: GuardrailRule, guarded: _GuardedRole) -> Iterator[_Breach]:
    name, longest = "max_session_duration", rule.max_session_duration
    if longest is not None and guarded.role.max_session_duration > longest:
        at, of_key = guarded.where(name)
        actual = f"sessions last up to {_duration(guarded.role.max_session_duration)}"
        hint = f"write `{name}: {_duration(longest)}` or less"
        yield _Breach("guardrail-session", at, name, actual, f"allows {_duration(longest)}", hint, of_key)


def _duration(seconds: int) -> str:
    """Return a duration as the inventory writes it: ``2h``, ``90m`` or ``5401s``."""
    for unit, length in (("h", 3600), ("m", 60)):
        if seconds % length == 0:
            return f"{seconds // length}{unit}"
    return f"{seconds}s"


def _trust(rule: GuardrailRule, guarded: _GuardedRole) -> Iterator[_Breach]:
    for line in guarded.role.trust:
        if line.renamed_to is not None:
            continue  # a line with the workspace's current slug gives the same fault
        if (fault := trust_breach(rule, line)) is not None:
            at = _entry_of_trust(guarded, line, fault.key)
            yield _Breach("guardrail-trust", at, fault.limit_key, fault.actual, fault.limit, fault.hint)


def _entry_of_trust(guarded: _GuardedRole, line: TrustPlan, key: str) -> Path:
    """Return the place of a line of trust; for an environment, the place of its name."""
    at: Path = ("roles", guarded.settings.key, "trust")
    for index, entry in enumerate(guarded.settings.role.trust):
        if (entry.workspace, entry.repository_slug) != (line.workspace, line.repository):
            continue
        if line.environment is not None and line.environment in (entry.environments or ()):
            name = entry.environments.index(line.environment) if entry.environments else 0
            return (*at, index, key, name) if key == "environments" else (*at, index, key)
        if line.environment is None and entry.environments is None and (entry.steps or line.steps) == line.steps:
            return (*at, index, key)
    return at


def _required(rule: GuardrailRule, guarded: _GuardedRole) -> Iterator[_Breach]:
    """Yield missing settings, one fault for each place."""
    missing: dict[tuple[Path, bool], list[tuple[str, str, str]]] = {}
    for name in rule.required:
        if _is_missing(guarded.role, name):
            where = guarded.where(name)
            what = "a limit in `source_ips`" if name == "source_ips" and guarded.role.source_ips else f"`{name}`"
            missing.setdefault(where, []).append(("required", what, f"`{name}: …`"))
    for tag in rule.required_tags:
        if not guarded.role.tags.get(tag, "").strip():
            missing.setdefault(_where_tag(guarded, tag), []).append(
                ("required_tags", f"the tag {tag}", f"`tags: {{{tag}: …}}`")
            )
    for (at, of_key), settings in missing.items():
        names = " and ".join(what for _, what, _ in settings)
        verb = "is missing or empty" if len(settings) == 1 else "are missing or empty"
        hint = f"write {' and '.join(write for _, _, write in settings)}"
        limit = "requires it" if len(settings) == 1 else "requires them"
        yield _Breach("guardrail-required", at, settings[0][0], f"{names} {verb}", limit, hint, of_key)


def _is_missing(role: RolePlan, name: str) -> bool:
    """Tell whether a setting has no value. Networks that together cover all addresses count as no value."""
    if name != "source_ips":
        return not getattr(role, name)
    together: list[IPv4Network | IPv6Network] = [
        *collapse_addresses([network for network in role.source_ips if isinstance(network, IPv4Network)]),
        *collapse_addresses([network for network in role.source_ips if isinstance(network, IPv6Network)]),
    ]
    return not together or any(network.prefixlen == 0 for network in together)


def _where_tag(guarded: _GuardedRole, tag: str) -> tuple[Path, bool]:
    """Return the place of an empty tag, of the tags that lack it, or of the role's key."""
    if guarded.settings.is_set("tags"):
        at = guarded.settings.path("tags")
        return ((*at, tag), False) if tag in guarded.settings.get("tags") else (at, False)
    return (
        (("defaults", "tags", tag), False) if tag in guarded.defaults.tags else (("roles", guarded.settings.key), True)
    )


def _forbidden(rule: GuardrailRule, guarded: _GuardedRole) -> Iterator[_Breach]:
    for name in rule.forbidden:
        if getattr(guarded.settings.role, name) is not None:
            at: Path = ("roles", guarded.settings.key, name)
            hint = "name repositories in `trust`, or ask the platform team to change the guardrail"
            yield _Breach("guardrail-trust", at, "forbidden", f"`{name}` is set", "forbids it", hint, of_key=True)


_CHECKS: tuple[Callable[[GuardrailRule, _GuardedRole], Iterator[_Breach]], ...] = (
    _boundary, _managed_policies, _actions, _session, _trust, _required, _forbidden,
)  # fmt: skip
