"""Write the files that follow from the code and the pages: run by ``make docs``, and held against drift by a test."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from config.catalogue import PIPELINE_RULES, RULES, Rule
from config.schema import schema_text
from fleet.report import report_schema_text
from tools.docs.inventory_page import inventory_page
from tools.docs.site_map import decisions_page, llms_text, navigation

PROJECT = Path(__file__).parents[2]
HEADS = Path(__file__).parent
DOCS = PROJECT / "docs"
REFERENCE = DOCS / "reference"
DECISIONS = DOCS / "internals" / "decisions"


def pages() -> dict[Path, str]:
    """Return the generated files by path."""
    return {
        REFERENCE / "inventory.md": inventory_page(HEADS / "inventory.head.md"),
        REFERENCE / "findings.md": _findings_page(),
        DECISIONS / "README.md": decisions_page(DECISIONS),
        DOCS / "llms.txt": llms_text(DOCS),
        PROJECT / "zensical.toml": navigation(DOCS, (HEADS / "zensical.head.toml").read_text(encoding="utf-8")),
        PROJECT / "config" / "inventory.schema.json": schema_text(),
        PROJECT / "fleet" / "run-report.schema.json": report_schema_text(),
    }


def _findings_page() -> str:
    head = (HEADS / "findings.head.md").read_text(encoding="utf-8")
    errors = {rule_id: rule for rule_id, rule in RULES.items() if rule.level == "error"}
    warnings = {rule_id: rule for rule_id, rule in RULES.items() if rule.level == "warning"}
    sections = [*_rules(errors, "Errors"), *_rules(warnings, "Warnings"), *_rules(PIPELINE_RULES, "Pipelines")]
    return "\n".join([head.rstrip(), *sections, ""])


def _rules(rules: Mapping[str, Rule], heading: str) -> Iterator[str]:
    """Yield a section with rules."""
    yield from ("", f"## {heading}", "", ", ".join(f"[{rule_id}](rules/{rule_id}.md)" for rule_id in sorted(rules)))


def main() -> int:
    """Write the files; return 0."""
    for path, text in pages().items():
        path.write_text(text.rstrip() + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
