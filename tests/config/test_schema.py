"""The schema refuses what it can of what `validate` refuses, and never anything else."""

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
from config.load import load_inventory
from config.models.base import InventoryModel
from config.models.inventory import Inventory
from config.schema import attribute_docstrings, schema_text
from config.validation import models_in
from config.written import SINCE
from tests.config.changed_inventories import mutated
from tests.config.editor_schema import SCHEMA, files_of, in_yaml, refusals

PROJECT = Path(__file__).resolve().parent.parent.parent
FIXTURES = sorted((PROJECT / "tests" / "fixtures" / "faulty").iterdir())
SOUND = sorted(
    path
    for inventory in (
        PROJECT / "examples" / "quickstart",
        PROJECT / "examples" / "inventory-repository" / "inventory",
        *(PROJECT / "tests" / "fixtures" / "inventories").iterdir(),
    )
    for path in files_of(inventory)
)

OF_THE_TEXT = {"hidden-characters", "yaml-syntax", "yaml-feature", "unreadable-file"}
"""What no schema sees: YAML itself says no to most of it, in an editor as well."""
OF_SEVERAL_FILES = {
    *("inventory-missing", "inventory-empty", "outside-inventory", "json-syntax", "lock-mismatch", "needs-lock"),
    "stale-lock",
    *(
        "oidc-provider-missing",
        "oidc-provider-audience",
        "oidc-provider-exists",
        "unchecked-audience",
        "missing-policy",
    ),
    *("role-name-taken", "quota-mismatch"),
}
OF_SEVERAL_RECORDS = {
    *("unknown-workspace", "unknown-repository", "unknown-environment", "unknown-account", "unknown-audience"),
    *(
        "unknown-permission-policy",
        "unknown-role",
        "override-conflict",
        "role-name-conflict",
        "selects-no-account",
        "partition-region",
    ),
    *("previous-key", "previous-name"),
    *("unused-allow", "unused-workspace", "unused-repository", "unused-environment", "unused-permission-policy"),
    *("family-not-bound", "production-outside-environments", "session-without-addresses"),
}
OF_MEANING = {
    *("admin-access", "deploying-role", "size-limit", "expired", "changes-access", "privilege-escalation"),
    *("unknown-action", "unknown-condition-key", "unknown-service", "unknown-permissions", "bad-condition-value"),
    *("resource-mismatch", "account-resource", "partition-resource", "contradictory-conditions", "denied-anyway"),
    *("expires-soon", "restrictions-check-old", "reserved-name", "state-backend", "whole-workspace-renamed"),
    *(
        "whole-workspace-trust",
        "repository-wide-trust",
        "further-audiences",
        "wide-network",
        "private-network",
        "shared-addresses",
    ),
}
"""What follows from what is written, rather than from how."""
OF_GUARDRAILS = {rule for rule in RULES if rule.startswith(("guardrail", "delegation-"))}
"""What one file asks of the others."""
BEYOND_THE_SCHEMA = OF_THE_TEXT | OF_SEVERAL_FILES | OF_SEVERAL_RECORDS | OF_MEANING | OF_GUARDRAILS

PASSED = {
    *(
        "bad-address--host-bits",
        "bad-arn--boundary-of-another-partition",
        "bad-arn--default-deploy-role-of-one-account",
    ),
    *("bad-arn--deploy-role-of-another-account", "bad-arn--policy-of-another-account"),
    *("bad-arn--role-of-an-organization-in-another-partition", "bad-variable--role-of-an-organization"),
    # The key is well formed; as a name in IAM it is too long.
    *("bad-name--role-key-too-long-for-a-name", "bad-name--plan-role-too-long"),
    "bad-name--permission-policy-name-too-long",
    # A name only when the repository stands in it.
    "bad-name--repository-with-workspace-in-a-name",
    # A date and a number that is none are text to an editor, whose YAML is 1.2.
    *("bad-policy-document--id-is-a-date", "bad-policy-document--not-a-number", "bad-tag--date"),
    # In files of their own, which are no YAML.
    *("bad-policy-document--in-a-file", "bad-policy-document--nested-id", "bad-policy-document--surrogate"),
    "bad-policy-document--same-sid",
    *("bad-policy-document--condition-operator", "bad-policy-document--old-version-with-a-variable"),
    *("bad-tag--same-key-as-the-defaults-ignoring-case", "bad-tag--same-key-ignoring-case"),
    # In the lock, which has no schema.
    *("bad-uuid--in-the-lock", "bad-uuid--in-the-lock-is-no-cascade", "unknown-key--marker-in-the-lock"),
    *("bad-value--absent-oidc-provider-with-audiences", "bad-value--newer-lock"),
    # Of these YAML makes nothing, or nothing that a pattern could tell from a day.
    "bad-value--restrictions-checked-tomorrow",
    *("bad-value--empty-integer", "bad-value--expires-on-no-day", "bad-value--huge-integer"),
    *("bad-variable--region-of-an-account-without", "bad-variable--document-of-families"),
    *("duplicate--managed-policy-in-two-spellings", "duplicate--managed-policy-that-a-variable-makes"),
    "duplicate--plan-role-and-role",
    *(
        "duplicate--account-again-without-its-labels",
        "duplicate--guardrails-in-one-file",
        "duplicate--folder-of-a-team-and-of-the-platform",
    ),
    *("duplicate--account-id", "duplicate--defaults-in-two-files", "duplicate--environment-in-two-files"),
    *("duplicate--key", "duplicate--key-in-a-policy-file", "duplicate--role-in-two-files", "duplicate--section"),
    *("duplicate--same-trust-twice", "duplicate--uuid-of-the-lock", "duplicate--uuid-under-two-names"),
    *("duplicate--empty-before-itself", "duplicate--name-of-an-entry-lost", "duplicate--merge-key"),
    *("duplicate--environments-that-look-alike", "duplicate--reader-and-writer-of-the-state"),
    "bad-variable--lacks-a-brace",
    *("duplicate--previous-slug-is-a-workspace", "duplicate--previous-slug-of-two-workspaces"),
    "duplicate--previous-slug-of-today",
    "duplicate--environment-with-the-uuid-of-another",
    *("duplicate--workspace-uuid-as-repository", "duplicate--workspace-uuid-in-two-files"),
}
"""Faulty inventories that a schema lets pass although it refuses others of the same rule."""


def name_of(fixture: Path) -> str:
    return fixture.name.removesuffix(".yaml")


def refused(inventory: Path) -> list[str]:
    found: list[str] = []
    for path in files_of(inventory):
        try:
            found += refusals(in_yaml(path.read_text()))
        except UnicodeDecodeError:
            continue
    return found


@pytest.mark.parametrize("fixture", FIXTURES, ids=name_of)
def test_a_fault_is_refused_unless_no_schema_can_see_it(fixture: Path) -> None:
    name = name_of(fixture)
    expected = name.partition("--")[0] not in BEYOND_THE_SCHEMA and name not in PASSED
    found = refused(fixture)
    assert bool(found) == expected, f"{name}: refused for {found}; the lists above say {expected}"


def test_what_passes_is_listed_by_names_that_exist() -> None:
    assert RULES.keys() >= BEYOND_THE_SCHEMA
    assert {name_of(fixture) for fixture in FIXTURES} >= PASSED
    assert not {name for name in PASSED if name.partition("--")[0] in BEYOND_THE_SCHEMA}


@pytest.mark.parametrize("path", SOUND, ids=lambda path: "/".join(path.parts[-2:]))
def test_sound_inventories_pass(path: Path) -> None:
    assert refusals(in_yaml(path.read_text())) == []


@pytest.mark.parametrize("text", ["", "# nothing yet", "workspaces: {acme: }", "roles: {}", "{}"])
def test_a_file_need_not_say_everything(text: str) -> None:
    assert refusals(in_yaml(text)) == []


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.randoms(use_true_random=False))
def test_what_the_schema_refuses_is_an_error(tmp_path: Path, rng: random.Random) -> None:
    text = yaml.safe_dump(mutated(rng), sort_keys=False, allow_unicode=True)
    if found := refusals(in_yaml(text)):
        (tmp_path / "inventory.yaml").write_text(text)
        assert has_errors(compile_plan(load_inventory(tmp_path)).findings), found


def test_the_schema_is_one_of_2020_12() -> None:
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    Draft202012Validator.check_schema(SCHEMA)


def test_the_committed_schema_is_current() -> None:
    committed = (PROJECT / "config" / "inventory.schema.json").read_text()
    assert committed == schema_text(), "run make docs"


def parts(found: Any, at: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every schema inside a schema, with its JSON pointer."""
    if isinstance(found, dict):
        yield at, found
        for key, value in found.items():
            if key not in ("examples", "default", "enum"):
                yield from parts(value, f"{at}/{key}")
    if isinstance(found, list):
        for index, value in enumerate(found):
            yield from parts(value, f"{at}/{index}")


def keys() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every key of the grammar: conditions repeat some of them, and say nothing of their own."""
    for at, found in parts(SCHEMA):
        if at.endswith("/properties") and not {"if", "then", "else"} & set(at.split("/")):
            for key, value in found.items():
                if value is not False:
                    yield f"{at}/{key}", value


def test_every_key_says_what_it_is_with_an_example() -> None:
    silent = [at for at, key in keys() if not key.get("description") or not key.get("examples")]
    assert silent == []


def test_every_example_is_what_the_schema_takes() -> None:
    shown = [(at, example) for at, found in parts(SCHEMA) for example in found.get("examples", ())]
    assert [(at, refusals(example, at)) for at, example in shown if refusals(example, at)] == []


def test_patterns_are_of_the_dialect_of_json_schema() -> None:
    for _, found in parts(SCHEMA):
        if isinstance(found.get("pattern"), str):
            regress.Regex(found["pattern"], flags="u")
            assert found["pattern"].startswith("^")
            assert found["patternErrorMessage"].startswith("Write ")


def models(model: type[InventoryModel]) -> Iterator[type[InventoryModel]]:
    yield model
    for field in model.model_fields.values():
        for inner in models_in(field.annotation):
            assert issubclass(inner, InventoryModel)
            yield from models(inner)


FIELDS = sorted({(model, name) for model in models(Inventory) for name in model.model_fields}, key=str)


@pytest.mark.parametrize(("model", "name"), FIELDS, ids=lambda value: getattr(value, "__name__", value))
def test_a_key_says_since_when_and_takes_its_own_example(model: type[InventoryModel], name: str) -> None:
    field: FieldInfo = model.model_fields[name]
    assert isinstance(field.json_schema_extra, dict)
    assert isinstance(field.json_schema_extra[SINCE], str)
    assert attribute_docstrings(model)[name]
    assert field.examples
    one = create_model("One", __base__=InventoryModel, **{name: (field.annotation, field)})  # type: ignore[call-overload]  # keys that are not known here
    one.model_validate({name: field.examples[0]})


def test_an_allow_completes_the_rules_that_can_be_allowed() -> None:
    properties = SCHEMA["$defs"]["Allow"]["properties"]
    assert "expired" in properties
    assert all(RULES[rule].level == "warning" for rule in properties)


def test_a_key_that_stands_there_has_a_value() -> None:
    nothing = [at for at, key in keys() if key.get("type") == "null" or {"type": "null"} in key.get("anyOf", ())]
    assert nothing == []
