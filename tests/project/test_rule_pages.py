"""Every rule has a page, and the examples there are what they are said to be."""

import re
from datetime import UTC, datetime, time
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import indent

import pytest
import yaml

from access.compile import Compiled, compile_plan
from access.foundation import foundation_of
from access.pipeline_check import check_pipelines
from access.template_digest import recorded_digest
from config.allow import can_be_allowed
from config.catalogue import PIPELINE_RULES, RULES, rule_of
from config.load import load_inventory
from config.pipelines.reading import read_pipelines
from tests.onboarding import deployed_template
from tests.project.pages import PROJECT, RULE_PAGES, TODAY, Block, blocks_of

INDEX = PROJECT / "docs" / "reference" / "findings.md"
PAGES = sorted(RULE_PAGES.glob("*.md"))


ROLE = ("    accounts: [prod]\n", "    trust: [{repository: acme/shop, environments: [production]}]\n")
"""What a role of an example has, unless it shows something else."""


def in_full(rule: str, files: dict[str, str]) -> dict[str, str]:
    """Return the files of an example of a rule, with what the page of findings has for all examples."""
    if any(Path(name).stem == "inventory" for name in files):
        return files
    files = {name: re.sub(r"\A- (?:.*\n)+", in_policy, text) for name, text in files.items()}
    blocks = [found for found in blocks_of(INDEX) if found.section == "The inventory of the examples"]
    shared = {block.file or "inventory.yaml": block.text for block in blocks}
    if not rule.startswith("delegation-"):
        del shared["guardrails.yaml"]
    shown = "".join(files.values())
    if re.search(r"^roles:", shown, re.MULTILINE):
        shared["inventory.yaml"] = shared["inventory.yaml"].partition("roles:\n")[0]
    elif policies := re.search(r"^permission_policies:\n  ([\w-]+):", shown, re.MULTILINE):
        shared["inventory.yaml"] += f"    inline_policies: [{policies[1]}]\n"
    roles = r"(?<=^roles:\n)(?: .*\n)+"
    full = {name: re.sub(roles, each_in_full, text, flags=re.MULTILINE) for name, text in files.items()}
    return {
        name: text.replace('"…"', f'"{deployed()}"' if "…" in text else "") for name, text in (shared | full).items()
    }


@cache
def deployed() -> str:
    """Return the digest of the template that the mended example of template-outdated needs."""
    files = example(RULE_PAGES / "template-outdated.md")[1]
    del files["inventory.lock.yaml"]
    with TemporaryDirectory() as folder:
        plan = compiled(in_full("template-outdated", files), Path(folder)).plan
    assert plan is not None
    foundation = foundation_of(plan.accounts[0])
    return recorded_digest(foundation, deployed_template.deployed(foundation)) or ""


def in_policy(statements: re.Match[str]) -> str:
    """Return the permission policy that has statements."""
    document = f'Version: "2012-10-17"\nStatement:\n{indent(statements[0], "  ")}'
    return f"permission_policies:\n  read:\n    document:\n{indent(document, '      ')}"


def each_in_full(roles: re.Match[str]) -> str:
    """Add to each role what it does not show."""
    return re.sub(r"^  \S.*:\n(?:    .*\n)*", role_in_full, roles[0], flags=re.MULTILINE)


def role_in_full(role: re.Match[str]) -> str:
    return role[0] + "".join(line for line in ROLE if f"\n{line.partition(':')[0]}:" not in role[0])


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


ENTRY = r"(?:workspaces|accounts|permission_policies|roles)\.[^.]+(?:\.repositories\.[^.]+|\.trust\[\d+\]|\.plan_role)?"
"""An entry that can have ``allow``, in the path of a finding."""


def with_allow(text: str, rule: str, path: str) -> str:
    """Return a file that accepts a rule at the entry of a finding's path."""
    data = entry = yaml.safe_load(text)
    matched = re.match(rf"defaults|{ENTRY}", path)
    assert matched, path
    for part in re.findall(r"[^.\[\]]+", matched[0]):
        entry = entry[int(part) if isinstance(entry, list) else part]
    entry["allow"] = {**entry.get("allow", {}), rule: "Judged"}
    return yaml.safe_dump(data)


def compiled(files: dict[str, str], folder: Path) -> Compiled:
    """Load files."""
    folder = folder / "inventory"
    folder.mkdir()
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return compile_plan(load_inventory(folder, today=TODAY))


def test_every_rule_has_a_page_and_every_page_a_rule() -> None:
    assert {page.stem for page in PAGES} == RULES.keys() | PIPELINE_RULES.keys(), (
        "a rule needs docs/reference/rules/RULE-ID.md; CONTRIBUTING.md says how"
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_says_what_its_rule_is_and_why(page: Path) -> None:
    rule = rule_of(page.stem)
    text = page.read_text()
    head = f"# {page.stem}\n\n*[{rule.level}](../findings.md).* {rule.asks}\n\n"
    assert text.startswith(head)
    assert re.match(r"[^`#\n]|`[^`]", text.removeprefix(head)), "the reason stands between rule and example"
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == sections(page.stem)


def sections(rule: str) -> list[str]:
    """Return the sections of a rule's page: how to say that the error is meant."""
    return ["Or"] if rule == "admin-access" else []


OF_INVENTORY = [page for page in PAGES if page.stem in RULES]


@pytest.mark.parametrize("page", OF_INVENTORY, ids=lambda page: page.stem)
def test_an_example_gives_just_the_finding_of_its_page_and_none_once_changed(page: Path, tmp_path: Path) -> None:
    bad, good = (in_full(page.stem, files) for files in example(page))
    (tmp_path / "bad").mkdir()
    assert [finding.rule for finding in compiled(bad, tmp_path / "bad").findings] == [page.stem]
    assert compiled(good, tmp_path).findings == ()


def whole(step: str) -> str:
    """Return the pipeline that has a step."""
    return f"pipelines:\n  default:\n{indent(step, '    ')}"


@pytest.mark.parametrize("rule", PIPELINE_RULES)
def test_a_pipeline_gives_just_the_finding_of_its_page_and_none_once_changed(rule: str, tmp_path: Path) -> None:
    inventory = next(block for block in blocks_of(INDEX) if block.section == "The inventory of the examples")
    (tmp_path / "inventory.yaml").write_text(inventory.text)
    loaded = load_inventory(tmp_path, today=TODAY)
    plan = compile_plan(loaded).plan
    assert plan is not None
    at = datetime.combine(TODAY, time(), UTC)
    (bad,), (good,) = (files.values() for files in example(RULE_PAGES / f"{rule}.md"))
    for text, expected in ((bad, [rule]), (good, [])):
        checked = check_pipelines(read_pipelines(whole(text)), "acme/shop", plan, loaded.inventory, at)
        assert [fault.rule for fault in checked.faults] == expected
        assert checked.notes == ()


@pytest.mark.parametrize("rule", [rule for rule in RULES if can_be_allowed(rule)])
def test_a_warning_is_accepted_at_the_entry_that_its_path_names(rule: str, tmp_path: Path) -> None:
    files = in_full(rule, example(RULE_PAGES / f"{rule}.md")[0])
    (tmp_path / "bad").mkdir()
    (finding,) = compiled(files, tmp_path / "bad").findings
    name = Path(finding.place.file).relative_to(tmp_path / "bad" / "inventory").as_posix()
    accepted = compiled({**files, name: with_allow(files[name], rule, finding.path)}, tmp_path)
    assert accepted.findings == ()
    assert [silenced.finding.rule for silenced in accepted.silenced] == [rule]


def test_admin_access_is_given_for_a_reason_as_its_page_says(tmp_path: Path) -> None:
    assert compiled(in_full("admin-access", changed(RULE_PAGES / "admin-access.md", "Or")), tmp_path).findings == ()


def test_the_index_leads_to_every_page() -> None:
    index = INDEX.read_text()
    for rule in (*RULES, *PIPELINE_RULES):
        assert f"[{rule}](rules/{rule}.md)" in index
