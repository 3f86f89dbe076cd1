"""Delegated folders: limit the accounts, trust, policies and names of the roles declared in them."""

from collections.abc import Iterator, Mapping

from config.declared import some_of
from config.findings import Fault
from config.models.guardrails import FolderRule
from config.models.role import PairedRole, Role, RoleSettings
from config.rules.areas import Area, Areas, path_matches, pattern_key
from config.rules.context import Context, settings_of
from config.yaml.document import Path


def check_delegated_roles(context: Context) -> Iterator[Fault]:
    """Yield forbidden settings of roles in delegated folders, and permission policies from files of another area."""
    guardrails = context.inventory.guardrails
    if guardrails is None or not guardrails.delegate:
        return
    areas = Areas(guardrails, context.sources)
    policies = areas.of_entries("permission_policies")
    role_areas = areas.of_entries("roles")
    missed = areas.missed(context).keys()
    for key, role in context.inventory.roles.items():
        # A role of a family has the place of the family.
        entry = str(context.sources.source_path(("roles", key))[1])
        area = role_areas.get(entry)
        if area is not None and area.rule is not None:
            faults = _check_role(context, key, role, area, area.rule)
            yield from (fault for fault in faults if (area.path, pattern_key(fault)) not in missed)
            for path, settings in settings_of(key, role):
                yield from _check_path(context, path, settings, area.rule)
                yield from _check_policies(path, settings, area, policies)
    for name, area in policies.items():
        if area is not None and area.rule is not None:
            yield from _check_policy_file(context, areas, name, area)


def _check_role(context: Context, key: str, role: Role, area: Area, rule: FolderRule) -> Iterator[Fault]:
    at: Path = ("roles", key)
    if role.name is not None and not path_matches(role.name, rule.roles):
        message = f"{role.name} is not a name that roles of {area.path} may have: {_or(rule.roles)}"
        hint = "choose such a name, or have the guardrails of this folder list it under `roles`"
        # The name of a plan role derives from its role's name, and is written nowhere.
        is_plan = isinstance(role, PairedRole)
        where = (*at, "plan_role" if is_plan else "name")
        yield Fault("delegation-name", where, message, hint, of_key=is_plan)
    for index, previous in enumerate(role.previous_keys):
        if not path_matches(previous, rule.roles):
            # Whoever claims a key takes over what another team's role left in the stack.
            message = f"`{previous}` is not a key that roles of {area.path} may have had: {_or(rule.roles)}"
            hint = "remove it, or have the guardrails of this folder list it under `roles`"
            yield Fault("delegation-name", (*at, "previous_keys", index), message, hint)
    if role.dangerously_allow_admin is not None:
        message = (
            f"a role of {area.path} has `dangerously_allow_admin`, and only the platform team may allow admin access"
        )
        hint = "give it narrower permissions, or have the role declared in a file of the platform team"
        yield Fault("delegation-admin", (*at, "dangerously_allow_admin"), message, hint)
    yield from _check_accounts(context, at, role, area, rule)
    for index, entry in enumerate(role.trust):
        if entry.dangerously_whole_workspace is not None:
            message = f"a whole workspace is more than the repositories of {area.path}, delegated at"
            hint = "name repositories, or have the role declared in a file of the platform team"
            where = (*at, "trust", index, "dangerously_whole_workspace")
            yield Fault("delegation-repository", where, message, hint, related=(area.in_guardrails,))
        elif not path_matches(entry.repository or "", rule.repositories):
            message = f"roles of {area.path} may trust {_or(rule.repositories)}, and not {entry.repository}"
            hint = "trust a repository of your own, or have the guardrails of this folder list it under `repositories`"
            yield Fault("delegation-repository", (*at, "trust", index, "repository"), message, hint)


def _check_accounts(context: Context, at: Path, role: Role, area: Area, rule: FolderRule) -> Iterator[Fault]:
    """Yield each key or glob that selects more than the folder may, or the whole selection if labels do."""
    allowed = set(context.selector.selected_by(rule.accounts))
    selected = set(context.selector.selected(role))
    if selected <= allowed or (rule.accounts and not allowed):
        return  # what selects no account has an error in the guardrails
    named = role.accounts if isinstance(role.accounts, tuple) else ()
    hint = f"select some of {some_of(allowed)}, or have the guardrails of this folder list it"
    for index, name in enumerate(named):
        if beyond := context.selector.matching([name]) - allowed:
            message = f"roles of {area.path} may not be in {_some(beyond)}, delegated at"
            yield Fault("delegation-account", (*at, "accounts", index), message, hint, related=(area.in_guardrails,))
    if not named:
        message = f"roles of {area.path} may not be in {_some(selected - allowed)}, delegated at"
        yield Fault("delegation-account", (*at, "accounts"), message, hint, related=(area.in_guardrails,))


def _or(patterns: tuple[str, ...]) -> str:
    return " or ".join(patterns) or "none"


_SHOWN = 3


def _some(names: set[str] | frozenset[str]) -> str:
    shown = sorted(names)
    more = f" and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
    return ", ".join(shown[:_SHOWN]) + more


def _check_path(context: Context, at: Path, settings: RoleSettings, rule: FolderRule) -> Iterator[Fault]:
    """Yield an IAM path outside the folder's path; for an override, only if it sets a path."""
    default = context.inventory.defaults.path
    is_role = isinstance(settings, Role)
    if settings.path is None and not is_role:
        return
    path = settings.path or default
    if path == default if not rule.paths else path.startswith(rule.paths):
        return
    allowed = " or ".join(rule.paths) or default
    message = f"the IAM path is {path}, and roles of this folder may have only {allowed}"
    where = (*at, "path") if settings.path is not None else at
    hint = f"write `path: {rule.paths[0]}`" if rule.paths else "leave `path` out"
    yield Fault("delegation-path", where, message, hint, of_key=settings.path is None)


def _check_policies(
    at: Path, settings: RoleSettings, area: Area, policies: Mapping[str, Area | None]
) -> Iterator[Fault]:
    shared = area.rule.shared_policies if area.rule else ()
    for index, name in enumerate(settings.inline_policies):
        if name in policies and policies[name] != area and not path_matches(name, shared):
            message = f"{name} is declared outside of {area.path}, delegated at"
            hint = "declare a permission policy of your own, or have this one listed there under `shared_policies`"
            where = (*at, "inline_policies", index)
            yield Fault("delegation-policy", where, message, hint, related=(area.in_guardrails,))


def _check_policy_file(context: Context, areas: Areas, name: str, area: Area) -> Iterator[Fault]:
    policy = context.inventory.permission_policies.get(name)
    if policy is None or policy.file is None:
        return
    at: Path = ("permission_policies", name, "file")
    path = context.sources.source_of(at).path.parent / policy.file
    if areas.of_real_path(path) != area:
        message = f"{policy.file} is not in {area.path}, links resolved, so others could change this permission policy"
        yield Fault("delegation-policy", at, message, f"put the file into {area.path}")
