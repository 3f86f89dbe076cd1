"""A page as a parser of HTML reads it, which knows nothing of how it was made."""

import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element

import html5lib


class ParsedPage:
    """A page.

    Attributes:
        html: Its text.
        root: Its tree.
        errors: What the parser had to repair.
    """

    def __init__(self, html: str) -> None:
        parser = html5lib.HTMLParser(namespaceHTMLElements=False)
        self.html = html
        self.root: Element = parser.parse(html)
        self.errors = [(code, place) for place, code, _ in parser.errors]

    def all(self, tag: str = "*", **attributes: str) -> list[Element]:
        """Return elements by tag and attributes, ``class_`` for ``class`` and ``_`` for ``-``."""
        wanted = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
        return [element for element in self.root.iter(tag if tag != "*" else None) if self._fits(element, wanted)]

    def one(self, tag: str = "*", **attributes: str) -> Element:
        """Return the only such element."""
        (element,) = self.all(tag, **attributes)
        return element

    def role(self, key: str) -> Element:
        """Return the part of a role whose key is plain."""
        return self.one("article", id=f"role-{key}")

    def cells(self, workspace: str) -> Iterator[tuple[str, str, str, str]]:
        """Yield repository, steps, column and role of everything in the table of a workspace."""
        (region,) = [
            table
            for table in self.all("div", class_="scroll")
            if table.get("aria-label", "").endswith(f"workspace {workspace}")
        ]
        columns = [text(column) for column in region.findall(".//thead//th")[1:]]
        for body in region.findall(".//tbody"):
            for row in body.findall("tr")[1:]:
                steps = text(row.find("th"))
                for column, cell in zip(columns, row.findall("td"), strict=True):
                    for entry in cell.findall("div"):
                        yield body.get("data-r", ""), steps, column, text(entry)

    @staticmethod
    def _fits(element: Element, wanted: dict[str, str]) -> bool:
        return all(element.get(name) == value for name, value in wanted.items())


def text(element: Element | None) -> str:
    """Return what an element says, white space as a reader sees it."""
    assert element is not None
    return re.sub(r"\s+", " ", "".join(_texts(element))).strip()


_INLINE = frozenset({"a", "bdi", "code", "em", "small", "span", "strong", "time", "var"})


def _texts(element: Element) -> Iterator[str]:
    yield element.text or ""
    for child in element:
        beside = "" if child.tag in _INLINE else " "
        yield from (beside, *_texts(child), beside, child.tail or "")


def facts(part: Element) -> dict[str, str]:
    """Return the names and values of a part's list of facts."""
    (terms,) = part.findall("dl")
    names, values = [text(term) for term in terms.findall("dt")], [text(term) for term in terms.findall("dd")]
    return dict(zip(names, values, strict=True))
