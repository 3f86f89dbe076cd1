"""The schema as an editor applies it: patterns of ECMA 262, and YAML as JSON, where a date is text."""

from collections.abc import Iterator, Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import regress
from jsonschema import Draft202012Validator, ValidationError, validators

from config.schema import inventory_schema
from config.yaml.document import read_document


@cache
def _compiled(pattern: str) -> regress.Regex:
    return regress.Regex(pattern, flags="u")


def _pattern(_validator: Any, pattern: str, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    if isinstance(instance, str) and _compiled(pattern).find(instance) is None:
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


SCHEMA = inventory_schema()
VALIDATOR = validators.extend(Draft202012Validator, {"pattern": _pattern})(SCHEMA)


def refusals(data: Any, at: str = "") -> list[str]:
    """Return what the schema refuses in an inventory's data; ``at`` is the place of a part of the schema."""
    validator = VALIDATOR.evolve(schema={"$ref": f"{SCHEMA['$id']}#{at}"}) if at else VALIDATOR
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(as_json(data))]


def in_yaml(text: str) -> Any:
    """Return the data of a text; ``None``, which the schema takes, where YAML itself has something to say of it."""
    document = read_document(text)
    return None if document.problems else document.data


def files_of(inventory: Path) -> list[Path]:
    """Return the YAML files of an inventory, a folder or a file, without its lock."""
    if not inventory.is_dir():
        return [inventory]
    files = sorted(path for path in inventory.rglob("*") if path.suffix in (".yaml", ".yml"))
    return [path for path in files if path.name != "inventory.lock.yaml"]


def as_json(data: Any) -> Any:
    match data:
        case Mapping():
            return {key: as_json(value) for key, value in data.items()}
        case list() | tuple():
            return [as_json(value) for value in data]
        case date():
            return data.isoformat()
    return data


def refusals_of(inventory: Path) -> list[str]:
    """Return what the schema refuses in the files of an inventory, skipping files that are not text."""
    refused: list[str] = []
    for path in files_of(inventory):
        try:
            refused += refusals(in_yaml(path.read_text()))
        except UnicodeDecodeError:
            continue
    return refused
