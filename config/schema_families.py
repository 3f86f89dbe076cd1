"""Variables of role families in the schema: they may stand in every value of a role that has ``for_each``.

They are replaced before anything else is looked at, so where one stands the schema asks for nothing else; and where
``for_each`` does not give them, for none.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic.json_schema import JsonSchemaValue

from config.variables import FAMILY_VARIABLES

Definitions = dict[str, JsonSchemaValue]

IN_ROLE = "InRole"
"""Behind the name of a definition: the same for values inside of roles."""

_PREFIX = "#/$defs/"
_NO_VALUES = frozenset({"propertyNames", "examples", "default", "if", "then", "else"})
"""Keywords under which no value of the key stands."""


def with_family_variables(definitions: Definitions, role: str, for_each: str, top: JsonSchemaValue) -> None:
    """Let variables of families stand in every value of a role, but for the key that gives them.

    Args:
        definitions: Of the schema, by name; changed in place.
        role: The definition of a role.
        for_each: The key of a role that gives the variables.
        top: The schema itself.
    """
    inside = {key: found for key, found in definitions[role]["properties"].items() if key != for_each}
    in_roles = _reachable(inside, definitions) - {role}
    elsewhere = _reachable(top, definitions, without=role) | _reachable(definitions[role]["properties"][for_each], {})
    shared = in_roles & elsewhere
    for name in shared:
        definitions[name + IN_ROLE] = _taking_variables(definitions[name], shared)
    for name in in_roles - shared:
        definitions[name] = _taking_variables(definitions[name], shared)
    conditions = [_without(axis, for_each, definitions) for axis in sorted(set(FAMILY_VARIABLES.values()))]
    definitions[role]["allOf"] = [*definitions[role].get("allOf", ()), *conditions]
    changed = {key: _taking_variables(found, shared) for key, found in inside.items()}
    definitions[role]["properties"] |= changed


def _reachable(schema: Any, definitions: Definitions, without: str = "") -> set[str]:  # noqa: ANN401 - JSON
    found: set[str] = set()
    waiting = [schema]
    while waiting:
        for name in _references(waiting.pop()):
            if name not in found and name != without:
                found.add(name)
                waiting.append(definitions.get(name, {}))
    return found


def _references(schema: Any) -> Iterator[str]:  # noqa: ANN401 - JSON
    """Yield what values inside a schema refer to; what names of keys refer to is left as it is."""
    if isinstance(schema, Mapping):
        if isinstance(reference := schema.get("$ref"), str):
            yield reference.removeprefix(_PREFIX)
        for key, value in schema.items():
            if key not in _NO_VALUES and key != "$defs":
                yield from _references(value)
    if isinstance(schema, list):
        for value in schema:
            yield from _references(value)


def _taking_variables(schema: Any, shared: set[str]) -> Any:  # noqa: ANN401 - JSON
    """Return a schema that takes, besides what it takes, any text with a variable of families in it."""
    if isinstance(schema, list):
        return [_taking_variables(value, shared) for value in schema]
    if not isinstance(schema, Mapping):
        return schema
    found = {key: value if key in _NO_VALUES else _taking_variables(value, shared) for key, value in schema.items()}
    if isinstance(pattern := schema.get("pattern"), str):
        found["pattern"] = f"{pattern}|{_any_of(FAMILY_VARIABLES)}"
        found.pop("maxLength", None)  # of the value once the variable is replaced
    if isinstance(reference := schema.get("$ref"), str) and reference.removeprefix(_PREFIX) in shared:
        found["$ref"] = reference + IN_ROLE
    return found


def _without(axis: str, for_each: str, definitions: Definitions) -> JsonSchemaValue:
    """Return the condition that a variable stands only where ``for_each`` gives it."""
    variables = sorted(name for name, over in FAMILY_VARIABLES.items() if over == axis)
    name = f"No{axis.title()}Variables"
    definitions[name] = {
        "title": f"no {axis} variables",
        "description": f"What stands outside of `{for_each}` over {axis}: no {_shown(variables)} anywhere in it.",
        "pattern": rf"^(?![\s\S]*{_any_of(variables)})",
        "patternErrorMessage": f"Write `{for_each}: {{{axis}: […]}}` for {_shown(variables)} to stand for its items.",
        "items": {"$ref": f"{_PREFIX}{name}"},
        "additionalProperties": {"$ref": f"{_PREFIX}{name}"},
    }
    others = [{"required": [other]} for other in sorted(set(FAMILY_VARIABLES.values()) - {axis})]
    gives_others = {"type": "object", "anyOf": others, "not": {"required": [axis]}}
    # One that gives nothing at all is a fault of its own, and none of the values beside it.
    absent = [{"not": {"required": [for_each]}}, {"required": [for_each], "properties": {for_each: gives_others}}]
    return {"if": {"anyOf": absent}, "then": {"$ref": f"{_PREFIX}{name}"}}


def _any_of(variables: Iterable[str]) -> str:
    return rf"\{{\{{(?:{'|'.join(sorted(map(re.escape, variables)))})\}}\}}"


def _shown(variables: list[str]) -> str:
    return " and ".join(f"{{{{{name}}}}}" for name in variables)
