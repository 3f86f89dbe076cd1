"""The navigation of the site, ``llms.txt`` and the list of decisions, all from the pages and ``docs/index.md``."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

FOLDERS = {
    "guides/cookbook/README.md": "guides/cookbook",
    "reference/findings.md": "reference/rules",
    "internals/decisions/README.md": "internals/decisions",
}
"""Pages that list all other pages of a folder: ``index.md`` does not."""


class Entry(NamedTuple):
    """A line of the index, ``- [The lock](concepts/lock.md): recorded UUIDs.``, in parts; ``about`` may be empty."""

    section: str
    title: str
    page: str
    about: str


def entries(docs: Path) -> list[Entry]:
    """Return the lines of the index.

    Raises:
        SystemExit: If the index lists no section, a page twice or a page that is not there, or does not list a page.
    """
    found = list(_entries((docs / "index.md").read_text(encoding="utf-8")))
    listed = [entry.page for entry in found]
    pages = {page.relative_to(docs).as_posix() for page in docs.rglob("*.md")}
    of_folders = {page for folder in FOLDERS.values() for page in pages if page.startswith(f"{folder}/")}
    wanted = (pages - of_folders - {"index.md"}) | FOLDERS.keys()
    if wrong := sorted(set(listed) ^ wanted) or sorted({page for page in listed if listed.count(page) > 1}):
        raise SystemExit(f"docs/index.md: expected one line for each page, not so for {', '.join(wrong)}")
    return found


def _entries(index: str) -> Iterator[Entry]:
    section = ""
    for line in index.splitlines():
        if line.startswith("## "):
            section = line.removeprefix("## ")
        elif matched := re.fullmatch(r"- \[([^]]+)\]\(([^)]+)\)(?:: (.+))?", line):
            yield Entry(section, *matched.groups(""))


def navigation(docs: Path, head: str) -> str:
    """Return ``zensical.toml``: its head, and the pages in the order of the index.

    Raises:
        SystemExit: As ``entries`` does.
    """
    listed = entries(docs)
    lines = ["nav = [", '  "index.md",']
    for section in dict.fromkeys(entry.section for entry in listed):
        lines.append(f"  {{ {json.dumps(section)} = [")
        lines += [f"    {_node(docs, entry)}," for entry in listed if entry.section == section]
        lines.append("  ] },")
    return head.replace("nav = []", "\n".join([*lines, "]"]))


def _node(docs: Path, entry: Entry) -> str:
    if entry.page not in FOLDERS:
        return f"{{ {json.dumps(entry.title)} = {json.dumps(entry.page)} }}"
    pages = sorted(page.relative_to(docs).as_posix() for page in (docs / FOLDERS[entry.page]).glob("*.md"))
    return f"{{ {json.dumps(entry.title)} = {json.dumps(list(dict.fromkeys([entry.page, *pages])))} }}"


def llms_text(docs: Path) -> str:
    """Return ``llms.txt`` in the form of https://llmstxt.org: title, summary, and sections of links.

    Pages of the section ``Optional`` may be left out by readers with little room: those about the code.

    Raises:
        SystemExit: As ``entries`` does.
    """
    title, summary = (docs / "index.md").read_text(encoding="utf-8").split("\n## ")[0].strip().split("\n\n", 1)
    lines = [title, "", f"> {summary}"]
    section = ""
    for entry in entries(docs):
        if entry.section != section:
            section = entry.section
            lines += ["", f"## {'Optional' if section == 'Internals' else section}", ""]
        lines.append(f"- [{entry.title}]({entry.page}){entry.about and f': {entry.about}'}")
    return "\n".join(lines)


def decisions_page(folder: Path) -> str:
    """Return the list of decisions, by their headings: ``# 7. The deploying role``."""
    lines = ["# Decisions", ""]
    for page in sorted(folder.glob("0*.md")):
        heading = page.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")
        lines.append(f"- [{heading}]({page.name})")
    return "\n".join(lines)
