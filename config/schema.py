"""JSON Schema of the inventory, for editors: made from the models, it refuses nothing that ``validate`` takes.

A schema sees one file and no other, so nothing is required at the top level, and what holds across records is left to
``validate``. Editors read YAML 1.2, where a date is text.

Source: https://json-schema.org/draft/2020-12
"""

import json
from collections.abc import Mapping
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from config.attribute_docstrings import attribute_docstrings
from config.models.inventory import Inventory
from config.models.role import Role
from config.schema_families import with_family_variables
from config.written import NAMED, in_words

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
    # Of several files one may hold nothing but a comment.
    head = {"$schema": _Schema.schema_dialect, "$id": SCHEMA_ID, "title": TITLE, "type": ["object", "null"]}
    return {**head, **{key: top[key] for key in top if key not in head}, "$defs": dict(sorted(definitions.items()))}


def schema_text() -> str:
    """Return the schema as JSON, in ASCII: it passes any terminal and any pipe."""
    return json.dumps(inventory_schema(), indent=2) + "\n"


def definition_name(title: str) -> str:
    """Return the name in ``$defs`` for a title: ``AccountId`` for ``account id``."""
    return "".join(word[:1].upper() + word[1:] for word in title.split())


class _Schema(GenerateJsonSchema):
    """pydantic's schema, with what the grammar says of null, names and defaults."""

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """Describe each key by the docstring of its attribute."""
        found = super().model_schema(schema)
        for name, text in attribute_docstrings(schema["cls"]).items():
            if name in found.get("properties", {}):
                found["properties"][name] = {"description": text, **found["properties"][name]}
        return found

    def model_field_schema(self, schema: core_schema.ModelField) -> JsonSchemaValue:
        """A key that stands there has a value: null is for what is left out."""
        found = super().model_field_schema(schema)
        if "default" in found and not isinstance(found["default"], str | int):
            del found["default"]
        choices = [choice for choice in found.get("anyOf", ()) if choice != {"type": "null"}]
        if len(choices) == 1:
            del found["anyOf"]
            found = {**choices[0], **found}
        elif choices:
            found["anyOf"] = choices
        return found

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        """Names of a mapping are refused as its validator refuses them; pydantic would let others pass unseen."""
        names, values = self.generate_inner(schema["keys_schema"]), self.generate_inner(schema["values_schema"])
        bounds = {"minProperties": schema["min_length"]} if "min_length" in schema else {}
        return {"type": "object", "propertyNames": names, "additionalProperties": values, **bounds}

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ANN401, ARG002 - pydantic's signature
        """A key is its own title."""
        return False

    def sort(self, value: JsonSchemaValue, parent_key: str | None = None) -> JsonSchemaValue:  # noqa: ARG002 - pydantic's
        """Keep the order of the models, in which editors propose keys."""
        return value


def _with_references(found: Any, definitions: dict[str, JsonSchemaValue]) -> Any:  # noqa: ANN401 - JSON
    """Put every named schema into the definitions, and a reference in its place."""
    if isinstance(found, Mapping):
        found = dict(found)
        if named := found.pop(NAMED, None):
            name = definition_name(named["title"])
            if definitions.setdefault(name, named) != named:
                raise ValueError(f"two types are called {named['title']}")
            # Where a key refers to a type, editors show what the type says: a key holds its scalar itself.
            found = {**named, **found} if found and "properties" not in named else {"$ref": f"#/$defs/{name}", **found}
        if found.get("type") == "array":
            # pydantic takes the bounds of a list for those of a text where a validator stands between the two.
            bounds = {"minLength": "minItems", "maxLength": "maxItems"}
            found = {bounds.get(key, key): value for key, value in found.items()}
        return {key: _with_references(value, definitions) for key, value in found.items()}
    if isinstance(found, list):
        return [_with_references(value, definitions) for value in found]
    return found
