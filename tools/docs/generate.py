"""Write the files that follow from the code and the pages: run by ``make docs``, and held against drift by a test."""

import sys
from collections.abc import Iterator
from pathlib import Path

from config.catalogue import RULES
from config.schema import schema_text
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
    }


def _findings_page() -> str:
    head = (HEADS / "findings.head.md").read_text(encoding="utf-8")
    return "\n".join([head.rstrip(), *_rules("error", "Errors"), *_rules("warning", "Warnings"), ""])


def _rules(level: str, heading: str) -> Iterator[str]:
    """Yield a section with the rules of a level."""
    pages = (f"[{rule_id}](rules/{rule_id}.md)" for rule_id, rule in sorted(RULES.items()) if rule.level == level)
    yield from ("", f"## {heading}", "", ", ".join(pages))


def main() -> int:
    """Write the files; return 0."""
    for path, text in pages().items():
        path.write_text(text.rstrip() + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
