"""The schema takes every sound inventory; which faults it refuses is among the faulty inventories."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import regress
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import create_model
from pydantic.fields import FieldInfo

from access.compile import compile_plan
from config.catalogue import RULES
from config.findings import has_errors
from config.json_schema_hints import SINCE
from config.load import load_inventory
from config.models.base import InventoryModel
from config.models.inventory import Inventory
from config.schema import attribute_docstrings, schema_text
from config.validation import models_in
from tests.config.changed_inventories import mutated
from tests.config.editor_schema import SCHEMA, files_of, in_yaml, refusals

PROJECT = Path(__file__).resolve().parent.parent.parent
SOUND = sorted(
    path
    for inventory in (
        PROJECT / "examples" / "quickstart",
        PROJECT / "examples" / "inventory-repository" / "inventory",
        *(PROJECT / "tests" / "fixtures" / "inventories").iterdir(),
    )
    for path in files_of(inventory)
)


@pytest.mark.parametrize("path", SOUND, ids=lambda path: "/".join(path.parts[-2:]))
def test_sound_inventories_pass(path: Path) -> None:
    assert refusals(in_yaml(path.read_text())) == []


@pytest.mark.parametrize("text", ["", "# nothing yet", "workspaces: {acme: }", "roles: {}", "{}"])
def test_a_file_may_hold_a_part_of_an_inventory(text: str) -> None:
    assert refusals(in_yaml(text)) == []


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.randoms(use_true_random=False))
def test_what_the_schema_refuses_is_an_error(tmp_path: Path, rng: random.Random) -> None:
    text = yaml.safe_dump(mutated(rng), sort_keys=False, allow_unicode=True)
    if refused := refusals(in_yaml(text)):
        (tmp_path / "inventory.yaml").write_text(text)
        assert has_errors(compile_plan(load_inventory(tmp_path)).findings), refused


def test_the_schema_is_valid_json_schema_2020_12() -> None:
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    Draft202012Validator.check_schema(SCHEMA)


def test_the_committed_schema_is_current() -> None:
    committed = (PROJECT / "config" / "inventory.schema.json").read_text()
    assert committed == schema_text(), "run make docs"


def parts(schema: Any, at: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every schema inside a schema, with its JSON pointer."""
    if isinstance(schema, dict):
        yield at, schema
        for key, value in schema.items():
            if key not in ("examples", "default", "enum"):
                yield from parts(value, f"{at}/{key}")
    if isinstance(schema, list):
        for index, value in enumerate(schema):
            yield from parts(value, f"{at}/{index}")


def keys() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every key of the grammar, without the repetitions in conditions."""
    for at, schema in parts(SCHEMA):
        if at.endswith("/properties") and not {"if", "then", "else"} & set(at.split("/")):
            for key, value in schema.items():
                if value is not False:
                    yield f"{at}/{key}", value


def test_every_key_has_a_description_and_an_example() -> None:
    silent = [at for at, key in keys() if not key.get("description") or not key.get("examples")]
    assert silent == []


def test_every_example_passes_the_schema() -> None:
    shown = [(at, example) for at, schema in parts(SCHEMA) for example in schema.get("examples", ())]
    assert [(at, refusals(example, at)) for at, example in shown if refusals(example, at)] == []


def test_patterns_are_regular_expressions_of_json_schema() -> None:
    for _, schema in parts(SCHEMA):
        if isinstance(schema.get("pattern"), str):
            regress.Regex(schema["pattern"], flags="u")
            assert schema["pattern"].startswith("^")
            assert schema["patternErrorMessage"].startswith("Write ")


def models(model: type[InventoryModel]) -> Iterator[type[InventoryModel]]:
    yield model
    for field in model.model_fields.values():
        for inner in models_in(field.annotation):
            assert issubclass(inner, InventoryModel)
            yield from models(inner)


FIELDS = sorted({(model, name) for model in models(Inventory) for name in model.model_fields}, key=str)


@pytest.mark.parametrize(("model", "name"), FIELDS, ids=lambda value: getattr(value, "__name__", value))
def test_a_key_has_a_version_and_accepts_its_own_example(model: type[InventoryModel], name: str) -> None:
    field: FieldInfo = model.model_fields[name]
    assert isinstance(field.json_schema_extra, dict)
    assert isinstance(field.json_schema_extra[SINCE], str)
    assert attribute_docstrings(model)[name]
    assert field.examples
    single = create_model("Single", __base__=InventoryModel, **{name: (field.annotation, field)})  # type: ignore[call-overload]  # keys that are not known here
    single.model_validate({name: field.examples[0]})


def test_allow_lists_the_rules_that_can_be_allowed() -> None:
    properties = SCHEMA["$defs"]["Allow"]["properties"]
    assert "expired" in properties
    assert all(RULES[rule].level == "warning" for rule in properties)


def test_no_key_may_be_empty() -> None:
    nothing = [at for at, key in keys() if key.get("type") == "null" or {"type": "null"} in key.get("anyOf", ())]
    assert nothing == []
