"""Every fault gives the one finding that its fixture expects, to the character, in every output."""

from pathlib import Path

import pytest

from access.compile import Compiled, compile_plan
from config.catalogue import RULES
from config.load import load_inventory
from tests.cli.sarif_log import run_of
from tests.config.beyond_the_schema import BEYOND_THE_SCHEMA, PASSED, is_refused
from tests.config.editor_schema import refusals_of
from tests.config.faulty_inventories import (
    FAULTY,
    FIXTURES,
    TODAY,
    expected,
    is_about_what_is_missing,
    name_of,
    rule_of,
    shown,
)


def compiled(inventory: Path) -> Compiled:
    return compile_plan(load_inventory(inventory, today=TODAY))


@pytest.mark.parametrize("fixture", FIXTURES, ids=name_of)
def test_one_fault_gives_one_finding_at_its_place_in_text_sarif_and_schema(fixture: Path) -> None:
    result = compiled(fixture)
    assert [shown(finding, fixture) for finding in result.findings] == expected(fixture)
    assert [finding.rule for finding in result.findings] == [rule_of(fixture)], "a fixture is named for its rule"
    assert_is_one_result(result, rule_of(fixture))
    refused = refusals_of(fixture)
    assert bool(refused) == is_refused(name_of(fixture)), f"refused for {refused}; beyond_the_schema.py says otherwise"


def assert_is_one_result(compiled: Compiled, rule: str) -> None:
    """Assert that SARIF has the fault as a result with its rule and place."""
    log = run_of(compiled)
    # Some accept what they are not about.
    (result,) = (result for result in log.results if result.suppressions == [])
    assert log.tool.driver.rules[result.ruleIndex].id == result.ruleId == rule
    region = result.locations[0].physicalLocation.region
    assert region.endColumn is None or region.endColumn > region.startColumn


def test_a_broken_file_hides_only_findings_about_missing_things_in_other_files(tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_text("]\n")
    differ: dict[str, list[str]] = {}
    for fixture in filter(Path.is_file, FIXTURES):
        (tmp_path / "a.yaml").write_bytes(fixture.read_bytes())
        kept = [] if is_about_what_is_missing(fixture) else [rule_of(fixture)]
        rules = [finding.rule for finding in compiled(tmp_path).findings]
        # Of an inventory for another version nothing else is judged.
        if rules != [*kept, *([] if kept == ["other-version"] else ["yaml-syntax"])]:
            differ[fixture.name] = rules
    assert differ == {}


def test_the_list_of_faults_that_the_schema_accepts_names_existing_rules_and_fixtures() -> None:
    assert RULES.keys() >= BEYOND_THE_SCHEMA
    assert {name_of(fixture) for fixture in FIXTURES} >= PASSED
    assert not {name for name in PASSED if name.partition("--")[0] in BEYOND_THE_SCHEMA}


def test_every_rule_has_a_faulty_fixture() -> None:
    assert {rule_of(fixture) for fixture in FIXTURES} == RULES.keys()


def test_all_faults_are_reported_together_in_file_order(tmp_path: Path) -> None:
    head = (FAULTY / "bad-duration--words.yaml").read_text().partition("roles:\n")[0]
    for fixture in FIXTURES:
        alike = fixture.is_file() and fixture.read_text().startswith(f"{head}roles:\n")
        if alike and rule_of(fixture) in ("bad-duration", "unknown-environment", "trust-kind"):
            key = fixture.stem.replace("--", "-")
            roles = fixture.read_text().partition("roles:\n")[2].replace("  deploy:", f"  {key}:", 1)
            (tmp_path / f"{key}.yaml").write_text("roles:\n" + roles)
    (tmp_path / "0.yaml").write_text(head)
    findings = compiled(tmp_path).findings
    faulty = sorted(path.name for path in tmp_path.iterdir() if path.name != "0.yaml")
    assert [Path(finding.place.file).name for finding in findings] == faulty
