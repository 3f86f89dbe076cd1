"""What the docs show is what happens: every YAML block loads, every command runs, every generated page is current."""

import json
import re
import runpy
import shutil
from pathlib import Path

import pytest
import yaml

from access.compile import compile_plan
from access.plan_json import plan_json
from cli.main import COMMANDS
from cli.plan import command as plan
from config.catalogue import DISCREPANCY_RULES
from config.load import load_inventory
from config.lock import read_lock
from config.models.rollout import Rollout
from sandbox.emulated_bitbucket import EmulatedBitbucket
from sandbox.emulator_inputs import BITBUCKET_FOLDER, folder_of
from tests.config.editor_schema import in_yaml, refusals
from tests.git_repository import git
from tests.project.pages import PAGES, PROJECT, TODAY, Block, anchors_of, blocks_of, languages, of_docs
from tests.project.shown_commands import bitbucket_for, run_each_line


def name(block: Block) -> str:
    return f"{block.page}:{block.line}"


def test_the_docs_stay_short_enough_to_be_read() -> None:
    pages = [*sorted((PROJECT / "docs").rglob("*.md")), PROJECT / "README.md"]
    assert sum(len(page.read_text().split()) for page in pages) <= 40_000
    most = {"README.md": 120, "docs/getting-started/thirty-accounts.md": 90, "docs/guides/recovering.md": 90}
    assert {page: lines for page, lines in most.items() if len((PROJECT / page).read_text().splitlines()) > lines} == {}


def test_every_block_says_what_it_is() -> None:
    assert languages() == {"yaml", "json", "bash", "text"}  # Bitbucket draws no Mermaid


def write_files_of(page: str, folder: Path) -> int:
    """Write every block of a page that names its file; return how many there are."""
    found = [block for block in of_docs("yaml") if block.page == page and block.file and not block.is_lock]
    for block in found:
        path = folder / (block.file or "")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text)
    return len(found)


def test_the_files_that_the_page_of_guardrails_shows_are_one_sound_inventory(tmp_path: Path) -> None:
    assert write_files_of("docs/concepts/guardrails.md", tmp_path) == 3
    compiled = compile_plan(load_inventory(tmp_path, today=TODAY))
    assert (compiled.findings, compiled.plan is not None) == ((), True)
    (tmp_path / "guardrails.yaml").write_text("guardrails: {platform: [platform]}\n")
    assert [finding.rule for finding in compile_plan(load_inventory(tmp_path)).findings] == ["delegation-file"]


@pytest.mark.parametrize("block", [block for block in of_docs("yaml") if block.is_lock], ids=name)
def test_every_lock_in_the_docs_is_sound(block: Block, tmp_path: Path) -> None:
    (tmp_path / "inventory.lock.yaml").write_text(block.text)
    read = read_lock(tmp_path / "inventory.lock.yaml", 0)
    assert read.faults == ()
    assert read.lock.workspaces or read.lock.selected_accounts


def test_the_accounts_that_a_page_selects_are_those_of_the_lock_beside_it(tmp_path: Path) -> None:
    (lock,) = [block for block in of_docs("yaml") if block.page == "docs/concepts/lock-aws.md" and block.is_lock]
    assert write_files_of("docs/concepts/lock-aws.md", tmp_path) == 1
    (tmp_path / "inventory.lock.yaml").write_text(lock.text)
    compiled = compile_plan(load_inventory(tmp_path, today=TODAY))
    assert compiled.findings == ()
    assert compiled.plan is not None
    assert [(account.key, len(account.roles)) for account in compiled.plan.accounts] == [("shop-prod", 1)]


@pytest.mark.parametrize("block", [block for block in of_docs("yaml") if block.is_inventory], ids=name)
def test_every_inventory_in_the_docs_is_sound(block: Block, tmp_path: Path) -> None:
    (tmp_path / "inventory.yaml").write_text(block.text)
    assert compile_plan(load_inventory(tmp_path, today=TODAY)).findings == ()
    assert refusals(in_yaml(block.text)) == []


def readme_plan(tmp_path: Path) -> dict[str, object]:
    (tmp_path / "inventory.yaml").write_text(of_docs("yaml")[0].text)
    plan = compile_plan(load_inventory(tmp_path, today=TODAY)).plan
    assert plan is not None
    role: dict[str, object] = plan_json(plan)["accounts"][0]["roles"][0]
    return role


def test_the_trust_policy_in_the_readme_is_that_of_its_inventory(tmp_path: Path) -> None:
    assert json.loads(of_docs("json")[0].text) == readme_plan(tmp_path)["trust_policy"]


def inventory_of(page: str, folder: Path) -> None:
    """Put the inventory that a page shows into a folder; where it shows none, the quickstart, or that of pipelines."""
    shown = [block for block in of_docs("yaml") if block.page == page and block.is_inventory]
    if write_files_of(page, folder / "inventory"):
        return
    if shown:
        (folder / "inventory").mkdir()
        (folder / "inventory" / "inventory.yaml").write_text(shown[0].text)
    else:
        example = "inventory-repository/inventory" if page == "docs/guides/ci.md" else "quickstart"
        shutil.copytree(PROJECT / "examples" / example, folder / "inventory")


REHEARSED = {"docs/getting-started/thirty-accounts.md"}
"""Pages that one reads from top to bottom: each of their blocks starts from what the earlier ones left."""
REHEARSED_PAGES = REHEARSED | {"docs/guides/fleet.md"}
"""The fleet needs the Pulumi CLI: see test_fleet_guide.py."""


@pytest.mark.parametrize("page", sorted(REHEARSED))
def test_a_page_to_follow_works_from_top_to_bottom(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for block in blocks_of(PROJECT / page):
        if block.file:
            (tmp_path / block.file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / block.file).write_text(block.text)
        else:
            assert block.language == "bash"
            with bitbucket_for(block, monkeypatch):
                run_each_line(block, monkeypatch)


@pytest.mark.parametrize("block", [block for block in of_docs("bash") if block.page not in REHEARSED_PAGES], ids=name)
def test_every_command_in_the_docs_works(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    what_a_page_starts_from(block, tmp_path)
    for variable, value in VARIABLES_OF_A_STEP.items():
        monkeypatch.setenv(variable, value)
    with bitbucket_for(block, monkeypatch):
        run_each_line(block, monkeypatch)


def what_a_page_starts_from(block: Block, folder: Path) -> None:
    """Put into the current folder what the commands of a page take for granted."""
    inventory_of(block.page, folder)
    for shown in of_docs("json"):  # a trust policy that a page shows is the file that its commands name
        if shown.page == block.page:
            (folder / "trust-policy.json").write_text(shown.text)
    if "bitbucket-oidc init" in block.text:  # it begins with nothing
        shutil.rmtree(folder / "inventory")
    if "sandbox token" in block.text:  # it signs for a sandbox that has been up
        EmulatedBitbucket(folder_of(Path("inventory")) / BITBUCKET_FOLDER, [])
    if "bitbucket-oidc ci" in block.text:
        what_pipelines_have(folder)
    if "bitbucket-oidc diff" in block.text or "--base" in block.text:  # it compares with a revision
        commit_all(folder)


VARIABLES_OF_A_STEP = {
    "BITBUCKET_WORKSPACE": "acme",
    "BITBUCKET_REPO_SLUG": "access",
    "BITBUCKET_COMMIT": "0123456789abcdef0123456789abcdef01234567",
    "AWS_WEB_IDENTITY_TOKEN_FILE": "token",
}


def what_pipelines_have(folder: Path) -> None:
    """Put stack files beside the inventory, and a preview of one of them."""
    for stack in ("dev", "prod"):
        (folder / f"Pulumi.{stack}.yaml").write_text(f"config: {{'bitbucket-aws-oidc:accounts': [{stack}]}}\n")
    (folder / "previews").mkdir()
    preview = PROJECT / "tests" / "fixtures" / "previews" / "replaces-a-role.json"
    shutil.copy(preview, folder / "previews" / "prod.json")


def commit_all(folder: Path) -> None:
    """Make a folder a clone whose branch main is pushed."""
    for arguments in (
        ["init", "-q", "-b", "main"],
        ["add", "."],
        ["commit", "-q", "-m", "first"],
        ["update-ref", "refs/remotes/origin/main", "HEAD"],
    ):
        git(folder, *arguments)


def test_every_rule_of_what_the_world_says_is_documented() -> None:
    page = (PROJECT / "docs" / "concepts" / "lock.md").read_text()
    for rule, about in DISCREPANCY_RULES.items():
        assert f'- <a id="{rule}"></a>`{rule}` ({about.level}): ' in page


def test_every_command_is_documented() -> None:
    page = (PROJECT / "docs" / "reference" / "commands.md").read_text()
    assert all(f"`{command}" in page for command in COMMANDS)


def test_every_filter_is_documented() -> None:
    page = (PROJECT / "docs" / "reference" / "commands.md").read_text()
    section = page.partition("## Filters\n")[2].partition("\n## ")[0]
    filters = [option.opts[0] for option in plan.params if (option.name or "").startswith("only_")]
    assert filters
    assert [option for option in filters if f"`{option}`" not in section] == []


def test_every_command_and_exit_code_has_one_line() -> None:
    page = (PROJECT / "docs" / "reference" / "commands.md").read_text()
    firsts = re.findall(
        r"^- (`[^:]+`|\d+): ", page.partition("## Output")[0] + page.partition("## Exit codes")[2], re.MULTILINE
    )
    assert len(firsts) > len(COMMANDS)
    assert len(firsts) == len(set(firsts))


def test_every_stack_config_key_is_documented_with_its_default() -> None:
    page = (PROJECT / "docs" / "reference" / "commands.md").read_text()
    declared = yaml.safe_load((PROJECT / "Pulumi.yaml").read_text())["config"]
    rows = dict(re.findall(r"^- `(\w+)` \((.+?)\): ", page, re.MULTILINE))
    assert {key: rows[key].strip("`") for key in declared} == {
        key: shown_default(found["default"]) for key, found in declared.items()
    }


def shown_default(default: object) -> str:
    if isinstance(default, str):
        return default or "empty"
    return json.dumps(default)


def test_generated_pages_are_current() -> None:
    generate = runpy.run_path(str(PROJECT / "tools" / "docs" / "generate.py"))
    for path, text in generate["pages"]().items():
        assert path.read_text() == text.rstrip() + "\n", f"run make docs: {path.name} is not current"


def test_every_link_inside_the_reference_of_the_inventory_leads_to_a_heading() -> None:
    page = (PROJECT / "docs" / "reference" / "inventory.md").read_text()
    headings = re.findall(r"^#+ (.+)$", page, re.MULTILINE)
    anchors = {re.sub(r"[^a-z0-9 _-]", "", heading.lower()).replace(" ", "-") for heading in headings}
    links = set(re.findall(r"\]\(#([^)]+)\)", page))
    assert links
    assert links <= anchors
    assert len(anchors) == len(headings)


def test_every_link_inside_the_project_leads_somewhere() -> None:
    for page in PAGES:
        for target, anchor in re.findall(r"\]\((?!https?://)([^)#]*)#?([^)]*)\)", page.read_text()):
            there = page.parent / target if target else page
            assert there.exists(), f"{page.name} links to {target}"
            assert not anchor or anchor in anchors_of(there), f"{page.name} links to {target}#{anchor}"


def test_every_kind_of_change_is_documented() -> None:
    sources = "".join(path.read_text() for path in sorted((PROJECT / "access" / "comparison").glob("*_changes.py")))
    for path in ("access/comparison/compare.py", "fleet/differences.py"):
        sources += (PROJECT / path).read_text()
    page = (PROJECT / "docs" / "guides" / "diff.md").read_text()
    kinds = set(re.findall(r"\"([a-z]+(?:-[a-z]+)+)\"", sources)) - {"environment-bound"}
    kinds |= {f"{name}-changed" for name in ("description", "owner")}
    kinds |= {f"rollout-{name.replace('_', '-')}-changed" for name in Rollout.model_fields}
    assert {kind for kind in kinds if f"`{kind}`" not in page} == set()
    listed = re.findall(r"`([a-z-]+)`", page.partition("`kind` is one of")[2])
    assert set(listed) == kinds
