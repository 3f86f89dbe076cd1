"""The pages of the docs, and the fenced blocks on them."""

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

PROJECT = Path(__file__).resolve().parent.parent.parent
RULE_PAGES = PROJECT / "docs" / "reference" / "rules"
PAGES = [
    PROJECT / "README.md",
    PROJECT / "CONTRIBUTING.md",
    PROJECT / "SECURITY.md",
    *sorted((PROJECT / "docs").rglob("*.md")),
]
TODAY = date(2026, 11, 23)
"""The day on which the docs are read: what they say of days stays true."""


class Block(NamedTuple):
    """A fenced block.

    Attributes:
        page: Of the project: ``docs/guides/sandbox.md``.
        section: The heading above it, without its hashes.
        file: The one that it says it is: by a line just above that is nothing but ```p.json`:``, or by its first line,
            ``# teams/shop.yaml``.
        line: Of its opening fence.
        language: Behind the opening fence.
        text: What is shown.
    """

    page: str
    section: str
    file: str | None
    line: int
    language: str
    text: str

    @property
    def is_pipeline(self) -> bool:
        """Tell whether it is of a bitbucket-pipelines.yml."""
        return re.search(r"^pipelines:", self.text, re.MULTILINE) is not None

    @property
    def is_lock(self) -> bool:
        """Tell whether it is a lock."""
        return self.file == "inventory.lock.yaml"

    @property
    def is_inventory(self) -> bool:
        """Tell whether it is a whole inventory."""
        return not self.is_pipeline and self.file is None


def blocks_of(page: Path) -> Iterator[Block]:
    """Yield the blocks of a page, in their order."""
    lines = page.read_text().splitlines()
    opened: tuple[int, str, int] | None = None
    section = ""
    for number, line in enumerate(lines, 1):
        fence = re.fullmatch(r"( *)```(\w*)", line)
        if fence and opened is None:
            opened = (number, fence[2], len(fence[1]))
        elif fence and opened:
            text = "\n".join(shown[opened[2] :] for shown in lines[opened[0] : number - 1]) + "\n"
            named = re.fullmatch(r"`([^`]+)`:", lines[opened[0] - 2].strip()) or re.match(r"# ([\w./-]+\.yaml)\n", text)
            where = str(page.relative_to(PROJECT))
            yield Block(where, section, named[1] if named else None, opened[0], opened[1], text)
            opened = None
        elif opened is None and line.startswith("#"):
            section = line.lstrip("#").strip()


def anchors_of(page: Path) -> set[str]:
    """Return what links into a page may name: its headings, as they become anchors, and ``<a id="…">``."""
    text = re.sub(r"^ *```.*?^ *```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    made = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    return made | set(re.findall(r'<a id="([^"]+)">', text))


# Examples of the pages about rules are right and wrong on purpose: test_rule_pages.py has them.
_BLOCKS = [block for page in PAGES if page.parent != RULE_PAGES for block in blocks_of(page)]


def of_docs(language: str) -> list[Block]:
    """Return the blocks of one language, those of the README first."""
    return [block for block in _BLOCKS if block.language == language]


def languages() -> set[str]:
    """Return the languages of all blocks, without those of the pages about rules."""
    return {block.language for block in _BLOCKS}


def steps_in(node: Any) -> Iterator[dict[str, Any]]:
    """Yield every step, in whatever pipeline, stage or parallel group."""
    if isinstance(node, dict):
        if "step" in node:
            yield node["step"]
        for inner in node.values():
            yield from steps_in(inner)
    if isinstance(node, list):
        for inner in node:
            yield from steps_in(inner)
