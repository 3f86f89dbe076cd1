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
PAGES = sorted(RULE_PAGES.glob("*.md"))


def beside() -> str:
    """Return the inventory that the examples extend."""
    (block,) = [found for found in blocks_of(INDEX) if found.section == "The inventory of the examples"]
    return block.text


def sides(block: Block) -> tuple[str, str]:
    """Return what a block shows without its lines ``+``, and without its lines ``-``."""
    if block.language != "diff":
        return block.text, block.text
    lines = block.text.splitlines(keepends=True)
    assert {line[0] for line in lines} <= set(" +-")
    return "".join(line[1:] for line in lines if line[0] != "+"), "".join(line[1:] for line in lines if line[0] != "-")


def example(page: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Return the files of a page's example by name: the bad ones, and the good ones."""
    blocks = [block for block in blocks_of(page) if block.section == page.stem]
    bad, good = ({block.file or "example.yaml": sides(block)[side] for block in blocks} for side in (0, 1))
    assert len(bad) == len(blocks) > 0
    return {name: text for name, text in bad.items() if text}, {name: text for name, text in good.items() if text}


def changed(page: Path, section: str) -> dict[str, str]:
    """Return the bad files of a page's example, with the change that a section of the page shows."""
    files = example(page)[0]
    for block in (block for block in blocks_of(page) if block.section == section):
        name = block.file or "example.yaml"
        before, after = sides(block)
        assert f"\n{files[name]}".count(f"\n{before}") == 1, before
        files[name] = f"\n{files[name]}".replace(f"\n{before}", f"\n{after}")[1:]
    return files


def compiled(files: dict[str, str], folder: Path) -> Compiled:
    """Load files, beside the inventory of the examples unless they have one."""
    folder = folder / "inventory"
    folder.mkdir()
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
    head = f"# {page.stem}\n\n*[{rule.level}](../findings.md).* {rule.asks}\n\n"
    assert text.startswith(head)
    assert re.match(r"[^`#\n]|`[^`]", text.removeprefix(head)), "the reason stands between rule and example"
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == sections(page.stem)


def sections(rule: str) -> list[str]:
    """Return the sections of a rule's page: how to accept a warning, or how to say that the error is meant."""
    return ["Accept"] if can_be_allowed(rule) else ["Or"] if rule == "admin-access" else []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_an_example_gives_just_the_finding_of_its_page_and_none_once_changed(page: Path, tmp_path: Path) -> None:
    bad, good = example(page)
    (tmp_path / "bad").mkdir()
    assert [finding.rule for finding in compiled(bad, tmp_path / "bad").findings] == [page.stem]
    assert compiled(good, tmp_path).findings == ()


@pytest.mark.parametrize("rule", [rule for rule in RULES if "Accept" in sections(rule)])
def test_a_warning_is_accepted_as_its_page_says(rule: str, tmp_path: Path) -> None:
    accepted = compiled(changed(RULE_PAGES / f"{rule}.md", "Accept"), tmp_path)
    assert accepted.findings == ()
    assert [silenced.finding.rule for silenced in accepted.silenced] == [rule]


def test_admin_access_is_given_for_a_reason_as_its_page_says(tmp_path: Path) -> None:
    assert compiled(changed(RULE_PAGES / "admin-access.md", "Or"), tmp_path).findings == ()


def test_the_index_leads_to_every_page() -> None:
    index = INDEX.read_text()
    for rule in RULES:
        assert f"- [{rule}](rules/{rule}.md): " in index
