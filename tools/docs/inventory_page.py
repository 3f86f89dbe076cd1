"""The reference of the inventory, from the same schema that editors read."""

import json
import re
from pathlib import Path
from typing import Any, TypeAlias

from pydantic import BaseModel

from config.json_schema_hints import SINCE
from config.models.account import Account, AccountsByLabel, DeployRole, Quotas
from config.models.defaults import Defaults, StateBackend
from config.models.family import ForEach
from config.models.guardrails import FolderRule, GuardrailRule, Guardrails
from config.models.inventory import Inventory
from config.models.organization import AccountsFrom, Organization
from config.models.permission_policy import PermissionPolicy
from config.models.role import AdoptedAsIs, Override, PlanRole, Role, RoleSettings
from config.models.rollout import Rollout, Wave
from config.models.trust import TrustEntry, WholeWorkspace
from config.models.workspace import Environment, PreviousSlug, Repository, Workspace
from config.schema import IN_ROLE, definition_name, inventory_schema

MODELS: dict[str, type[BaseModel]] = {
    "Top level": Inventory,
    "defaults": Defaults,
    "defaults.state_backend": StateBackend,
    "workspaces.SLUG": Workspace,
    "workspaces.SLUG.previous_slugs.SLUG": PreviousSlug,
    "workspaces.SLUG.repositories.SLUG": Repository,
    "workspaces.SLUG.repositories.SLUG.environments.NAME": Environment,
    "accounts.KEY": Account,
    "accounts.KEY.deploy_role": DeployRole,
    "accounts.KEY.quotas": Quotas,
    "accounts_from": AccountsFrom,
    "accounts_from.organization": Organization,
    "permission_policies.KEY": PermissionPolicy,
    "roles.KEY": Role,
    "roles.KEY.accounts": AccountsByLabel,
    "roles.KEY.trust[]": TrustEntry,
    "roles.KEY.trust[].dangerously_whole_workspace": WholeWorkspace,
    "roles.KEY.dangerously_adopted_as_is": AdoptedAsIs,
    "roles.KEY.overrides.KEY": Override,
    "roles.KEY.for_each": ForEach,
    "roles.KEY.plan_role": PlanRole,
    "rollout": Rollout,
    "rollout.waves[]": Wave,
    "guardrails": Guardrails,
    "guardrails.rules.KEY": GuardrailRule,
    "guardrails.folders.PATH": FolderRule,
}
"""Where each model stands in the inventory."""

Schema: TypeAlias = dict[str, Any]

_FIRST = "0.1"
"""The version that a key came with if its line names none."""
_SCHEMA = inventory_schema()
_DEFINITIONS: dict[str, Schema] = _SCHEMA["$defs"]
_PLACES = {model.__name__: title for title, model in MODELS.items()}


def inventory_page(head: Path) -> str:
    """Return the page: what stands in ``head``, a section for each model, and one for each type."""
    sections = [_section(title, model) for title, model in MODELS.items()]
    types = [_type(schema) for name, schema in _DEFINITIONS.items() if name not in _PLACES and _is_type(name, schema)]
    return "\n".join([head.read_text(encoding="utf-8"), *sections, "## Types\n", *types])


def _section(title: str, model: type[BaseModel]) -> str:
    schema = _SCHEMA if model is Inventory else _DEFINITIONS[model.__name__]
    shared = RoleSettings.model_fields.keys() if issubclass(model, RoleSettings) and model is not Role else ()
    rows = [
        _row(key, value, key in schema.get("required", ()))
        for key, value in schema["properties"].items()
        if key not in shared and key != "allow"
    ]
    heading = title if title == "Top level" else f"`{title}`"
    first_paragraph = " ".join((model.__doc__ or "").partition("\n\n")[0].split())
    if shared:
        first, *_, last = shared
        rows.insert(0, f"- as in [a role](#roleskey): all keys from `{first}` to `{last}`")
    return "\n".join([f"## {heading}", "", first_paragraph, "", *rows, ""])


def _row(key: str, schema: Schema, required: bool) -> str:  # noqa: FBT001 - of the schema
    notes = [_in_words(schema)]
    if required:
        notes.append("required")
    if "default" in schema:
        notes.append(f"default {_written(schema['default'])}")
    if schema[SINCE] != _FIRST:
        notes.append(f"since {schema[SINCE]}")
    example = schema["examples"][0]
    elsewhere = example in (*_examples(schema), schema.get("default")) or any(link in notes[0] for link in _SECTIONS)
    return f"- `{key}` ({', '.join(notes)}): {schema['description']}{'' if elsewhere else f' {_written(example)}'}"


def _examples(schema: Schema) -> list[Any]:
    """Return the examples that the key's type has under *Types*, or none if it is a choice or a mapping."""
    match schema:
        case {"$ref": str(reference)}:
            return list(_DEFINITIONS[reference.rpartition("/")[2].removesuffix(IN_ROLE)].get("examples", ()))
        case {"title": str(title)}:
            return list(_DEFINITIONS[definition_name(title)].get("examples", ()))
        case {"items": dict(item)}:
            return [[element] for element in _examples(item)]
    return []


def _is_type(name: str, schema: Schema) -> bool:
    """Tell whether a definition is a type by itself, rather than a condition or another's form inside of roles."""
    return not name.endswith(IN_ROLE) and ("examples" in schema or "enum" in schema)


def _type(schema: Schema) -> str:
    first_paragraph = str(schema["description"]).partition("\n\n")[0]
    description = " ".join(first_paragraph.removeprefix("Write ").split()).rstrip(".")
    if "examples" not in schema:
        description += f": {_in_words_of_enum(schema)}"
    elif str(schema["examples"][0]) not in description:
        description += f": {_written(schema['examples'][0])}"
    return f"### {schema['title']}\n\n{description}\n"


def _in_words(schema: Schema) -> str:
    """Return the type that a schema describes, in words with links: ``list of [audience](#audience)``."""
    match schema:
        case {"$ref": str(reference)}:
            words = _link(reference.rpartition("/")[2].removesuffix(IN_ROLE))
        case {"title": str(title)}:
            words = _link(definition_name(title))
        case {"anyOf": choices}:
            words = " or ".join(_in_words(choice) for choice in choices)
        case {"const": value}:
            words = f"`{value}`"
        case {"enum": _}:
            words = _in_words_of_enum(schema)
        case {"items": item}:
            words = f"list of {_in_words(item)}"
        case {"propertyNames": names, "additionalProperties": values}:
            words = f"{{{_in_words(names)}: {_in_words(values)}}}"
        case {"minimum": least, "maximum": most}:
            words = f"number from {least} to {most}"
        case _:
            words = {"null": "nothing", "boolean": "`true` or `false`"}[schema["type"]]
    return words


def _in_words_of_enum(schema: Schema) -> str:
    return " or ".join(f"`{value}`" for value in schema["enum"])


def _link(name: str) -> str:
    place = _PLACES.get(name)
    title = str(_DEFINITIONS[name]["title"])
    return f"[{title}](#{_anchor(place or title)})"


def _anchor(heading: str) -> str:
    """Return the anchor that renderers of Markdown give a heading."""
    kept = "".join(letter for letter in heading.lower() if letter.isalnum() or letter in " -_")
    return kept.replace(" ", "-")


_SECTIONS = tuple(f"(#{_anchor(title)})" for title in MODELS)
"""Links to sections, whose keys say more than an example."""

_PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9_./* -]*", re.ASCII)


def _written(value: Any) -> str:  # noqa: ANN401 - what YAML holds
    """Return a value as YAML on one line."""
    return f"`{_flow(value)}`"


def _flow(value: Any) -> str:  # noqa: ANN401 - what YAML holds
    """Return a value in YAML's flow style; text that looks like something else in quotes, as people should write it."""
    match value:
        case str():
            return value if _PLAIN.fullmatch(value) else json.dumps(value, ensure_ascii=False)
        case dict():
            entries = (
                f"{_flow(key)}: {_flow(element)}" if element is not None else f"{key}:"
                for key, element in value.items()
            )
            return f"{{{', '.join(entries)}}}"
        case list():
            return f"[{', '.join(_flow(element) for element in value)}]"
    return json.dumps(value)
