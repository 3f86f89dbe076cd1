"""The faulty inventories: one fault each, named for the rule that it breaks, with the report that it gives."""

from datetime import date
from pathlib import Path

from config.catalogue import RULES
from config.findings import Finding

FAULTY = Path(__file__).parent.parent / "fixtures" / "faulty"
FIXTURES = sorted(FAULTY.iterdir())
TODAY = date(2026, 11, 23)


def name_of(fixture: Path) -> str:
    return fixture.name.removesuffix(".yaml")


def rule_of(fixture: Path) -> str:
    return fixture.name.partition("--")[0]


def expected(fixture: Path) -> list[str]:
    """Return the expected report, without the path in front of it: behind ``#=`` in a file, or in expected.txt."""
    if fixture.is_dir():
        return (fixture / "expected.txt").read_text().splitlines()
    return [line.removeprefix("#= ") for line in fixture.read_text().splitlines() if line.startswith("#= ")]


def shown(finding: Finding, fixture: Path) -> str:
    text = str(finding).replace(f"{fixture}/", "")
    if fixture.is_dir():
        return text.replace(str(fixture), ".")
    return text.removeprefix(f"{fixture}:").replace(str(fixture), fixture.name)


def is_about_what_is_missing(fixture: Path) -> bool:
    """Tell whether a file that cannot be read may hold what this fault misses."""
    # An account without a region may find one in defaults that stand elsewhere; an allow is not judged beside errors.
    rule = rule_of(fixture)
    return (
        RULES[rule].of_absence or rule in ("unused-allow", "inventory-empty") or "region-of-an-account" in fixture.name
    )
