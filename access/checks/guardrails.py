"""Check guardrails on rendered roles, so that no variable, override, default or ARN hides a breach.

``dangerously_allow_admin`` and ``allow`` do not bypass guardrails: every fault is an error.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, collapse_addresses

from access.checks.guardrail_rules import (
    ActionBreach,
    action_breach,
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
    """A broken rule: its place, the key of the guardrail, the actual value, the required value and a hint."""

    rule: str
    at: Path
    asked_by: str
    found: str
    asked: str
    hint: str
    of_key: bool = False


@dataclass(frozen=True, slots=True)
class _Judged:
    """A role in one account, as rendered and as written."""

    role: RolePlan
    settings: EffectiveSettings
    place: RolePlace
    defaults: Defaults

    def where(self, name: str) -> tuple[Path, bool]:
        """Return the place of the effective setting, defaults included; else the role's key, and true."""
        if self.settings.is_written(name):
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
    guarded = [(name, rule, frozenset(selector.selected_by(rule.accounts))) for name, rule in in_order]
    for account in accounts:
        place = RolePlace.of(account.key, inventory.accounts[account.key], inventory.defaults)
        for role in account.roles:
            written, override = selected[account.key][role.key]
            judged = _Judged(role, EffectiveSettings.of(role.key, written, override), place, inventory.defaults)
            for name, rule, keys in guarded:
                if account.key in keys:
                    for found in _faults(rule, judged):
                        yield _fault(loaded, name, account.key, found)


def _fault(loaded: Loaded, name: str, account: str, found: _Breach) -> Fault:
    said = loaded.sources.place(("guardrails", "rules", name, found.asked_by), of_key=True)
    message = f"{found.found} in account {account}, and guardrail `{name}` ({said.file}:{said.line}) {found.asked}"
    return Fault(found.rule, found.at, message, found.hint, of_key=found.of_key)


def _faults(rule: GuardrailRule, judged: _Judged) -> Iterator[_Breach]:
    for check in _CHECKS:
        yield from check(rule, judged)


def _boundary(rule: GuardrailRule, judged: _Judged) -> Iterator[_Breach]:
    name = "permissions_boundary"
    if rule.permissions_boundary is None:
        return
    place, found = judged.place, judged.role.permissions_boundary_arn
    wanted = [one.arn(place.partition, place.id, place.variables("")) for one in rule.permissions_boundary]
    if found in wanted:
        return
    at, of_key = judged.where(name)
    names = " or ".join(shown_policy(arn, place.id) for arn in wanted)
    is_now = "there is no permissions boundary"
    if found is not None:
        is_now = f"the permissions boundary is {shown_policy(found, place.id)}"
    hint = f"write `{name}: {shown_policy(wanted[0], place.id)}`"
    yield _Breach("guardrail-boundary", at, name, is_now, f"asks for {names}", hint, of_key)


def _managed_policies(rule: GuardrailRule, judged: _Judged) -> Iterator[_Breach]:
    for arn in judged.role.managed_policy_arns:
        parsed = parse_iam_arn(arn)
        if parsed is None or parsed.owner not in ("aws", judged.place.id):
            continue  # it cannot be attached; another finding says so
        name = shown_policy(arn, judged.place.id)
        forbidding = forbidden_by(name, rule.forbidden_managed_policies)
        if forbidding is not None:
            asked_by, asked = "forbidden_managed_policies", f"forbids {forbidding}"
        elif rule.allowed_managed_policies is not None and not is_allowed(name, rule.allowed_managed_policies):
            allowed = " and ".join(rule.allowed_managed_policies) or "none"
            asked_by, asked = "allowed_managed_policies", f"allows {allowed} alone"
        else:
            continue
        at = _entry_of(judged, arn)
        hint = "detach it, or have the guardrail changed by the platform team"
        yield _Breach("guardrail-managed-policy", at, asked_by, f"{name} is attached", asked, hint)


def _entry_of(judged: _Judged, arn: str) -> Path:
    """Return the place of a managed policy, by its rendered ARN."""
    at = judged.settings.path("managed_policies")
    variables = judged.place.variables_of(judged.settings.key, judged.settings.role)
    for index, reference in enumerate(judged.settings.get("managed_policies")):
        if reference.arn(judged.place.partition, judged.place.id, variables) == arn:
            return (*at, index)
    return at


def _actions(rule: GuardrailRule, judged: _Judged) -> Iterator[_Breach]:
    if rule.allowed_actions is None and not rule.forbidden_actions:
        return
    written = list(judged.settings.get("inline_policies"))
    for name, document in judged.role.inline_policies.items():
        fault: ActionBreach | None = action_breach(document, rule.allowed_actions, rule.forbidden_actions)
        if fault is not None:
            at = judged.settings.path("inline_policies")
            at = (*at, written.index(name)) if name in written else at
            hint = f"take it out of permission_policies.{name}, or use another one; a Deny beside it does not help"
            found = f"Statement[{fault.statement}] of {name} allows {fault.allows}"
            yield _Breach("guardrail-action", at, fault.asked_by, found, fault.asked, hint)


def _session(rule: GuardrailRule, judged: _Judged) -> Iterator[_Breach]:
    name, longest = "max_session_duration", rule.max_session_duration
    if longest is not None and judged.role.max_session_duration > longest:
        at, of_key = judged.where(name)
        found = f"sessions last up to {_duration(judged.role.max_session_duration)}"
        hint = f"write `{name}: {_duration(longest)}` or less"
        yield _Breach("guardrail-session", at, name, found, f"allows {_duration(longest)}", hint, of_key)


def _duration(seconds: int) -> str:
    """Return a duration as the inventory writes it: ``2h``, ``90m`` or ``5401s``."""
    for unit, length in (("h", 3600), ("m", 60)):
        if seconds % length == 0:
            return f"{seconds // length}{unit}"
    return f"{seconds}s"


def _trust(rule: GuardrailRule, judged: _Judged) -> Iterator[_Breach]:
    for line in judged.role.trust:
        if line.renamed_to is not None:
            continue  # a line with the workspace's current slug gives the same fault
        if (fault := trust_breach(rule, line)) is not None:
            at = _entry_of_trust(judged, line, fault.key)
            yield _Breach("guardrail-trust", at, fault.asked_by, fault.found, fault.asked, fault.hint)


def _entry_of_trust(judged: _Judged, line: TrustPlan, key: str) -> Path:
    """Return the place of a line of trust; for an environment, the place of its name."""
    at: Path = ("roles", judged.settings.key, "trust")
    for index, entry in enumerate(judged.settings.role.trust):
        if (entry.workspace, entry.repository_slug) != (line.workspace, line.repository):
            continue
        if line.environment is not None and line.environment in (entry.environments or ()):
            name = entry.environments.index(line.environment) if entry.environments else 0
            return (*at, index, key, name) if key == "environments" else (*at, index, key)
        if line.environment is None and entry.environments is None and (entry.steps or line.steps) == line.steps:
            return (*at, index, key)
    return at


def _required(rule: GuardrailRule, judged: _Judged) -> Iterator[_Breach]:
    """Yield missing settings; all that are missing at one place give one fault."""
    missing: dict[tuple[Path, bool], list[tuple[str, str, str]]] = {}
    for name in rule.required:
        if _is_missing(judged.role, name):
            where = judged.where(name)
            what = "a limit in `source_ips`" if name == "source_ips" and judged.role.source_ips else f"`{name}`"
            missing.setdefault(where, []).append(("required", what, f"`{name}: …`"))
    for tag in rule.required_tags:
        if not judged.role.tags.get(tag, "").strip():
            missing.setdefault(_where_tag(judged, tag), []).append(
                ("required_tags", f"the tag {tag}", f"`tags: {{{tag}: …}}`")
            )
    for (at, of_key), found in missing.items():
        names = " and ".join(what for _, what, _ in found)
        verb = "is missing or empty" if len(found) == 1 else "are missing or empty"
        hint = f"write {' and '.join(write for _, _, write in found)}"
        asked = "requires it" if len(found) == 1 else "requires them"
        yield _Breach("guardrail-required", at, found[0][0], f"{names} {verb}", asked, hint, of_key)


def _is_missing(role: RolePlan, name: str) -> bool:
    """Tell whether a setting has no value; networks that together cover all addresses count as none."""
    if name != "source_ips":
        return not getattr(role, name)
    together: list[IPv4Network | IPv6Network] = [
        *collapse_addresses([network for network in role.source_ips if isinstance(network, IPv4Network)]),
        *collapse_addresses([network for network in role.source_ips if isinstance(network, IPv6Network)]),
    ]
    return not together or any(network.prefixlen == 0 for network in together)


def _where_tag(judged: _Judged, tag: str) -> tuple[Path, bool]:
    """Return the place of an empty tag, of the tags that lack it, or of the role's key."""
    if judged.settings.is_written("tags"):
        at = judged.settings.path("tags")
        return ((*at, tag), False) if tag in judged.settings.get("tags") else (at, False)
    return (("defaults", "tags", tag), False) if tag in judged.defaults.tags else (("roles", judged.settings.key), True)


_CHECKS: tuple[Callable[[GuardrailRule, _Judged], Iterator[_Breach]], ...] = (
    _boundary, _managed_policies, _actions, _session, _trust, _required,
)  # fmt: skip
