"""The docs are a site: it builds strictly, lists every page, and loads nothing from elsewhere."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.project.pages import PAGES, PROJECT
from tools.docs.site_map import FOLDERS, entries, llms_text, navigation

DOCS = PROJECT / "docs"
ZENSICAL = Path(sys.executable).with_name("zensical")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(DOCS, tmp_path / "docs")
    shutil.copy(PROJECT / "zensical.toml", tmp_path)
    return tmp_path


def build(project: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([ZENSICAL, "build", "--strict"], cwd=project, capture_output=True, text=True, check=False)


def test_the_site_builds_strictly_and_loads_nothing_from_elsewhere(copy: Path) -> None:
    built = build(copy)
    assert built.returncode == 0, built.stdout + built.stderr
    pages = list((copy / "site").rglob("*.html"))
    assert len(pages) > len(list(DOCS.rglob("*.md")))
    loaded = r"<(?:script|img|iframe)[^>]* src=\"?https?:|<link[^>]* href=\"?https?:|class=\"?mermaid"
    assert [page for page in pages if re.search(loaded, page.read_text())] == []


def test_a_broken_link_or_anchor_stops_the_build(copy: Path) -> None:
    with (copy / "docs" / "index.md").open("a") as index:
        index.write("\n[gone](guides/gone.md) [elsewhere](guides/ci.md#no-such-heading)\n")
    built = build(copy)
    assert built.returncode != 0
    assert "2 issues found" in built.stdout + built.stderr


def test_a_page_that_no_index_lists_stops_the_build(copy: Path) -> None:
    (copy / "docs" / "guides" / "orphan.md").write_text("# Orphan\n")
    with pytest.raises(SystemExit, match=r"docs/index.md: .*guides/orphan.md"):
        entries(copy / "docs")


def test_navigation_and_llms_text_have_every_page_of_the_index() -> None:
    listed = [entry.page for entry in entries(DOCS)]
    pages = {page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")}
    assert set(re.findall(r'"([^"]+\.md)"', navigation(DOCS, "nav = []"))) == pages
    assert re.findall(r"^- \[[^]]+\]\(([^)]+)\)(?:: .+)?$", llms_text(DOCS), re.MULTILINE) == listed


@pytest.mark.parametrize("index", FOLDERS)
def test_a_page_that_lists_a_folder_links_to_each_page_of_it(index: str) -> None:
    page = DOCS / index
    linked = {(page.parent / target).resolve() for target in re.findall(r"\]\(([^)#]+)\)", page.read_text())}
    assert set((DOCS / FOLDERS[index]).glob("*.md")) - {page} <= linked


@pytest.mark.parametrize("page", [page for page in PAGES if DOCS in page.parents], ids=lambda page: page.stem)
def test_the_site_shows_a_page_as_bitbucket_does(page: Path) -> None:
    """Python-Markdown reads 4 spaces as the inside of a list, and a list or table only after an empty line."""
    outside = re.sub(r"^( *)```.*?^\1```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    fences = re.findall(r"^( *)```", page.read_text(), re.MULTILINE)
    assert [fence for fence in fences if len(fence) % 4] == [], "indent a block in a list by 4 spaces"
    assert re.findall(r"^ {1,3}\S.*", outside, re.MULTILINE) == [], "indent what belongs to a list by 4 spaces"
    starts = re.findall(r"^(?![-|*\d \n]).+\n(?:[-*] |\d+\. |\|).*", outside, re.MULTILINE)
    assert starts == [], "put an empty line before a list or a table"
    targets = [target for target in re.findall(r"\]\((?!https?:|#)([^)#]*)", outside) if not target.endswith(".md")]
    assert targets == [], "the site has pages only: name other files of the project without a link"
