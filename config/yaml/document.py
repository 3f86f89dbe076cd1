"""Explain why a text is not YAML, in words for somebody who does not know YAML.

PyYAML names the place where it stopped, often a line too late, and what it expected, in terms that few understand. So
this module searches the line at that place, and the one above, for the mistakes that people make.
"""

import json
import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import yaml

from config.findings import Fault, Path, in_text, show_path
from config.hidden_characters import escaped_plain, hidden_character
from config.yaml import mistakes, scalar_mistakes
from config.yaml.construct import Constructor, Hopeless, YamlData
from config.yaml.mistakes import TextPlace
from config.yaml.nodes import refused_for_size

_MISTAKES = (
    mistakes.merge_conflict,
    mistakes.tab_in_indentation,
    mistakes.lookalike,
    mistakes.second_document,
    scalar_mistakes.repeated_anchor,
    scalar_mistakes.unquoted_alias,
    scalar_mistakes.reserved_character,
    scalar_mistakes.unknown_escape,
    scalar_mistakes.unclosed_quote,
    mistakes.missing_space,
    scalar_mistakes.colon_in_value,
    scalar_mistakes.text_after_value,
    mistakes.wrong_indentation,
    mistakes.unbalanced_brackets,
    mistakes.missing_colon,
)
"""In the order in which they run: the certain ones first."""

_LINE_END = re.compile("\r\n|\r|\n")


def hint_for_empty(text: str, line: int) -> str | None:
    """Return the correction for a key that YAML reads as having no value, on a line (from 1)."""
    value = re.search(r":\s+([#&]\S.*)$", _LINE_END.split(text)[line - 1])
    if value is None:
        return None
    effect = "begins a comment" if value[1][0] == "#" else "names an anchor"
    return f'quote it: "{value[1].rstrip()}"; without quotes `{value[1][0]}` {effect}'


def syntax_problem(text: str, error: Exception) -> Fault:
    """Return the problem of ``text``, which PyYAML refused with ``error``."""
    mark, opened = getattr(error, "problem_mark", None), getattr(error, "context_mark", None)
    what = " ".join(filter(None, (getattr(error, name, None) for name in ("problem", "context")))) or str(error)
    lines = _LINE_END.split(text)
    line, column = (mark.line, mark.column) if mark is not None else (0, 0)
    place = TextPlace(lines, line, column, what, (opened.line, opened.column) if opened is not None else (line, column))
    for find in _MISTAKES:
        if (mistake := find(place)) is not None:
            at_line, at_column, message, hint = mistake
            return in_text("yaml-syntax", (at_line + 1, at_column + 1), message, hint)
    message = f"this is not YAML: {what}"
    hint = "check indentation, quotes and brackets just before this place"
    return in_text("yaml-syntax", (line + 1, column + 1), message, hint)


YAML_ERRORS = (yaml.YAMLError, RecursionError, ValueError)
"""PyYAML raises these for a text."""


_MOST = 100_000
"""The number of texts with a cached tag. Keys and common words repeat; rare texts soon leave the cache."""

_PLAIN: dict[str, str] = {}
"""The tag of a scalar without quotes, by its text: it follows from that alone."""

_SCALAR, _TEXT = yaml.ScalarNode, yaml.resolver.BaseResolver.DEFAULT_SCALAR_TAG
_OTHERS: dict[type[yaml.Node], str] = {
    yaml.SequenceNode: yaml.resolver.BaseResolver.DEFAULT_SEQUENCE_TAG,
    yaml.MappingNode: yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG,
}


class _Loader(yaml.CSafeLoader):
    """PyYAML's composer, with the tags of plain scalars cached by text: most are keys that repeat everywhere."""

    def resolve(self, kind: type[yaml.Node], value: Any, implicit: Any) -> str:  # noqa: ANN401 - as PyYAML's
        """Return the tag of a node."""
        if kind is not _SCALAR:
            return _OTHERS[kind]
        if not implicit[0]:
            return _TEXT
        tag = _PLAIN.get(value)
        if tag is None:
            if len(_PLAIN) >= _MOST:
                _PLAIN.clear()
            tag = _PLAIN[value] = str(super().resolve(kind, value, implicit))  # type: ignore[no-untyped-call] # so are PyYAML's stubs
        return tag


def compose(text: str) -> yaml.Node | None:
    """Return the root of the one document in ``text``; raises one of ``YAML_ERRORS``."""
    loader = _Loader(text)
    try:
        return loader.get_single_node()
    finally:
        loader.dispose()


@lru_cache(maxsize=512)
def composed(text: str) -> yaml.Node | None:
    """Return the root, and cache it; ``None`` if the text is not YAML."""
    try:
        return compose(text)
    except YAML_ERRORS:
        return None


__all__ = ["Path", "YamlData", "YamlDocument", "read_document", "read_json_document", "show_path"]


@dataclass(frozen=True, slots=True)
class YamlDocument:
    """A document: its text, its data (``None`` if it is empty or broken), and the problems of its text."""

    text: str
    data: YamlData
    problems: tuple[Fault, ...]

    @property
    def root(self) -> yaml.Node | None:
        """The document's nodes, composed again on demand.

        Nodes are an order of magnitude more objects than the data, and only findings need them. A valid inventory of
        any size should not pay for keeping them.
        """
        return composed(self.text)


def read_document(text: str, *, is_json: bool = False) -> YamlDocument:
    """Compose and construct a document; never raise for any ``text``. The time grows with its size only."""
    refused = hidden_character(text) or refused_for_size(text)
    if refused is not None:
        return YamlDocument("", None, (refused,))
    try:
        root = compose(text)
    except YAML_ERRORS as error:
        return YamlDocument(text, None, (syntax_problem(text, error),))
    constructor = Constructor()
    try:
        data = constructor.construct(root, ()) if root is not None else None
    except Hopeless:
        return YamlDocument(text, None, tuple(constructor.problems[-1:]))
    return YamlDocument(text, data, (*escaped_plain(text, is_json=is_json), *constructor.problems))


def json_fault(error: json.JSONDecodeError) -> tuple[str, str]:
    """Return what is wrong with a text that is not JSON, and what to do.

    A comma before a closing bracket is the most frequent mistake, and Python 3.11 and 3.12 do not name it.
    """
    at = error.pos
    closing = re.match(r",?\s*([\]}])", error.doc[at:])
    if closing and (error.doc[at] == "," or error.doc[:at].rstrip().endswith(",")):
        return f"not JSON: a comma before `{closing[1]}`", "remove the comma"
    return f"not JSON: {error.msg}", "correct it here"


def read_json_document(text: str) -> YamlDocument:
    r"""Read a JSON text as YAML, since the composer knows the place of every value.

    JSON that the composer refuses is a problem, since duplicate keys in it would go unnoticed: a colon on the line
    below its key, a key of more than 1,000 characters, pairs of surrogates (``\ud83d\ude00``).
    """
    document = read_document(text, is_json=True)
    try:
        compose(document.text)
    except YAML_ERRORS as error:
        mark = getattr(error, "problem_mark", None)
        line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
        message = "this program does not read this form of JSON, before this place"
        hint = "write each key and its colon on one line, and write characters themselves instead of pairs of escapes"
        return replace(document, problems=(in_text("json-syntax", (line, column), message, hint),))
    return document
