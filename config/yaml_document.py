"""Read one YAML document into plain data, with the position of everything in it.

PyYAML composes the text into nodes that know their positions, and ``config.yaml_construct`` builds data from these, so
that a key twice is seen and a mistake can be pointed at.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import yaml

from config.hidden_characters import escaped_plain, hidden_character
from config.yaml_bounds import refused_for_size
from config.yaml_compose import compose, composed
from config.yaml_construct import Constructor, Hopeless, YamlData
from config.yaml_problem import Path, Problem
from config.yaml_syntax import YAML_ERRORS, syntax_problem

__all__ = ["Path", "Problem", "YamlData", "YamlDocument", "read_document", "read_json_document", "show_path"]


@dataclass(frozen=True, slots=True)
class YamlDocument:
    """A document: its text, its data (``None`` where it is empty or broken), and what is wrong with its text."""

    text: str
    data: YamlData
    problems: tuple[Problem, ...]

    @property
    def root(self) -> yaml.Node | None:
        """The document's nodes, composed again where somebody asks.

        Nodes are an order of magnitude more objects than the data, and only findings need them: a sound inventory of
        any size is not to pay for keeping them.
        """
        return composed(self.text)


def read_document(text: str) -> YamlDocument:
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
    return YamlDocument(text, data, (*escaped_plain(text), *constructor.problems))


def read_json_document(text: str) -> YamlDocument:
    r"""Read a text that is JSON, and so YAML to the composer, which knows the places of everything in it.

    What JSON has and the composer does not take is a problem, since nobody sees a key twice there: a colon on the line
    below its key, a key of more than 1,000 characters, pairs of surrogates (``\ud83d\ude00``).
    """
    document = read_document(text)
    try:
        compose(document.text)
    except YAML_ERRORS as error:
        mark = getattr(error, "problem_mark", None)
        line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
        message = "JSON of a form that is not read here, before this place"
        hint = "write each key and its colon on one line, and characters themselves in place of pairs of escapes"
        return replace(document, problems=(Problem("json-syntax", line, column, (), message, hint),))
    return document


def show_path(path: Sequence[str | int]) -> str:
    """Return ``roles.payments-deploy.trust[0].repository`` for its parts."""
    shown = ""
    for part in path:
        shown += f"[{part}]" if isinstance(part, int) else f".{part}" if shown else part
    return shown
