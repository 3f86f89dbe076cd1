"""Every rule has a page, and the examples there are what they are said to be."""

import re
from pathlib import Path

import pytest

from access.compile import Compiled, compile_plan
from config.allow import can_be_allowed
from config.catalogue import RULES
from config.load import load_inventory
from tests.project.pages import PROJECT, RULE_PAGES, TODAY, Block, blocks_of

INDEX = PROJECT / "docs" / "reference" / "findings.md"
FOOT = (
    "\n[Every rule](../findings.md) · [the inventory beside which the examples stand]"
    "(../findings.md#the-inventory-of-the-examples)\n"
)
PAGES = sorted(RULE_PAGES.glob("*.md"))


def beside() -> str:
    """Return the inventory beside which the examples stand."""
    (block,) = [found for found in blocks_of(INDEX) if found.section == "The inventory of the examples"]
    return block.text


def headings(page: Path) -> list[str]:
    return re.findall(r"^## (.+)$", page.read_text(), re.MULTILINE)


def examples(kind: str) -> list[object]:
    """Return the blocks of each section ``## Bad``, ``## Good`` or ``## Accept``, however it goes on after a comma."""
    return [
        pytest.param(page.stem, [block for block in blocks_of(page) if block.section == heading], id=page.stem)
        for page in PAGES
        for heading in headings(page)
        if heading.partition(",")[0] == kind
    ]


def compiled(blocks: list[Block], folder: Path) -> Compiled:
    """Load an example: its files, and beside them the inventory of the examples, unless it has one of its own."""
    folder = folder / "inventory"
    folder.mkdir()
    files = {block.file or "example.yaml": block.text for block in blocks}
    assert len(files) == len(blocks) > 0
    if not any(Path(name).stem == "inventory" for name in files):
        files["inventory.yaml"] = beside()
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return compile_plan(load_inventory(folder, today=TODAY))


def test_every_rule_has_a_page_and_every_page_a_rule() -> None:
    assert {page.stem for page in PAGES} == RULES.keys(), (
        "a rule needs docs/reference/rules/RULE-ID.md; CONTRIBUTING.md says how"
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_says_what_its_rule_is_and_why(page: Path) -> None:
    rule = RULES[page.stem]
    text = page.read_text()
    assert text.startswith(f"# {page.stem}\n\n*{rule.level}.* {rule.asks}\n\n## Why\n\n")
    assert text.endswith(FOOT)
    kinds = [heading.partition(",")[0] for heading in headings(page)]
    assert list(dict.fromkeys(kinds)) == ["Why", "Bad", "Good", *(["Accept"] if can_be_allowed(page.stem) else [])]


@pytest.mark.parametrize(("rule", "blocks"), examples("Bad"))
def test_a_bad_example_gives_just_the_finding_of_its_page(rule: str, blocks: list[Block], tmp_path: Path) -> None:
    assert [finding.rule for finding in compiled(blocks, tmp_path).findings] == [rule]


@pytest.mark.parametrize(("rule", "blocks"), examples("Good"))
def test_a_good_example_gives_no_finding(rule: str, blocks: list[Block], tmp_path: Path) -> None:
    assert compiled(blocks, tmp_path).findings == (), rule


@pytest.mark.parametrize(("rule", "blocks"), examples("Accept"))
def test_a_warning_is_accepted_as_its_page_says(rule: str, blocks: list[Block], tmp_path: Path) -> None:
    found = compiled(blocks, tmp_path)
    assert found.findings == ()
    assert [silenced.finding.rule for silenced in found.silenced] == [rule]


def test_the_index_leads_to_every_page_and_has_an_anchor_for_it() -> None:
    index = INDEX.read_text()
    for rule in RULES:
        assert f'<a id="{rule}"></a>[{rule}](rules/{rule}.md)' in index
