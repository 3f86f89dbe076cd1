"""Map generated roles and accounts to the family, pair or selection in the files, so that findings name its path."""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError

from config.declared import names, unknown_environment, unknown_repository
from config.findings import Fault
from config.models.family import PLAN_SUFFIX, FamilyItem, ForEach, ResultKey, family_of
from config.validation import fault_of
from config.variables import FAMILY_VARIABLES, render_some, strings_in, variables_in
from config.yaml.document import Path


@dataclass(frozen=True, slots=True)
class Origins:
    """The entries in the files that generated roles and accounts come from.

    Attributes:
        families: By key of a role of a family, the family's key: ``{"deploy[acme/shop]": "deploy"}``.
        plan_roles: By key of a plan role, the settings that its ``plan_role`` sets; the others come from its role.
        selected: Keys of accounts that are selected in an organization.
    """

    families: Mapping[str, str]
    plan_roles: Mapping[str, AbstractSet[str]]
    selected: AbstractSet[str]

    def source_path(self, path: Path) -> Path:
        """Return the path as written: ``roles.deploy.plan_role.trust`` for ``roles.deploy-plan[acme/shop].trust``."""
        match path:
            case ("roles", str(key), *keys) if key in self.families:
                return ("roles", self.families[key], *keys)
            case ("roles", str(key), *keys) if key in self.plan_roles:
                role = family_of(key).removesuffix(PLAN_SUFFIX)
                own = ("plan_role",) if keys and keys[0] in self.plan_roles[key] else ()
                return ("roles", role, *own, *keys)
            case ("accounts", str(key), *_) if key in self.selected:
                return ("accounts_from", "organization")
        return path


@dataclass(frozen=True, slots=True)
class Families:
    """The data with the roles of each family in place of the family.

    Attributes:
        data: Without families whose ``for_each`` has a fault, and without roles whose item is not declared.
        keys: By key of a role of a family, the family's key.
        faults: The faults of ``for_each``.
    """

    data: Mapping[str, Any]
    keys: Mapping[str, str]
    faults: tuple[Fault, ...]


def with_families(data: Mapping[str, Any]) -> Families:
    """Replace each family in the data by its roles."""
    roles = data.get("roles") or {}
    families = {key for key, entry in roles.items() if isinstance(entry, dict) and "for_each" in entry}
    if not families:
        return Families(data, {}, ())
    expanded: dict[str, Any] = {}
    keys: dict[str, str] = {}
    faults: list[Fault] = []
    for key, entry in roles.items():
        if key not in families:
            expanded[key] = entry
            continue
        for result in _roles_of(data, key, entry):
            if isinstance(result, Fault):
                faults.append(result)
            else:
                role_key, role = result
                expanded[role_key] = role
                keys[role_key] = key
    return Families({**data, "roles": expanded}, keys, tuple(faults))


def _roles_of(
    data: Mapping[str, Any], key: str, entry: dict[str, Any]
) -> Iterator[Fault | tuple[ResultKey, dict[str, Any]]]:
    """Yield the roles of a family with their keys, and the faults of its ``for_each``."""
    at: Path = ("roles", key, "for_each")
    over = _for_each(at, entry["for_each"])
    if not isinstance(over, ForEach):
        yield from over
        return
    yield from _bound_faults(key, entry, over)
    unknown: set[str] = set()
    for index, repository in enumerate(over.repository or ()):
        workspace, _, name = repository.partition("/")
        fault = unknown_repository(data, workspace, name, (*at, "repository", index))
        if fault is not None:
            unknown.add(repository)
            yield fault
    missing: dict[str, dict[str, Fault]] = {}
    for item in over.items:
        if item.repository in unknown:
            continue
        role = render_some(entry, item.variables)
        absent = dict(_absent_environments(data, entry, role))
        if absent and item.environment is not None:
            missing.setdefault(item.environment, {}).update(absent)
            continue
        narrowed = {name: [value] for name, value in _axes(item).items()}
        yield ResultKey.of(key, item), {**role, "for_each": narrowed}
    for index, environment in enumerate(over.environment or ()):
        if environment in missing:
            yield _absent((*at, "environment", index), environment, missing[environment])


def _axes(item: FamilyItem) -> dict[str, str]:
    both = {"repository": item.repository, "environment": item.environment}
    return {name: value for name, value in both.items() if value is not None}


def _for_each(at: Path, value: Any) -> ForEach | list[Fault]:  # noqa: ANN401 - raw data
    if value is None:
        return [Fault("empty-value", at, "`for_each` has no value", "give it one, or remove the key", of_key=True)]
    try:
        return ForEach.model_validate(value)
    except ValidationError as error:
        faults = [fault_of(detail, value, ForEach) for detail in error.errors(include_url=False)]
    return [replace(fault, path=(*at, *fault.path)) for fault in faults]


def _absent_environments(
    data: Mapping[str, Any], entry: dict[str, Any], rendered: dict[str, Any]
) -> Iterator[tuple[str, Fault]]:
    """Yield each repository that lacks the environment of the item, with the fault, if its trust uses the item."""
    for template, trust in zip(_trust(entry), _trust(rendered), strict=True):
        workspace, _, repository = str(trust.get("repository")).partition("/")
        if repository not in names(data, "workspaces", workspace, "repositories"):
            continue  # reported at its place
        for text, name in zip(_texts(template.get("environments")), _texts(trust.get("environments")), strict=True):
            fault = unknown_environment(data, workspace, repository, name, ())
            if fault is not None and "environment" in variables_in(text):
                yield f"{workspace}/{repository}", fault


def _absent(at: Path, environment: str, absent: dict[str, Fault]) -> Fault:
    """Return one fault for an environment that repositories lack; its hint is for the first repository."""
    (first, fault), *more = absent.items()
    message = fault.message
    if more:
        message = f"{', '.join([first, *dict(more[:-1])])} and {more[-1][0]} have no environment `{environment}`"
    return replace(fault, path=at, message=message)


def _bound_faults(key: str, entry: dict[str, Any], over: ForEach) -> Iterator[Fault]:
    """Yield a ``for_each`` whose item no trust names: its roles look separate but trust the same steps.

    Steps outside deployment environments assume a plan role, so its trust need not distinguish environments.
    """
    if not list(_own_trust(entry)):
        return  # reported as missing or invalid
    plan = entry.get("plan_role")
    for name in over.model_fields_set:
        if not _is_bound(entry, name):
            yield _unbound(("roles", key, "for_each", name), name, "trust")
        elif name == "repository" and isinstance(plan, dict) and list(_own_trust(plan)) and not _is_bound(plan, name):
            yield _unbound(("roles", key, "plan_role", "trust"), name, "the plan role's trust")


def _unbound(at: Path, name: str, where: str) -> Fault:
    write = f'repository: "{{{{{name}}}}}"' if name == "repository" else f'environments: ["{{{{{name}}}}}"]'
    message = f"{where} does not use {{{{{name}}}}}, so every role of the family trusts the same steps"
    return Fault("family-not-bound", at, message, f"write `{write}` in trust, or one role without for_each")


def _is_bound(holder: dict[str, Any], name: str) -> bool:
    """Tell whether trust distinguishes items. An audience does not: the author of the step chooses it.

    An unknown variable may be a typing error, and has a finding at its place.
    """
    variables = {variable for variable, over in FAMILY_VARIABLES.items() if over == name}
    used = frozenset().union(
        *(
            variables_in(text)
            for trust in _own_trust(holder)
            for part in ("repository", "environments", "dangerously_whole_workspace")
            for text in _bounding_texts(trust.get(part))
        )
    )
    return bool(used & variables or used - FAMILY_VARIABLES.keys())


def _bounding_texts(value: Any) -> list[str]:  # noqa: ANN401 - raw data
    return strings_in(value.get("workspace")) if isinstance(value, Mapping) else strings_in(value)


def _trust(entry: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield every trust entry of a role and of its plan role, if it is a mapping."""
    yield from _own_trust(entry)
    plan = entry.get("plan_role")
    if isinstance(plan, dict):
        yield from _own_trust(plan)


def _own_trust(holder: dict[str, Any]) -> Iterator[dict[str, Any]]:
    trust = holder.get("trust")
    yield from (item for item in trust if isinstance(item, dict)) if isinstance(trust, list) else ()


def _texts(value: Any) -> list[str]:  # noqa: ANN401 - raw data
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []
