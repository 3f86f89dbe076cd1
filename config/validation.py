"""Validate raw data with pydantic, return a frozen inventory, and turn pydantic's errors into findings.

An entry with a fault is removed and the rest is validated again, so that rules across records still see every valid
entry. One fault gives one finding, and hides no other.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import UnionType
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from config.findings import Fault, did_you_mean, fault_in, nearest
from config.models.inventory import Inventory
from config.models.scalars import describe
from config.models.trust import SEVERAL
from config.root_causes import INDENT, is_permission_policies, without_echoes
from config.yaml.characters import as_it_looks
from config.yaml.document import Path
from oidc.identifiers import accepted_spelling

_ENTRY_DEPTH = {
    "defaults": 2,
    "version": 1,
    "requires": 1,
    "workspaces": 2,
    "accounts": 2,
    "permission_policies": 2,
    "roles": 2,
}
_REPOSITORY_DEPTH, _ENVIRONMENT_DEPTH = 4, 6


@dataclass(frozen=True, slots=True)
class Validated:
    """The inventory without the entries that have faults; their paths; the faults."""

    inventory: Inventory
    broken: frozenset[Path]
    faults: tuple[Fault, ...]


def validate(data: Mapping[str, Any]) -> Validated:
    """Validate merged data; never raise, whatever the data."""
    try:
        return Validated(Inventory.model_validate(data), frozenset(), ())
    except ValidationError as error:
        faults = tuple(fault_of(detail, data) for detail in error.errors(include_url=False))
    broken = frozenset(_entry(fault.path) for fault in faults)
    around = frozenset(path[:depth] for path in broken for depth in range(len(path)))
    sound = _without(data, broken, around, ())
    return Validated(Inventory.model_validate(sound), broken, without_echoes(faults, data))


def _entry(path: Path) -> Path:
    """Return the smallest entry around a fault that can be removed from the inventory."""
    if path[:1] == ("workspaces",) and len(path) >= _REPOSITORY_DEPTH and path[2] == "repositories":
        if len(path) >= _ENVIRONMENT_DEPTH and path[4] == "environments":
            return path[:_ENVIRONMENT_DEPTH]
        return path[:_REPOSITORY_DEPTH]
    return path[: _ENTRY_DEPTH.get(str(path[0]) if path else "", 1)]


def _without(data: Mapping[str, Any], broken: frozenset[Path], around: frozenset[Path], path: Path) -> dict[str, Any]:
    """Return the data without the broken entries; ``around`` are the paths that lead to one."""
    kept: dict[str, Any] = {}
    for key, value in data.items():
        here = (*path, key)
        if here in broken:
            continue
        leads_on = here in around and isinstance(value, Mapping)
        kept[key] = _without(value, broken, around, here) if leads_on else value
    return kept


def fault_of(detail: ErrorDetails, data: Any, model: type[BaseModel] = Inventory) -> Fault:  # noqa: ANN401 - raw data
    """Turn one error of pydantic into a fault of `data`, which was validated as `model`."""
    # pydantic marks a fault of a key this way; an unknown key may have the same name.
    of_key = detail["loc"][-1:] == ("[key]",) and detail["type"] not in ("extra_forbidden", "missing")
    path: Path = detail["loc"][:-1] if of_key else detail["loc"]
    context = detail.get("ctx", {})
    raised = fault_in(context)
    path = (*path, *(raised.path if raised is not None else ()))
    value, path = _deepest(data, path, keep_missing=detail["type"] == "extra_forbidden")
    if raised is not None:
        if of_key and raised.rule == "bad-variable":
            # The variable does not matter: having it would not help.
            raised = Fault(
                raised.rule, path, f"{path[-1]}: only values can have variables", "write the key without them"
            )
        if value is None and raised.rule not in ("bad-policy-document", "bad-uuid") and path:
            return _empty(path)
        return replace(raised, path=path, of_key=of_key)
    if detail["type"] == "missing":
        key = str(detail["loc"][-1])
        return Fault("missing-key", path, f"`{key}` is missing", f"add `{key}:`", of_key=True, meant=key)
    if detail["type"] == "extra_forbidden":
        return _unknown_key(path, model, value)
    if value is None:
        return _empty(path)
    return _of_pydantic(detail, path, value)


def _empty(path: Path) -> Fault:
    return Fault("empty-value", path, f"`{path[-1]}` has no value", "give it one, or remove the key", of_key=True)


def _deepest(data: Any, path: Path, *, keep_missing: bool) -> tuple[Any, Path]:  # noqa: ANN401 - raw data
    """Follow ``path`` as far as the data has it: short forms make paths that the YAML does not have."""
    value = data
    for depth, part in enumerate(path):
        has_part = (isinstance(value, Mapping) and part in value) or (
            isinstance(value, list | tuple) and isinstance(part, int) and part < len(value)
        )
        if not has_part:
            return value, path[: depth + keep_missing]
        value = value[part]
    return value, path


_KEYS_WITH_ENTRIES = frozenset({"environments", "repositories", "labels", "overrides", "quotas", "trust", "tags"})

_DECLARE_NAMES = frozenset({"environments", "repositories", "audiences"})
"""Keys under which names are declared: while they are misspelt, these names are missing."""

_WORDS_OF_STATEMENTS = frozenset({"statement", "effect", "action", "resource"})

_BRANCH_KEYS = frozenset({"branch", "branches", "branch_name", "branchname", "pull_requests", "tag", "tags"})

_KEYS_OF_THE_ROLE: dict[str | int, str] = {
    **dict.fromkeys(
        ("name", "accounts", "for_each"), "remove it: a plan role has the name, accounts and for_each of its role"
    ),
    "overrides": "remove it: those of the role apply; if the plan role differs by account, declare a separate role",
    "dangerously_allow_admin": "remove it, and narrow the permissions: a plan role never has admin access",
}
"""Keys that a role has and its plan role does not, with the reasons."""


def _unknown_key(path: Path, model: type[BaseModel], value: Any) -> Fault:  # noqa: ANN401 - raw data
    if (elsewhere := _of_elsewhere(path, model, value)) is not None:
        return elsewhere
    known = list(keys_at(path[:-1], model))
    if (uuid := accepted_spelling(as_it_looks(str(path[-1])))) is not None:
        message = "YAML reads an unquoted UUID as a mapping, because of its braces"
        return Fault("bad-uuid", path[:-1], message, f'quote it, with its braces: "{uuid}"')
    if len(path) > 1 and path[-2] in _KEYS_WITH_ENTRIES and list(keys_at(path[:-2], model)) == known:
        message = f"`{path[-2]}` is read as a name here, not as a key, since the keys beside it are names"
        return Fault("unknown-key", path[:-1], message, INDENT, of_key=True, hides=True)
    otherwise = f"the keys here are {', '.join(known)}" if known else "remove it"
    near = nearest(str(path[-1]), known, parts=True)
    hint = otherwise if near is None else f"did you mean `{near}`?"
    message, hides = f"`{path[-1]}` is not a key of the grammar here", near in _DECLARE_NAMES
    return Fault("unknown-key", path, message, hint, of_key=True, hides=hides, meant=near)


def _of_elsewhere(path: Path, model: type[BaseModel], value: Any) -> Fault | None:  # noqa: ANN401 - raw data
    """Return the advice for a key that the grammar has in another place, or omits on purpose."""
    key, hides = path[-1], False
    if "trust" in path and str(key).lower() in _BRANCH_KEYS:
        message = f"`{key}`: AWS cannot see branches, since a token's subject has none"
        hint = "trust `environments`, and restrict the deployment environment in Bitbucket"
    elif "trust" in path and key == "repositories":
        message, hint = "a trust entry has one repository, under `repository`", SEVERAL
    elif path[0] == "permission_policies" and str(key).lower().rstrip("s") in _WORDS_OF_STATEMENTS:
        message = f"`{key}` is not a key of a permission policy"
        hint = (
            "put the policy under `document:`, with the keys that IAM has: Version, Statement, Effect, Action, Resource"
        )
    elif path[-2:-1] == ("plan_role",) and key in _KEYS_OF_THE_ROLE:
        message, hint = f"`{key}` is not for plan roles", _KEYS_OF_THE_ROLE[key]
    elif path[0] == "guardrails" and key == "allow":
        message, hint = "`allow` has no effect here: a guardrail is never silenced", "change the guardrail itself"
    elif path[0] == "roles" and key == "permission_policies" and not is_permission_policies(value):
        return Fault(
            "unknown-key", path, "`permission_policies` is not a key of a role", _KEYS_OF_POLICIES, of_key=True
        )
    elif len(path) > 1 and key in Inventory.model_fields and model is Inventory:
        message = f"`{key}` is a section of the inventory, but is inside `{path[-2]}`"
        hint, hides = "write it at the beginning of its line", True
    else:
        return None
    return Fault("unknown-key", path, message, hint, of_key=True, hides=hides)


_KEYS_OF_POLICIES = "did you mean `inline_policies: [KEY]`, with keys of the section `permission_policies`?"


def keys_at(path: Path, top: type[BaseModel] = Inventory) -> Iterator[str]:
    """Yield the keys that the grammar has at a path: for ``("roles", "x", "trust", 0)``, repository and so on."""
    model: Any = top
    for part in path:
        if isinstance(model, type) and issubclass(model, BaseModel):
            field = model.model_fields.get(str(part))
            model = _without_none(field.annotation) if field else None
        else:
            models = list(models_in(model))
            model = models[0] if models else None
    for known in [model] if isinstance(model, type) and issubclass(model, BaseModel) else models_in(model):
        yield from known.model_fields


def _without_none(annotation: Any) -> Any:  # noqa: ANN401 - a type annotation
    """Return ``X`` for ``X | None``: an optional model adds no step to a path."""
    kinds = [kind for kind in getattr(annotation, "__args__", ()) if kind is not type(None)]
    return kinds[0] if isinstance(annotation, UnionType) and len(kinds) == 1 else annotation


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:  # noqa: ANN401 - a type annotation
    """Yield the models that a type annotation names: ``Override`` for ``dict[str, Override]``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in getattr(annotation, "__args__", ()):
        yield from models_in(argument)


_EXPECTED = {
    "string_type": "text", "int_type": "a whole number", "dict_type": "a mapping", "tuple_type": "a list",
    "list_type": "a list", "mapping_type": "a mapping", "bool_type": "true or false",
}  # fmt: skip


_OWNERS = {"trust": "role"}
"""What to remove instead of a required key."""


def _of_pydantic(detail: ErrorDetails, path: Path, value: Any) -> Fault:  # noqa: ANN401 - raw data
    kind, context = detail["type"], detail.get("ctx", {})
    if kind in _EXPECTED:
        hint = "put it in brackets, or after a dash" if _EXPECTED[kind] == "a list" else f"write {_EXPECTED[kind]}"
        if _EXPECTED[kind] == "a mapping" and isinstance(value, list | tuple) and value and isinstance(value[0], str):
            hint = f"write each as a key with a colon and without a dash, `{value[0]}: …`"
        return Fault("wrong-type", path, f"expected {_EXPECTED[kind]}, found {describe(value)}", hint)
    if kind in ("enum", "literal_error"):
        allowed = str(context.get("expected", "")).replace("'", "`")
        names = allowed.replace("`", "").replace(" or ", ", ").split(", ")
        message = f"expected {allowed}, found {describe(value)}"
        return Fault("bad-value", path, message, did_you_mean(str(value), names, f"write {allowed}"))
    if kind == "too_short":
        key = next((part for part in reversed(path) if isinstance(part, str)), "")
        return Fault("bad-value", path, f"`{key}` is empty", f"add an entry or remove the {_OWNERS.get(key, 'key')}")
    if kind in ("less_than_equal", "greater_than_equal"):
        bound = f"at most {context['le']}" if "le" in context else f"at least {context['ge']}"
        return Fault("bad-value", path, f"expected {bound}, found {describe(value)}", f"write {bound}")
    message = detail["msg"][:1].lower() + detail["msg"][1:]
    return Fault("bad-value", path, f"{describe(value)}: {message}", "change the value accordingly")
