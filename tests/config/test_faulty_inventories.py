"""Every fault gives the one finding that its fixture expects, to the character."""

from datetime import date
from pathlib import Path

import pytest

from access.compile import compile_plan
from config.catalogue import RULES
from config.findings import Finding
from config.load import load_inventory

FAULTY = Path(__file__).parent.parent / "fixtures" / "faulty"
TODAY = date(2026, 11, 23)
FIXTURES = sorted(FAULTY.iterdir())


def rule_of(fixture: Path) -> str:
    return fixture.name.partition("--")[0]


def expected(fixture: Path) -> list[str]:
    """Return the expected report, without the path in front of it: behind ``#=`` in a file, or in expected.txt."""
    if fixture.is_dir():
        return (fixture / "expected.txt").read_text().splitlines()
    return [line.removeprefix("#= ") for line in fixture.read_text().splitlines() if line.startswith("#= ")]


def report(fixture: Path) -> list[Finding]:
    return list(compile_plan(load_inventory(fixture, today=TODAY)).findings)


def shown(finding: Finding, fixture: Path) -> str:
    text = str(finding).replace(f"{fixture}/", "")
    if fixture.is_dir():
        return text.replace(str(fixture), ".")
    return text.removeprefix(f"{fixture}:").replace(str(fixture), fixture.name)


@pytest.mark.parametrize("fixture", FIXTURES, ids=lambda fixture: fixture.name)
def test_one_fault_gives_one_finding_where_it_stands(fixture: Path) -> None:
    assert [shown(finding, fixture) for finding in report(fixture)] == expected(fixture)


@pytest.mark.parametrize("fixture", FIXTURES, ids=lambda fixture: fixture.name)
def test_a_fixture_is_named_for_the_rule_that_it_breaks(fixture: Path) -> None:
    assert [finding.rule for finding in report(fixture)] == [rule_of(fixture)]


def test_every_rule_has_a_faulty_fixture() -> None:
    assert {rule_of(fixture) for fixture in FIXTURES} == RULES.keys()


def test_all_faults_are_reported_together_in_file_order(tmp_path: Path) -> None:
    one = (FAULTY / "bad-duration--words.yaml").read_text().partition("roles:\n")[0]
    for fixture in FIXTURES:
        alike = fixture.is_file() and fixture.read_text().startswith(f"{one}roles:\n")
        if alike and rule_of(fixture) in ("bad-duration", "unknown-environment", "trust-kind"):
            key = fixture.stem.replace("--", "-")
            roles = fixture.read_text().partition("roles:\n")[2].replace("  deploy:", f"  {key}:", 1)
            (tmp_path / f"{key}.yaml").write_text("roles:\n" + roles)
    (tmp_path / "0.yaml").write_text(one)
    findings = report(tmp_path)
    faulty = sorted(path.name for path in tmp_path.iterdir() if path.name != "0.yaml")
    assert [Path(finding.place.file).name for finding in findings] == faulty
