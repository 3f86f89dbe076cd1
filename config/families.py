"""Where the roles and accounts stand that families, pairs and selections become: findings name what somebody wrote."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from config.declared import Unknown, names, unknown_environment, unknown_repository
from config.models.family import PLAN_SUFFIX, FamilyItem, ForEach, ResultKey, family_of, plan_key
from config.models.inventory import Inventory
from config.models.role import Override, PairedRole, PlanRole, Role, RoleSettings
from config.sources import Sources
from config.validation import fault_of
from config.variables import FAMILY_VARIABLES, render_some, strings_in, variables_in
from config.yaml.document import Path


@dataclass(slots=True)
class Origins:
    """What was written for the roles that nobody wrote one by one.

    Attributes:
        families: By key of a role of a family, the family's key: ``{"deploy[acme/shop]": "deploy"}``.
        selected: Keys of accounts that are selected in an organization.
        plan_roles: By key of a plan role, which settings its ``plan_role`` says itself; the rest is its role's.
    """

    families: dict[str, str] = field(default_factory=dict)
    plan_roles: dict[str, frozenset[str]] = field(default_factory=dict)
    selected: set[str] = field(default_factory=set)

    def written(self, path: Path) -> Path:
        """Return the path as written: ``roles.deploy.plan_role.trust`` for ``roles.deploy-plan[acme/shop].trust``."""
        match path:
            case ("roles", str(key), *inside) if key in self.families:
                return ("roles", self.families[key], *inside)
            case ("roles", str(key), *inside) if key in self.plan_roles:
                role = family_of(key).removesuffix(PLAN_SUFFIX)
                own = ("plan_role",) if inside and inside[0] in self.plan_roles[key] else ()
                return ("roles", role, *own, *inside)
            case ("accounts", str(key), *_) if key in self.selected:
                return ("accounts_from", "organization")
        return path


def with_families(sources: Sources, origins: Origins) -> Mapping[str, Any]:
    """Return the data with every family written out; what is wrong with a ``for_each`` is reported to ``sources``.

    A family whose ``for_each`` has a fault is left out, as is a role whose item is not declared.
    """
    roles = sources.data.get("roles") or {}
    families = {key for key, entry in roles.items() if isinstance(entry, dict) and "for_each" in entry}
    if not families:
        return sources.data
    written_out: dict[str, Any] = {}
    for key, entry in roles.items():
        if key in families:
            for result, found in _roles_of(sources, key, entry):
                written_out[result] = found
                origins.families[result] = key
        else:
            written_out[key] = entry
    return {**sources.data, "roles": written_out}


def _roles_of(sources: Sources, key: str, entry: dict[str, Any]) -> Iterator[tuple[ResultKey, dict[str, Any]]]:
    over = _for_each(sources, key, entry["for_each"])
    if over is None:
        return
    _check_bound(sources, key, entry, over)
    at: Path = ("roles", key, "for_each")
    unknown = {
        repository
        for index, repository in enumerate(over.repository or ())
        if _is_unknown(sources, (*at, "repository", index), repository)
    }
    missing: dict[str, dict[str, Unknown]] = {}
    for item in over.items:
        if item.repository in unknown:
            continue
        found = render_some(entry, item.variables)
        absent = dict(_absent_environments(sources, entry, found))
        if absent and item.environment is not None:
            missing.setdefault(item.environment, {}).update(absent)
            continue
        narrowed = {name: [value] for name, value in _axes(item).items()}
        yield ResultKey.of(key, item), {**found, "for_each": narrowed}
    for index, environment in enumerate(over.environment or ()):
        if environment in missing:
            _report_absent(sources, (*at, "environment", index), environment, missing[environment])


def _axes(item: FamilyItem) -> dict[str, str]:
    both = {"repository": item.repository, "environment": item.environment}
    return {name: value for name, value in both.items() if value is not None}


def _for_each(sources: Sources, key: str, value: Any) -> ForEach | None:  # noqa: ANN401 - raw data
    at: Path = ("roles", key, "for_each")
    if value is None:
        message, hint = "`for_each` has no value", "give it one, or remove the key"
        sources.report("empty-value", at, message, hint, of_key=True)
        return None
    try:
        return ForEach.model_validate(value)
    except ValidationError as error:
        faults = [fault_of(detail, value, ForEach) for detail in error.errors(include_url=False)]
    for fault in faults:
        sources.report(fault.rule, (*at, *fault.path), fault.message, fault.hint, of_key=fault.of_key)
    return None


def _is_unknown(sources: Sources, at: Path, repository: str) -> bool:
    problem = unknown_repository(sources.data, *repository.split("/"))
    if problem is not None:
        sources.report(problem.rule, at, problem.message, problem.hint)
    return problem is not None


def _absent_environments(
    sources: Sources, entry: dict[str, Any], rendered: dict[str, Any]
) -> Iterator[tuple[str, Unknown]]:
    """Yield each repository that a trust names with an environment by the item, and that declares no such one."""
    for written, found in zip(_trust(entry), _trust(rendered), strict=True):
        workspace, _, repository = str(found.get("repository")).partition("/")
        if repository not in names(sources.data, "workspaces", workspace, "repositories"):
            continue  # which is reported where it stands
        for text, name in zip(_texts(written.get("environments")), _texts(found.get("environments")), strict=True):
            problem = unknown_environment(sources.data, workspace, repository, name)
            if problem is not None and "environment" in variables_in(text):
                yield f"{workspace}/{repository}", problem


def _report_absent(sources: Sources, at: Path, environment: str, absent: dict[str, Unknown]) -> None:
    (first, problem), *more = absent.items()
    message = problem.message
    if more:
        message = f"{', '.join([first, *dict(more[:-1])])} and {more[-1][0]} have no environment `{environment}`"
    sources.report(problem.rule, at, message, problem.hint)


def _check_bound(sources: Sources, key: str, entry: dict[str, Any], over: ForEach) -> None:
    """Report a ``for_each`` whose item no trust names: its roles look apart, and are open to the same steps.

    A plan role is assumed by steps outside deployment environments, so it need not tell these apart.
    """
    if not list(_own_trust(entry)):
        return  # which is reported where it is missing, or is none
    plan = entry.get("plan_role")
    for name in over.model_fields_set:
        if not _is_bound(entry, name):
            at: Path = ("roles", key, "for_each", name)
            _report_unbound(sources, at, name, "trust")
        elif name == "repository" and isinstance(plan, dict) and list(_own_trust(plan)) and not _is_bound(plan, name):
            _report_unbound(sources, ("roles", key, "plan_role", "trust"), name, "the plan role's trust")


def _report_unbound(sources: Sources, at: Path, name: str, where: str) -> None:
    write = f'repository: "{{{{{name}}}}}"' if name == "repository" else f'environments: ["{{{{{name}}}}}"]'
    message = f"{{{{{name}}}}} does not stand in {where}, so every role of the family is open to the same steps"
    sources.report("family-not-bound", at, message, f"write `{write}` in trust, or one role without for_each")


def _is_bound(holder: dict[str, Any], name: str) -> bool:
    """Tell whether trust says which item: by an audience it does not, since whoever writes the step chooses that.

    A variable that there is not may be a slip of the pen, and is a finding where it stands.
    """
    variables = {variable for variable, over in FAMILY_VARIABLES.items() if over == name}
    found = frozenset().union(
        *(
            variables_in(text)
            for trust in _own_trust(holder)
            for part in ("repository", "environments", "dangerously_whole_workspace")
            for text in _bounding_texts(trust.get(part))
        )
    )
    return bool(found & variables or found - FAMILY_VARIABLES.keys())


def _bounding_texts(value: Any) -> list[str]:  # noqa: ANN401 - raw data
    return strings_in(value.get("workspace")) if isinstance(value, Mapping) else strings_in(value)


def _trust(entry: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield every trust entry of a role and of its plan role, as far as they have the form of one."""
    yield from _own_trust(entry)
    plan = entry.get("plan_role")
    if isinstance(plan, dict):
        yield from _own_trust(plan)


def _own_trust(holder: dict[str, Any]) -> Iterator[dict[str, Any]]:
    trust = holder.get("trust")
    yield from (found for found in trust if isinstance(found, dict)) if isinstance(trust, list) else ()


def _texts(value: Any) -> list[str]:  # noqa: ANN401 - raw data
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []


_WRITTEN_OUT = frozenset({"description", "managed_policies", "inline_policies"})
"""Settings that a plan role never takes from its role, nor from an override of it: they say what the role may do."""


def with_plan_roles(inventory: Inventory, sources: Sources, origins: Origins) -> Inventory:
    """Return the inventory with the second role of every pair; one whose key is taken is reported and left out."""
    if all(role.plan_role is None for role in inventory.roles.values()):
        return inventory
    roles: dict[str, Role] = {}
    for key, role in inventory.roles.items():
        roles[key] = role
        if role.plan_role is not None and not _is_taken(plan_key(key), key, sources):
            roles[plan_key(key)] = _plan_role(key, role, role.plan_role)
            own = role.plan_role.model_fields_set | _WRITTEN_OUT
            origins.plan_roles[plan_key(key)] = frozenset(own)
    return inventory.model_copy(update={"roles": roles})


def _is_taken(plan: str, key: str, sources: Sources) -> bool:
    written = family_of(plan)
    if written not in names(sources.data, "roles"):
        return False
    place = sources.place(("roles", written), of_key=True)
    message = f"the plan role has the key `{written}`, and so has the role at {place.file}:{place.line}"
    sources.report("duplicate", ("roles", key, "plan_role"), message, "give that role another key", of_key=True)
    return True


def _plan_role(key: str, role: Role, plan: PlanRole) -> PairedRole:
    own = plan.model_fields_set | _WRITTEN_OUT
    settings = {name: getattr(plan if name in own else role, name) for name in RoleSettings.model_fields}
    return PairedRole.model_construct(
        **settings,
        name=f"{role.name or family_of(key)}{PLAN_SUFFIX}",
        previous_keys=tuple(f"{previous}{PLAN_SUFFIX}" for previous in role.previous_keys),
        accounts=role.accounts,
        trust=plan.trust,
        for_each=role.for_each,
        overrides={pattern: _without(override, own) for pattern, override in role.overrides.items()},
    )


def _without(override: Override, own: set[str] | frozenset[str]) -> Override:
    """Return what an override of the role replaces in the plan role too: nothing that the plan role says itself."""
    held = override.model_fields_set - own
    return Override.model_construct(_fields_set=held, **{name: getattr(override, name) for name in held})
