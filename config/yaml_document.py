"""Read one YAML document into plain data, with the position of everything in it.

PyYAML composes the text into nodes that know their positions; data is built from them here, so that a key twice is
seen and a mistake can be pointed at. Aliases and merge keys work as YAML defines them; tags do not: they make objects,
and the inventory has none.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any, TypeAlias

import yaml

from config.yaml_nodes import NO_KEY, PREFIX, pairs

YamlData: TypeAlias = "dict[str, Any] | list[Any] | str | int | float | bool | date | None"
Path: TypeAlias = tuple[str | int, ...]

_MAX_DEPTH = 50
_MAX_VALUES = 2_000_000
_MAX_INTEGER = 2**63


@dataclass(frozen=True, slots=True)
class Problem:
    """A fault of the text: the rule, where (line and column from 1, path), what is wrong, what to do."""

    rule: str
    line: int
    column: int
    path: Path
    message: str
    hint: str


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
        return _composed(self.text)


def read_document(text: str) -> YamlDocument:
    """Compose and construct a document; never raises for what ``text`` holds."""
    try:
        root = _compose(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        return YamlDocument(text, None, (_syntax_problem(error),))
    constructor = _Constructor()
    data = constructor.construct(root, ()) if root is not None else None
    return YamlDocument(text, data, tuple(constructor.problems))


def _compose(text: str) -> yaml.Node | None:
    loader = yaml.CSafeLoader(text)
    try:
        return loader.get_single_node()
    finally:
        loader.dispose()


@lru_cache(maxsize=512)
def _composed(text: str) -> yaml.Node | None:
    try:
        return _compose(text)
    except (yaml.YAMLError, RecursionError, ValueError):
        return None


def _syntax_problem(error: Exception) -> Problem:
    mark = getattr(error, "problem_mark", None)
    line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
    what = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    context = f" {found}" if (found := getattr(error, "context", None)) else ""
    return Problem(
        "yaml-syntax", line, column, (), f"this is not YAML: {what}{context}", _syntax_hint(f"{what}{context}")
    )


def _syntax_hint(what: str) -> str:
    if "scanning an alias" in what:
        return 'quote a glob: "*" begins an alias in YAML'
    if "cannot start any token" in what:
        return "indent with spaces, not tabs, and quote values that begin with @ or `"
    if "control characters" in what or "unacceptable character" in what:
        return "remove the control characters"
    if "undefined alias" in what:
        return "define the anchor (&name) before the alias (*name), in the same file; a glob with * must be quoted"
    if "but found another document" in what or "expected a single document" in what:
        return "keep one document in a file: remove the line `---`"
    return "check indentation, quotes and brackets just before this place"


class _Constructor:
    """Builds data from nodes, and collects what is wrong."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self._open: set[int] = set()
        self._values = 0

    def construct(self, node: yaml.Node, path: Path) -> YamlData:
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        self._values += len(node.value)
        if len(node.value) == 1 and (variable := _unquoted_variable(node)) is not None:
            # Taken for what is meant: what is wrong with it is said here, once.
            message = f"unquoted, {variable} is two YAML mappings: braces open one"
            self._report("yaml-feature", node, path, message, f'quote it: "{variable}"')
            return variable
        if id(node) in self._open or len(path) > _MAX_DEPTH or self._values > _MAX_VALUES:
            self._report(
                "yaml-feature", node, path, "an alias that contains itself, or more nesting than an inventory has",
                "write it out",
            )  # fmt: skip
            return None
        self._open.add(id(node))
        data: YamlData = self._mapping(node, path) if isinstance(node, yaml.MappingNode) else self._sequence(node, path)
        self._open.discard(id(node))
        return data

    def _report(self, rule: str, node: yaml.Node, path: Path, message: str, hint: str) -> None:
        mark = node.start_mark
        self.problems.append(Problem(rule, mark.line + 1, mark.column + 1, path, message, hint))

    def _sequence(self, node: yaml.Node, path: Path) -> list[YamlData]:
        self._refuse_tag(node, "seq", path)
        return [self.construct(item, (*path, index)) for index, item in enumerate(node.value)]

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, YamlData]:
        self._refuse_tag(node, "map", path)
        data: dict[str, YamlData] = {}
        keys: dict[str, yaml.Node] = {}
        for key_node, value_node, merged in pairs(node):
            key = self._key(key_node, path)
            if key is None or (merged and key in keys):
                continue
            if key in keys:
                first = keys[key].start_mark
                self._report(
                    "duplicate", key_node, (*path, key), f"`{key}` stands twice, first on line {first.line + 1}",
                    "keep one of the two",
                )  # fmt: skip
                continue
            keys[key] = key_node
            data[key] = self.construct(value_node, (*path, key))
        return data

    def _key(self, node: yaml.Node, path: Path) -> str | None:
        """Return the text of a key; a number or a word like `on` that YAML would read as something else is refused."""
        if isinstance(node, yaml.ScalarNode) and node.tag in (f"{PREFIX}str", f"{PREFIX}value"):
            return str(node.value)
        if node.tag == NO_KEY:
            self._report("yaml-feature", node, path, "`<<` merges what is no mapping", "name an anchor of a mapping")
            return None
        if isinstance(node, yaml.ScalarNode) and node.tag.startswith(PREFIX) and node.tag != f"{PREFIX}merge":
            self._report(
                "yaml-feature", node, path, f"the key {node.value} is read as {_kind(node.tag)}, not as text",
                f'quote it: "{node.value}"',
            )  # fmt: skip
        else:
            self._report(
                "yaml-feature", node, path, "a key must be plain text", 'quote the key: `"{…}"` with its braces'
            )
        return None

    def _scalar(self, node: yaml.ScalarNode, path: Path) -> YamlData:
        tag = node.tag.removeprefix(PREFIX)
        if tag == "str":
            return str(node.value)
        try:
            if tag in ("null", "bool", "int", "float", "timestamp"):
                return self._bearable(_SCALARS.construct_object(node), node, path)
        except (ValueError, IndexError, KeyError, AttributeError, TypeError) as error:
            # What PyYAML's constructors raise for a text that its tag does not fit, as in `!!int ""`.
            self._report("bad-value", node, path, f"{node.value} cannot be read: {error}", "quote it if it is text")
            return None
        if tag in ("value", "merge"):
            return str(node.value)
        self._refuse_tag(node, "str", path)
        return str(node.value)

    def _bearable(self, value: YamlData, node: yaml.Node, path: Path) -> YamlData:
        if isinstance(value, int) and abs(value) >= _MAX_INTEGER:
            self._report("bad-value", node, path, "a number larger than any here", "quote it if it is text")
            return None
        return value

    def _refuse_tag(self, node: yaml.Node, expected: str, path: Path) -> None:
        if node.tag != PREFIX + expected:
            shown = node.tag.replace(PREFIX, "!!")
            self._report("yaml-feature", node, path, f"the tag {shown} is not part of the grammar", "remove the tag")


def _unquoted_variable(node: yaml.Node) -> str | None:
    """Return ``{{repository}}`` where YAML read a mapping whose only key is a mapping whose only key is a word."""
    inner = node.value[0][0] if isinstance(node, yaml.MappingNode) else None
    if not isinstance(inner, yaml.MappingNode) or len(inner.value) != 1:
        return None
    ((word, nothing),) = inner.value
    is_bare = isinstance(word, yaml.ScalarNode) and isinstance(nothing, yaml.ScalarNode) and not nothing.value
    return f"{{{{{word.value}}}}}" if is_bare else None


_SCALARS = yaml.constructor.SafeConstructor()


def _kind(tag: str) -> str:
    return {"null": "null", "bool": "true or false", "timestamp": "a date"}.get(tag.removeprefix(PREFIX), "a number")


def show_path(path: Sequence[str | int]) -> str:
    """Return ``roles.payments-deploy.trust[0].repository`` for its parts."""
    shown = ""
    for part in path:
        shown += f"[{part}]" if isinstance(part, int) else f".{part}" if shown else part
    return shown
