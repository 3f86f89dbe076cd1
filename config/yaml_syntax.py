"""What is wrong with a text that is no YAML, in words for somebody who does not know YAML.

PyYAML says where it gave up, which is often a line too late, and what it expected, which few understand. So the line
at that place and the one above it are looked at for the mistakes that people make.
"""

import re

import yaml

from config.yaml_mistakes import MISTAKES, Place
from config.yaml_problem import Problem

_LINE_END = re.compile("\r\n|\r|\n")


def hint_for_empty(text: str, line: int) -> str | None:
    """Return what to do about a key without a value on a line (from 1), where YAML took what is there for no value."""
    found = re.search(r":\s+([#&]\S.*)$", _LINE_END.split(text)[line - 1])
    if found is None:
        return None
    what = "begins a comment" if found[1][0] == "#" else "names an anchor"
    return f'quote it: "{found[1].rstrip()}"; without quotes `{found[1][0]}` {what}'


def syntax_problem(text: str, error: Exception) -> Problem:
    """Return what is wrong with ``text``, which PyYAML refused with ``error``."""
    mark, opened = getattr(error, "problem_mark", None), getattr(error, "context_mark", None)
    what = " ".join(filter(None, (getattr(error, name, None) for name in ("problem", "context")))) or str(error)
    lines = _LINE_END.split(text)
    line, column = (mark.line, mark.column) if mark is not None else (0, 0)
    place = Place(lines, line, column, what, (opened.line, opened.column) if opened is not None else (line, column))
    for mistake in MISTAKES:
        if (found := mistake(place)) is not None:
            at_line, at_column, message, hint = found
            return Problem("yaml-syntax", at_line + 1, at_column + 1, (), message, hint)
    message = f"this is not YAML: {what}"
    hint = "check indentation, quotes and brackets just before this place"
    return Problem("yaml-syntax", line + 1, column + 1, (), message, hint)


YAML_ERRORS = (yaml.YAMLError, RecursionError, ValueError)
"""What PyYAML raises for a text."""
