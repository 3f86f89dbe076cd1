"""What is wrong with a text that is no YAML, in words for somebody who does not know YAML.

PyYAML says where it gave up, which is often a line too late, and what it expected, which few understand. So the line
at that place and the one above it are looked at for the mistakes that people make.
"""

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import yaml

from config.findings import Fault, Path, in_text, show_path
from config.hidden_characters import escaped_plain, hidden_character
from config.yaml.construct import Constructor, Hopeless, YamlData
from config.yaml.mistakes import MISTAKES, TextPlace
from config.yaml.nodes import refused_for_size

_LINE_END = re.compile("\r\n|\r|\n")


def hint_for_empty(text: str, line: int) -> str | None:
    """Return what to do about a key without a value on a line (from 1), where YAML took what is there for no value."""
    found = re.search(r":\s+([#&]\S.*)$", _LINE_END.split(text)[line - 1])
    if found is None:
        return None
    what = "begins a comment" if found[1][0] == "#" else "names an anchor"
    return f'quote it: "{found[1].rstrip()}"; without quotes `{found[1][0]}` {what}'


def syntax_problem(text: str, error: Exception) -> Fault:
    """Return what is wrong with ``text``, which PyYAML refused with ``error``."""
    mark, opened = getattr(error, "problem_mark", None), getattr(error, "context_mark", None)
    what = " ".join(filter(None, (getattr(error, name, None) for name in ("problem", "context")))) or str(error)
    lines = _LINE_END.split(text)
    line, column = (mark.line, mark.column) if mark is not None else (0, 0)
    place = TextPlace(lines, line, column, what, (opened.line, opened.column) if opened is not None else (line, column))
    for mistake in MISTAKES:
        if (found := mistake(place)) is not None:
            at_line, at_column, message, hint = found
            return in_text("yaml-syntax", (at_line + 1, at_column + 1), message, hint)
    message = f"this is not YAML: {what}"
    hint = "check indentation, quotes and brackets just before this place"
    return in_text("yaml-syntax", (line + 1, column + 1), message, hint)


YAML_ERRORS = (yaml.YAMLError, RecursionError, ValueError)
"""What PyYAML raises for a text."""


_MOST = 100_000
"""Texts whose tags are remembered; keys and words stand everywhere, what stands once is soon forgotten."""

_PLAIN: dict[str, str] = {}
"""The tag of a scalar without quotes, by its text: it follows from that alone."""

_SCALAR, _TEXT = yaml.ScalarNode, yaml.resolver.BaseResolver.DEFAULT_SCALAR_TAG
_OTHERS: dict[type[yaml.Node], str] = {
    yaml.SequenceNode: yaml.resolver.BaseResolver.DEFAULT_SEQUENCE_TAG,
    yaml.MappingNode: yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG,
}


class _Loader(yaml.CSafeLoader):
    """PyYAML's own, which asks what a plain scalar is once for each text: most are keys that stand everywhere."""

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
    """Return the root, kept for whoever asks again; ``None`` where the text is no YAML."""
    try:
        return compose(text)
    except YAML_ERRORS:
        return None


__all__ = ["Path", "YamlData", "YamlDocument", "read_document", "read_json_document", "show_path"]


@dataclass(frozen=True, slots=True)
class YamlDocument:
    """A document: its text, its data (``None`` where it is empty or broken), and what is wrong with its text."""

    text: str
    data: YamlData
    problems: tuple[Fault, ...]

    @property
    def root(self) -> yaml.Node | None:
        """The document's nodes, composed again where somebody asks.

        Nodes are an order of magnitude more objects than the data, and only findings need them: a sound inventory of
        any size is not to pay for keeping them.
        """
        return composed(self.text)


def read_document(text: str, *, is_json: bool = False) -> YamlDocument:
    """Compose and construct a document; never raises for what ``text`` holds, nor takes much longer than its size."""
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


def read_json_document(text: str) -> YamlDocument:
    r"""Read a text that is JSON, and so YAML to the composer, which knows the places of everything in it.

    What JSON has and the composer does not take is a problem, since nobody sees a key twice there: a colon on the line
    below its key, a key of more than 1,000 characters, pairs of surrogates (``\ud83d\ude00``).
    """
    document = read_document(text, is_json=True)
    try:
        compose(document.text)
    except YAML_ERRORS as error:
        mark = getattr(error, "problem_mark", None)
        line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
        message = "JSON of a form that is not read here, before this place"
        hint = "write each key and its colon on one line, and characters themselves in place of pairs of escapes"
        return replace(document, problems=(in_text("json-syntax", (line, column), message, hint),))
    return document
