"""Find the mistakes that people make in YAML, near the place where PyYAML stopped.

Each function looks for one mistake. It returns the place, the problem and the correction, in words for somebody who
does not know YAML; ``None`` if it does not find the mistake.
"""

import re
from collections.abc import Iterator
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


Mistake = tuple[int, int, str, str]
"""Line and column from 0, the problem, the correction."""


def merge_conflict(place: TextPlace) -> Mistake | None:
    """Find the marks that git leaves in a file with a merge conflict."""
    for number, line in enumerate(place.lines):
        if re.match(r"(<{7}|>{7})( |$)", line):
            return number, 0, "git left a merge conflict here", "choose one side, and remove the conflict markers"
    return None


def tab_in_indentation(place: TextPlace) -> Mistake | None:
    """Find a tab in the indentation."""
    for number, line in place.nearby():
        indentation = line[: len(line) - len(line.lstrip())]
        if "\t" in indentation:
            return (
                number,
                indentation.index("\t"),
                "a tab in the indentation",
                "indent with spaces: YAML accepts no tabs",
            )
    return None


def lookalike(place: TextPlace) -> Mistake | None:
    """Find, near the place, a character that looks like a YAML character but is another one."""
    for number, line in place.nearby():
        column = out_of_place(line)
        if column is not None:
            message = f"YAML reads {name_of(line[column])} as a part of a text"
            return number, column, message, instead_of(line[column])
    return None


_SAYS_SOMETHING = re.compile(r"\s*[^\s#]")


def second_document(place: TextPlace) -> Mistake | None:
    """Find text beside the one value of a file, such as a second YAML document."""
    if "another document" not in place.what and "document start" not in place.what:
        return None
    if not any(line.rstrip() == "..." for line in place.lines[: place.line]) and not place.text.startswith("---"):
        begins = next(number for number, line in enumerate(place.lines) if _SAYS_SOMETHING.match(line))
        if (indentation := len(place.lines[begins]) - len(place.lines[begins].lstrip(" "))) > 0:
            message = "the file begins with an indented line: the line above it is missing"
            return begins, indentation, message, "write its section above it, such as `workspaces:`, or unindent it"
        message = "the file has ended with one value before this text"
        return place.line, place.column, message, "write sections: workspaces:, accounts:, roles:"
    if not place.text.startswith("---"):
        return (
            place.line,
            place.column,
            "text follows the end of the document",
            "remove it, or the line `...`",
        )
    return place.line, 0, "a second YAML document begins here", "remove the line `---`, or make two files"


KEY = re.compile(r"""\s*(?:- +)*(?:"[^"]*"|'[^']*'|[^\s:#"'\[{][^:#]*?)\s*:(?= |$)""")
"""A key and its colon at the beginning of a line."""


def missing_space(place: TextPlace) -> Mistake | None:
    """Find a colon or a dash without the space that YAML requires after it."""
    if "mapping values" not in place.what and "expected ':'" not in place.what:
        return None
    for number, line in place.nearby():
        if dash := re.match(r"(\s*)-([A-Za-z\"'{\[].*)", line):
            message = "YAML reads a dash without a space after it as a part of a text"
            return number, len(dash[1]), message, f"write `- {dash[2].rstrip()}`"
        key = re.match(r"\s*(?:- +)?([A-Za-z_][\w.-]*):(?=[^\s:/])", line)
        if key and not KEY.match(line):
            message = "YAML reads a colon without a space after it as a part of a text"
            return number, key.end() - 1, message, f"write `{key[1]}: …`"
        key = re.match(r"\s*(?:- +)?([A-Za-z_][\w.-]*) *=", line)
        if key and not KEY.match(line):
            return number, key.end() - 1, "YAML has no `=` between a key and its value", f"write `{key[1]}: …`"
    return None


def wrong_indentation(place: TextPlace) -> Mistake | None:
    """Find a line that is indented unlike every line above that it may belong to."""
    indentation = len(place.text) - len(place.text.lstrip(" "))
    if "expected key" in place.what and place.column == indentation:
        levels = _levels_above(place)
        near = [*[level for level in levels if level < indentation][-1:], *[n for n in levels if n > indentation][:1]]
        message = f"indented by {indentation} spaces, unlike every line above that it could belong to"
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
    if indentation > indented_above and KEY.match(above[1]):
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


def unbalanced_brackets(place: TextPlace) -> Mistake | None:
    """Find a bracket that is not closed, or a comma without a value."""
    if "flow" not in place.what:
        return None
    if "node content" in place.what:
        return place.line, place.column, "a value is missing between two commas or brackets", "remove one of the two"
    opening = place.lines[place.opened[0]][place.opened[1] : place.opened[1] + 1]
    closing = {"[": "]", "{": "}"}.get(opening)
    if closing is None:
        return None
    character = place.text[place.column : place.column + 1]
    if character in ("]", "}") and character != closing:
        return place.line, place.column, f"`{character}` closes what `{opening}` opened", f"write {closing}"
    return (
        *place.opened,
        f"`{opening}` opens here and is not closed",
        f"close it with {closing}, or put a comma between",
    )


def missing_colon(place: TextPlace) -> Mistake | None:
    """Find a line of text where a key and its value belong."""
    if "sequence entries" in place.what and KEY.match(place.text):
        return place.line, place.column, "a list with dashes begins on the line of its key", "begin it on a new line"
    line, text = (
        next(place.nearby()) if "mapping values" in place.what else (place.opened[0], place.lines[place.opened[0]])
    )
    if "expected ':'" not in place.what and ("mapping values" not in place.what or ": " in text):
        return None
    column = len(text) - len(text.lstrip())
    return line, column, "a line without a colon, where a key and its value belong", "write KEY: VALUE"
