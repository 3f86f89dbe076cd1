"""Pages of inventories, as text and parsed."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from access.compile import Compiled, compile_plan
from config.load import load_inventory
from review.report.page import ReportOrigin, page
from tests.access.report.parsed_page import ParsedPage

FIXTURES = Path(__file__).parent.parent.parent / "fixtures" / "inventories"
TODAY = date(2026, 11, 27)


def compiled(inventory: Path) -> Compiled:
    result = compile_plan(load_inventory(inventory, today=TODAY))
    assert result.plan is not None, result.findings
    return result


def html_of(inventory: Path, origin: ReportOrigin | None = None) -> str:
    result = compiled(inventory)
    assert result.plan is not None
    return page(result.plan, origin or ReportOrigin("inventory", TODAY), result.findings, result.silenced)


@pytest.fixture
def page_of(write_inventory: Callable[..., Path]) -> Callable[..., ParsedPage]:
    """Return the parsed page of roles as YAML."""
    return lambda *roles: ParsedPage(html_of(write_inventory(*roles)))


@pytest.fixture(scope="module")
def pages() -> Callable[[str], ParsedPage]:
    """Return the parsed page of an inventory of the fixtures."""
    made: dict[str, ParsedPage] = {}

    def find(name: str) -> ParsedPage:
        if name not in made:
            made[name] = ParsedPage(html_of(FIXTURES / name))
        return made[name]

    return find
