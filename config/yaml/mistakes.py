"""Find the mistakes that people make in YAML, near the place where PyYAML stopped.

Each function looks for one mistake. It returns the place, the problem and the correction, in words for somebody who
does not know YAML; ``None`` if it does not find the mistake.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from config.yaml.characters import instead_of, name_of, out_of_place


@dataclass(frozen=True, slots=True)
class TextPlace:
    """The place where PyYAML stopped, and its message. Lines and columns count from 0.

    Attributes:
        lines: Of the text.
        line: Of the place.
        column: Of the place.
        what: PyYAML's problem and context: ``did not find expected key while parsing a block mapping``.
        opened: Line and column of the start of the mapping, list, quote or line that the context names.
    """

    lines: list[str]
    line: int
    column: int
    what: str
    opened: tuple[int, int]

    @property
    def text(self) -> str:
        """The line at the place."""
        return self.lines[self.line] if self.line < len(self.lines) else ""

    def nearby(self) -> Iterator[tuple[int, str]]:
        """Yield the last non-blank line above the place, then the line itself."""
        above = next((number for number in range(self.line - 1, -1, -1) if self.lines[number].strip()), None)
        if above is not None:
            yield above, self.lines[above]
        yield self.line, self.text


Found = tuple[int, int, str, str]
"""Line and column from 0, the problem, the correction."""


def _conflict(place: TextPlace) -> Found | None:
    for number, line in enumerate(place.lines):
        if re.match(r"(<{7}|>{7})( |$)", line):
            return number, 0, "a merge conflict of git stands here", "choose one side, and remove the lines of the mark"
    return None


def _tab(place: TextPlace) -> Found | None:
    for number, line in place.nearby():
        indentation = line[: len(line) - len(line.lstrip())]
        if "\t" in indentation:
            return number, indentation.index("\t"), "a tab in the indentation", "indent with spaces: YAML takes no tabs"
    return None


def _mistakable(place: TextPlace) -> Found | None:
    """Find, near the place, a character that looks like a YAML character but is another one."""
    for number, line in place.nearby():
        column = out_of_place(line)
        if column is not None:
            message = f"{name_of(line[column])} is part of a text to YAML, whatever it looks like"
            return number, column, message, instead_of(line[column])
    return None


_SAYS_SOMETHING = re.compile(r"\s*[^\s#]")


def _documents(place: TextPlace) -> Found | None:
    if "another document" not in place.what and "document start" not in place.what:
        return None
    if not any(line.rstrip() == "..." for line in place.lines[: place.line]) and not place.text.startswith("---"):
        begins = next(number for number, line in enumerate(place.lines) if _SAYS_SOMETHING.match(line))
        if (indentation := len(place.lines[begins]) - len(place.lines[begins].lstrip(" "))) > 0:
            message = "the file begins with an indented line: what it belongs to is missing above"
            return begins, indentation, message, "write its section above it, such as `workspaces:`, or unindent it"
        message = "something stands behind what the whole file is: one value"
        return place.line, place.column, message, "write sections: workspaces:, accounts:, roles:"
    if not place.text.startswith("---"):
        return (
            place.line,
            place.column,
            "something stands behind the end of the document",
            "remove it, or the line `...`",
        )
    return place.line, 0, "a second YAML document begins here", "remove the line `---`, or make two files"


def _alias(place: TextPlace) -> Found | None:
    if "alias" not in place.what:
        return None
    start = place.text.rfind("*", 0, place.column + 1)
    found = re.match(r"\*[^\s,\]}]*", place.text[start:]) if start >= 0 else None
    name = found[0] if found else "*"
    if start < 0:
        start = place.column
    hint = f'quote it: "{name}"'
    if len(name) > 1:
        hint += f"; or define the anchor &{name[1:]} before it, in this file, if you mean one"
    return place.line, start, f"`{name}` without quotes is an alias to YAML", hint


_BEGINS = re.compile(r"(?:^|[:\-,\[{])\s+([@`%|>?!&].*?)\s*$")


def _first_character(place: TextPlace) -> Found | None:
    """Find a value that begins with a character that YAML reserves."""
    if "directive" in place.what:
        return place.line, 0, "a line that begins with % is a directive to YAML", "quote it, or indent it"
    rest = place.text[place.column :]
    found = rest[:1] in set("@`%")
    if not found and not any(words in place.what for words in ("block scalar", "mapping keys", "tag")):
        return None
    begins = _BEGINS.search(place.text)
    if not found and begins is not None:
        rest = begins[1]
    value = rest.strip().rstrip(",]}")
    if not value:
        return None
    column = max(place.text.find(value), 0)
    return place.line, column, f"a value without quotes cannot begin with {value[0]}", f"quote it: {_quoted(value)}"


def _quoted(value: str) -> str:
    return f'"{value}"' if '"' not in value and "\\" not in value else f"'{value.replace(chr(39), chr(39) * 2)}'"


def _escape(place: TextPlace) -> Found | None:
    if "escape" not in place.what and "hexdecimal" not in place.what:
        return None
    hint = "use single quotes, in which a backslash is only itself"
    return place.line, place.column, "a backslash in double quotes begins an escape, and there is none like this", hint


def _unclosed_quote(place: TextPlace) -> Found | None:
    if "quoted scalar" in place.what:
        quote = place.lines[place.opened[0]][place.opened[1] : place.opened[1] + 1]
        return *place.opened, "a quote opens here and is not closed", f"close it with {quote} on the same line"
    # An unclosed quote ends where the next one opens, lines below.
    if "expected key" not in place.what:
        return None
    above = "\n".join([*place.lines[place.opened[0] : place.line], place.text[: place.column]])
    spans = [found for found in re.finditer(r"\"(?:[^\"\\]|\\.)*\"", above, re.DOTALL) if "\n" in found[0]]
    if not spans:
        return None
    before = above[: spans[0].start()].split("\n")
    line = place.opened[0] + len(before) - 1
    return line, len(before[-1]), "a quote opens here and is not closed on its line", 'close it with "'


_KEY = re.compile(r"""\s*(?:- +)*(?:"[^"]*"|'[^']*'|[^\s:#"'\[{][^:#]*?)\s*:(?= |$)""")
"""A key and its colon at the beginning of a line."""


def _no_space(place: TextPlace) -> Found | None:
    """Find a colon or a dash without the space that YAML requires after it."""
    if "mapping values" not in place.what and "expected ':'" not in place.what:
        return None
    for number, line in place.nearby():
        if found := re.match(r"(\s*)-([A-Za-z\"'{\[].*)", line):
            message = "a dash without a space behind it is part of a text"
            return number, len(found[1]), message, f"write `- {found[2].rstrip()}`"
        found = re.match(r"\s*(?:- +)?([A-Za-z_][\w.-]*):(?=[^\s:/])", line)
        if found and not _KEY.match(line):
            message = "a colon without a space behind it is part of a text"
            return number, found.end() - 1, message, f"write `{found[1]}: …`"
        found = re.match(r"\s*(?:- +)?([A-Za-z_][\w.-]*) *=", line)
        if found and not _KEY.match(line):
            return number, found.end() - 1, "YAML has no `=` between a key and its value", f"write `{found[1]}: …`"
    return None


def _colon_in_value(place: TextPlace) -> Found | None:
    if place.text[place.column : place.column + 1] != ":" or "block mapping" in place.what:
        return None
    text, start = place.text, 0
    if "flow" in place.what:
        start = max(text.rfind(mark, 0, place.column) for mark in ",{[") + 1
        end = re.compile(r"[,\]}]|$").search(text, place.column)
        text = text[: end.start()] if end else text
    key = _KEY.match(text, start)
    if key is None or key.end() > place.column:
        return None
    hint = f"quote the value: {_quoted(text[key.end() :].strip())}"
    return place.line, place.column, "a colon and a space inside a value without quotes", hint


def _behind_value(place: TextPlace) -> Found | None:
    """Find text after a closing quote or bracket."""
    indentation = len(place.text) - len(place.text.lstrip())
    if "expected key" not in place.what or place.column <= indentation:
        return None
    rest = place.text[place.column :].strip()
    key = _KEY.match(place.text)
    value = place.text[key.end() :].strip() if key else place.text.strip()
    if rest in (",", ";"):
        return place.line, place.column, f"`{rest}` stands behind the value", "remove it: a line needs no end mark"
    if value.startswith("{{"):
        return place.line, place.column, "a value that begins with a brace is a mapping", f"quote it: {_quoted(value)}"
    message = f"`{rest}` stands behind a value that has ended already"
    if value[:1] in "\"'" and len(value) > 1:
        other, written = ("'", '\\"') if value[0] == '"' else ('"', "''")
        hint = f"put {other} around the whole, or write {written} for each {value[0]} inside"
        return place.line, place.column, message, hint
    return place.line, place.column, message, "remove it, or quote the whole value"


def _indentation(place: TextPlace) -> Found | None:
    indentation = len(place.text) - len(place.text.lstrip(" "))
    if "expected key" in place.what and place.column == indentation:
        levels = _levels_above(place)
        near = [*[level for level in levels if level < indentation][-1:], *[n for n in levels if n > indentation][:1]]
        message = f"indented by {indentation} spaces, as no line above that it could belong to"
        return place.line, place.column, message, f"indent it by {' or '.join(map(str, near))}"
    if "expected '-' indicator" in place.what:
        message = "a list ends here, without an entry that begins with a dash"
        return place.line, place.column, message, "begin the line with `- `, or indent it under the entry above"
    if "mapping values" not in place.what:
        return None
    above = next(place.nearby())
    if above[0] == place.line:
        return None
    indented_above = len(above[1]) - len(above[1].lstrip(" "))
    if indentation > indented_above and _KEY.match(above[1]):
        message = "indented deeper than the line above, which has a value already"
        return place.line, indentation, message, f"indent it by {indented_above} spaces, as the line above"
    return None


def _levels_above(place: TextPlace) -> list[int]:
    """Return the indentations of the line above and of everything around it, from 0 up."""
    levels: list[int] = []
    for line in reversed(place.lines[: place.line]):
        indentation = len(line) - len(line.lstrip(" "))
        if line.strip() and not line.lstrip().startswith("#") and (not levels or indentation < levels[0]):
            levels.insert(0, indentation)
    return levels or [0]


def _brackets(place: TextPlace) -> Found | None:
    if "flow" not in place.what:
        return None
    if "node content" in place.what:
        return place.line, place.column, "nothing stands here, between two commas or brackets", "remove one of the two"
    opening = place.lines[place.opened[0]][place.opened[1] : place.opened[1] + 1]
    closing = {"[": "]", "{": "}"}.get(opening)
    if closing is None:
        return None
    found = place.text[place.column : place.column + 1]
    if found in ("]", "}") and found != closing:
        return place.line, place.column, f"`{found}` closes what `{opening}` opened", f"write {closing}"
    return (
        *place.opened,
        f"`{opening}` opens here and is not closed",
        f"close it with {closing}, or put a comma between",
    )


def _no_colon(place: TextPlace) -> Found | None:
    if "sequence entries" in place.what and _KEY.match(place.text):
        return place.line, place.column, "a list with dashes begins on the line of its key", "begin it on a new line"
    line, text = (
        next(place.nearby()) if "mapping values" in place.what else (place.opened[0], place.lines[place.opened[0]])
    )
    if "expected ':'" not in place.what and ("mapping values" not in place.what or ": " in text):
        return None
    column = len(text) - len(text.lstrip())
    return line, column, "a line without a colon, where a key and its value belong", "write KEY: VALUE"


def _anchor_twice(place: TextPlace) -> Found | None:
    if "duplicate anchor" not in place.what:
        return None
    return place.line, place.column, "an anchor of this name stands above already", "give it another name"


MISTAKES: tuple[Callable[[TextPlace], Found | None], ...] = (
    _conflict, _tab, _mistakable, _documents, _anchor_twice, _alias, _first_character, _escape, _unclosed_quote,
    _no_space, _colon_in_value, _behind_value, _indentation, _brackets, _no_colon,
)  # fmt: skip
"""In the order in which they run: the certain ones first."""
