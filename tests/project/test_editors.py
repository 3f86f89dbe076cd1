"""The editors' settings of this repository apply the schema to its inventories, and to nothing else."""

import json
import re
from functools import cache
from pathlib import Path, PurePosixPath
from xml.etree import ElementTree as ET

import pytest

PROJECT = Path(__file__).resolve().parent.parent.parent
SCHEMA = "config/inventory.schema.json"
INVENTORIES = ("examples/quickstart/", "examples/inventory-repository/inventory/", "tests/fixtures/inventories/")
FILES = {
    str(path.relative_to(PROJECT))
    for path in PROJECT.rglob("*.y*ml")
    if not any(part.startswith(".") for part in path.relative_to(PROJECT).parent.parts)
}


@cache
def vs_code_globs() -> list[str]:
    settings = json.loads((PROJECT / ".vscode" / "settings.json").read_text())
    ((schema, globs),) = settings["yaml.schemas"].items()
    assert (PROJECT / schema).resolve() == PROJECT / SCHEMA
    return list(globs)


def matches(glob: str, path: str) -> bool:
    """Match as the YAML extension does: a leading slash is the folder that is open, ``**/`` any folders or none."""
    pattern = re.escape(glob).replace(r"\*\*/", "(?:.*/)?").replace(r"\*", "[^/]*")
    return re.fullmatch(pattern if glob.startswith("/") else f"(?:.*/)?{pattern}", f"/{path}") is not None


def applied_by_vs_code(path: str) -> bool:
    wanted = [glob for glob in vs_code_globs() if not glob.startswith("!")]
    refused = [glob.removeprefix("!") for glob in vs_code_globs() if glob.startswith("!")]
    return any(matches(glob, path) for glob in wanted) and not any(matches(glob, path) for glob in refused)


@cache
def jetbrains_mappings() -> list[dict[str | None, str | None]]:
    root = ET.fromstring((PROJECT / ".idea" / "jsonSchemas.xml").read_text())
    (found,) = root.iter("SchemaInfo")
    options = {option.get("name"): option.get("value") for option in found.findall("option")}
    assert options["relativePathToSchema"] == SCHEMA
    return [
        {option.get("name"): option.get("value") for option in item.findall("option")} for item in found.iter("Item")
    ]


def applied_by_jetbrains(path: str) -> bool:
    for given in jetbrains_mappings():
        mapped = PurePosixPath(given["path"] or "")
        inside = PurePosixPath(path).is_relative_to(mapped)
        if inside and (given.get("mappingKind") == "Directory" or mapped == PurePosixPath(path)):
            return True
    return False


def test_the_schema_is_applied_to_inventories_alone() -> None:
    inventories = {path for path in FILES if path.startswith(INVENTORIES)}
    locks = {path for path in inventories if path.endswith("inventory.lock.yaml")}
    assert {path for path in FILES if applied_by_vs_code(path)} == inventories - locks
    assert {path for path in FILES if applied_by_jetbrains(path)} == inventories


@pytest.mark.parametrize("path", ["inventory.yaml", "inventory/a.yaml", "inventory/teams/shop.yaml"])
def test_the_schema_is_applied_to_the_inventory_that_commands_take_by_default(path: str) -> None:
    assert applied_by_vs_code(path)
    assert applied_by_jetbrains(path)


def test_the_lock_is_no_inventory() -> None:
    assert not applied_by_vs_code("inventory/inventory.lock.yaml")


def test_the_yaml_extension_is_recommended() -> None:
    assert json.loads((PROJECT / ".vscode" / "extensions.json").read_text()) == {
        "recommendations": ["redhat.vscode-yaml"]
    }


def test_settings_of_editors_are_kept_in_git() -> None:
    ignored = (PROJECT / ".gitignore").read_text().splitlines()
    assert not [line for line in ignored if line.startswith((".vscode", ".idea"))]
