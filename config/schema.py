"""Read the docstrings of a model's attributes, which describe its keys in the schema and the reference.

With ``use_attribute_docstrings``, pydantic would read them from the source of every model at every start. This module
reads them on demand.
"""

import ast
import inspect
import json
import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from config.json_schema_hints import NAMED, in_words
from config.models.inventory import Inventory
from config.models.role import Role
from config.variables import FAMILY_VARIABLES


def attribute_docstrings(model: type[BaseModel]) -> dict[str, str]:
    """Return the docstrings of a model's attributes by name, inherited ones included: ``{"owner": "…"}``."""
    docstrings: dict[str, str] = {}
    for ancestor in reversed(model.__mro__):
        if issubclass(ancestor, BaseModel) and ancestor is not BaseModel:
            docstrings |= _own(ancestor)
    return docstrings


def _own(model: type[BaseModel]) -> dict[str, str]:
    tree = ast.parse(textwrap.dedent(inspect.getsource(model))).body[0]
    return {
        attribute.target.id: inspect.cleandoc(below.value.value)
        for attribute, below in pairwise(tree.body if isinstance(tree, ast.ClassDef) else [])
        if isinstance(attribute, ast.AnnAssign)
        and isinstance(attribute.target, ast.Name)
        and isinstance(below, ast.Expr)
        and isinstance(below.value, ast.Constant)
        and isinstance(below.value.value, str)
    }


Definitions = dict[str, JsonSchemaValue]

IN_ROLE = "InRole"
"""Suffix of a definition's name: the same definition for values inside roles."""

_PREFIX = "#/$defs/"
_NO_VALUES = frozenset({"propertyNames", "examples", "default", "if", "then", "else"})
"""Keywords that contain no value of the key."""


def with_family_variables(definitions: Definitions, role: str, for_each: str, top: JsonSchemaValue) -> None:
    """Allow family variables in every value of a role, except in the key that gives them.

    Args:
        definitions: Of the schema, by name; changed in place.
        role: The definition of a role.
        for_each: The key of a role that gives the variables.
        top: The schema itself.
    """
    others = {key: schema for key, schema in definitions[role]["properties"].items() if key != for_each}
    in_roles = _reachable(others, definitions) - {role}
    elsewhere = _reachable(top, definitions, without=role) | _reachable(definitions[role]["properties"][for_each], {})
    shared = in_roles & elsewhere
    for name in shared:
        definitions[name + IN_ROLE] = _taking_variables(definitions[name], shared)
    for name in in_roles - shared:
        definitions[name] = _taking_variables(definitions[name], shared)
    conditions = [_without(axis, for_each, definitions) for axis in sorted(set(FAMILY_VARIABLES.values()))]
    definitions[role]["allOf"] = [*definitions[role].get("allOf", ()), *conditions]
    changed = {key: _taking_variables(schema, shared) for key, schema in others.items()}
    definitions[role]["properties"] |= changed


def _reachable(schema: Any, definitions: Definitions, without: str = "") -> set[str]:  # noqa: ANN401 - JSON
    reached: set[str] = set()
    waiting = [schema]
    while waiting:
        for name in _references(waiting.pop()):
            if name not in reached and name != without:
                reached.add(name)
                waiting.append(definitions.get(name, {}))
    return reached


def _references(schema: Any) -> Iterator[str]:  # noqa: ANN401 - JSON
    """Yield the references of values inside a schema; skip the references of key names."""
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
    """Return the schema, extended to accept any text with a family variable."""
    if isinstance(schema, list):
        return [_taking_variables(value, shared) for value in schema]
    if not isinstance(schema, Mapping):
        return schema
    extended = {key: value if key in _NO_VALUES else _taking_variables(value, shared) for key, value in schema.items()}
    if isinstance(pattern := schema.get("pattern"), str):
        extended["pattern"] = f"{pattern}|{_any_of(FAMILY_VARIABLES)}"
        extended.pop("maxLength", None)  # of the value once the variable is replaced
    if isinstance(reference := schema.get("$ref"), str) and reference.removeprefix(_PREFIX) in shared:
        extended["$ref"] = reference + IN_ROLE
    return extended


def _without(axis: str, for_each: str, definitions: Definitions) -> JsonSchemaValue:
    """Return the condition that a role uses a variable only if its ``for_each`` gives it."""
    variables = sorted(name for name, over in FAMILY_VARIABLES.items() if over == axis)
    name = f"No{axis.title()}Variables"
    definitions[name] = {
        "title": f"no {axis} variables",
        "description": f"A value of a role without `{for_each}` over {axis}: it has no {_shown(variables)}.",
        "pattern": rf"^(?![\s\S]*{_any_of(variables)})",
        "patternErrorMessage": f"Write `{for_each}: {{{axis}: […]}}` to use {_shown(variables)} here.",
        "items": {"$ref": f"{_PREFIX}{name}"},
        "additionalProperties": {"$ref": f"{_PREFIX}{name}"},
    }
    others = [{"required": [other]} for other in sorted(set(FAMILY_VARIABLES.values()) - {axis})]
    gives_others = {"type": "object", "anyOf": others, "not": {"required": [axis]}}
    # A `for_each` that gives nothing is a separate fault; the values beside it are not at fault.
    absent = [{"not": {"required": [for_each]}}, {"required": [for_each], "properties": {for_each: gives_others}}]
    return {"if": {"anyOf": absent}, "then": {"$ref": f"{_PREFIX}{name}"}}


def _any_of(variables: Iterable[str]) -> str:
    return rf"\{{\{{(?:{'|'.join(sorted(map(re.escape, variables)))})\}}\}}"


def _shown(variables: list[str]) -> str:
    return " and ".join(f"{{{{{name}}}}}" for name in variables)


SCHEMA_ID = "urn:bitbucket-aws-oidc:inventory:1"
"""Names the schema: an identifier, not a place to fetch it from."""

TITLE = "Inventory of bitbucket-aws-oidc"


def inventory_schema() -> JsonSchemaValue:
    """Return the schema, as ``config/inventory.schema.json`` holds it."""
    schema = Inventory.model_json_schema(schema_generator=_Schema)
    definitions: dict[str, JsonSchemaValue] = schema.pop("$defs")
    top = _with_references(schema, definitions)
    for name in list(definitions):
        definitions[name] = _with_references(definitions[name], definitions)
        if "enum" in definitions[name]:
            definitions[name]["title"] = in_words(name)
    with_family_variables(definitions, Role.__name__, "for_each", top)
    # If there are several files, one may hold only a comment.
    head = {"$schema": _Schema.schema_dialect, "$id": SCHEMA_ID, "title": TITLE, "type": ["object", "null"]}
    return {**head, **{key: top[key] for key in top if key not in head}, "$defs": dict(sorted(definitions.items()))}


def schema_text() -> str:
    """Return the schema as JSON in ASCII, safe for any terminal and pipe."""
    return json.dumps(inventory_schema(), indent=2) + "\n"


def definition_name(title: str) -> str:
    """Return the name in ``$defs`` for a title: ``AccountId`` for ``account id``."""
    return "".join(word[:1].upper() + word[1:] for word in title.split())


class DescribedSchema(GenerateJsonSchema):
    """pydantic's schema, with the docstrings of attributes, in the order of the models."""

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """Describe each key by the docstring of its attribute."""
        described = super().model_schema(schema)
        for name, text in attribute_docstrings(schema["cls"]).items():
            if name in described.get("properties", {}):
                described["properties"][name] = {"description": text, **described["properties"][name]}
        return described

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ANN401, ARG002 - pydantic's signature
        """A key is its own title."""
        return False

    def sort(self, value: JsonSchemaValue, parent_key: str | None = None) -> JsonSchemaValue:  # noqa: ARG002 - pydantic's
        """Keep the order of the models, in which editors propose keys."""
        return value


class _Schema(DescribedSchema):
    """The inventory's schema, with the grammar's rules for null, names and defaults."""

    def model_field_schema(self, schema: core_schema.ModelField) -> JsonSchemaValue:
        """Refuse null: a key that is written has a value."""
        described = super().model_field_schema(schema)
        if "default" in described and not isinstance(described["default"], str | int):
            del described["default"]
        choices = [choice for choice in described.get("anyOf", ()) if choice != {"type": "null"}]
        if len(choices) == 1:
            del described["anyOf"]
            described = {**choices[0], **described}
        elif choices:
            described["anyOf"] = choices
        return described

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        """Refuse the names of a mapping that its validator refuses; pydantic's schema would accept them."""
        names, values = self.generate_inner(schema["keys_schema"]), self.generate_inner(schema["values_schema"])
        bounds = {"minProperties": schema["min_length"]} if "min_length" in schema else {}
        return {"type": "object", "propertyNames": names, "additionalProperties": values, **bounds}


def _with_references(value: Any, definitions: dict[str, JsonSchemaValue]) -> Any:  # noqa: ANN401 - JSON
    """Put every named schema into the definitions, and a reference in its place."""
    if isinstance(value, Mapping):
        value = dict(value)
        if named := value.pop(NAMED, None):
            name = definition_name(named["title"])
            if definitions.setdefault(name, named) != named:
                raise ValueError(f"two types are called {named['title']}")
            # If a key refers to a type, editors show the type's description. So each key contains its scalar directly.
            value = {**named, **value} if value and "properties" not in named else {"$ref": f"#/$defs/{name}", **value}
        if value.get("type") == "array":
            # With a validator in between, pydantic takes the bounds of a list for those of a text.
            bounds = {"minLength": "minItems", "maxLength": "maxItems"}
            value = {bounds.get(key, key): inner for key, inner in value.items()}
        return {key: _with_references(inner, definitions) for key, inner in value.items()}
    if isinstance(value, list):
        return [_with_references(item, definitions) for item in value]
    return value
