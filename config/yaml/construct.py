"""Build plain data from the nodes that PyYAML composes.

Aliases and merge keys work as YAML defines them. Tags do not: they make objects, and the inventory has no objects.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any, TypeAlias

import yaml

from config.findings import Fault, Path, in_text
from config.yaml.characters import as_it_looks, instead_of, name_of, unseen
from config.yaml.nodes import MAX_DEPTH, MAX_VALUES, MERGE, NO_KEY, NULL, PREFIX, pairs, too_deep, too_many

YamlData: TypeAlias = "dict[str, Any] | list[Any] | str | int | float | bool | date | None"

_SCALAR = yaml.ScalarNode
_TEXT = f"{PREFIX}str"
_MAX_INTEGER = 2**63
_OCTAL = re.compile("(?![0-9]{12}$)[-+]?0[0-7_]+")
"""Twelve digits are an account id; the rule about account ids reports them."""
_GLUED = re.compile(r"([a-z_]+):([\"'].*|[0-9{\[].*)", re.DOTALL)
"""A key and its value without a space between: inside braces, YAML reads one key without a value."""
_ENTRIES_AT = (len(("roles", "deploy")), len(("workspaces", "acme", "repositories", "shop")))
"""The lengths of the paths of entries. Entries are mappings of keys, not of names."""
_MAX_PROBLEMS = 1_000
"""The most problems reported for one document; nobody corrects more at once."""
_TAG_HINT = "remove it, or quote the value if it begins with `!`"


class Hopeless(Exception):  # noqa: N818 - ends the construction, and is caught beside it
    """The document is too large, or its content is not as it looks. Its last problem says which."""


class Constructor:
    """Builds data from nodes, and collects problems."""

    def __init__(self) -> None:
        self.problems: list[Fault] = []
        self._open: set[int] = set()
        self._values = 0

    def construct(self, node: yaml.Node, path: Path) -> YamlData:
        """Return the data of a node; raise ``Hopeless`` if the rest is not worth reading."""
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        self._values += len(node.value)
        if len(node.value) == 1 and (variable := _unquoted_variable(node)) is not None:
            # Read as the value that was meant; the problem is reported here, once.
            message = f"YAML reads unquoted {variable} as two mappings, because of its braces"
            self._report("yaml-feature", node, path, message, f'quote it: "{variable}"')
            return variable
        if id(node) in self._open:
            self._report("yaml-feature", node, path, "an alias that contains itself", "write it out")
            return None
        self._refuse_too_much(node, path)
        self._open.add(id(node))
        data: YamlData = self._mapping(node, path) if isinstance(node, yaml.MappingNode) else self._sequence(node, path)
        self._open.discard(id(node))
        return data

    def _refuse_too_much(self, node: yaml.Node, path: Path) -> None:
        """Aliases repeat their anchors: a small text may expand beyond any memory."""
        if len(path) > MAX_DEPTH or self._values > MAX_VALUES:
            too_much = too_deep if len(path) > MAX_DEPTH else too_many
            self.problems.append(too_much(node))
            raise Hopeless

    def _report(self, rule: str, node: yaml.Node, path: Path, message: str, hint: str) -> None:
        mark = node.start_mark
        if len(self.problems) < _MAX_PROBLEMS:
            self.problems.append(in_text(rule, (mark.line + 1, mark.column + 1), message, hint, path))

    def _sequence(self, node: yaml.Node, path: Path) -> list[YamlData]:
        self._refuse_tag(node, "seq", path)
        return [
            item.value if item.tag == _TEXT and type(item) is _SCALAR else self.construct(item, (*path, index))
            for index, item in enumerate(node.value)
        ]

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, YamlData] | None:
        self._refuse_tag(node, "map", path)
        data: dict[str, YamlData] = {}
        keys: dict[str, yaml.Node] = {}
        if node.flow_style and node.value and isinstance(node.value[0][0], yaml.MappingNode):
            hint = 'quote the whole value: "{{…}} …"'
            self._report("yaml-feature", node, path, "YAML reads a value that begins with `{{` as a mapping", hint)
            return None
        run: list[str] = []
        told, in_entries = False, len(path) in _ENTRIES_AT
        for key_node, value_node, merged in pairs(node):
            if merged:
                if not told:
                    told = True
                    self._refuse_merging_twice(node, path)
                self._values += 1
                self._refuse_too_much(node, path)
            # Nearly every key needs no further check.
            is_plain = type(key_node) is _SCALAR and key_node.tag == _TEXT and key_node.value.isascii()
            key = key_node.value if is_plain else self._key(key_node, path)
            if value_node.tag == NULL and key is not None and (glued := _GLUED.fullmatch(key)):
                key = glued[1]
                hint = f"write `{key}: …`"
                self._report("yaml-feature", key_node, (*path, key), "a colon without a space after it", hint)
                data[key] = glued[2].strip("\"'")
                continue
            if key is None or (merged and key in keys):
                continue
            if key in keys:
                run.append(key)
                self._report_twice(key_node, keys[key], path, run)
                if data.get(key) is not None or value_node.tag == NULL:
                    continue
                # If one of the two is empty, the other one was meant.
            run = run if in_entries else []
            keys[key] = key_node
            is_text = value_node.tag == _TEXT and type(value_node) is _SCALAR
            data[key] = value_node.value if is_text else self.construct(value_node, (*path, key))
        return data

    def _refuse_merging_twice(self, node: yaml.MappingNode, path: Path) -> None:
        """Report a second `<<`: YAML readers disagree on which of the two mappings wins."""
        first, *others = [key for key, _ in node.value if key.tag == MERGE]
        for again in others:
            message = f"`<<` appears twice, first on line {first.start_mark.line + 1}"
            self._report("duplicate", again, (*path, "<<"), message, "merge several by one: `<<: [*one, *other]`")

    def _report_twice(self, node: yaml.Node, first: yaml.Node, path: Path, run: list[str]) -> None:
        """Report a duplicate key. Several in a row, or in an entry, are reported once: the name above them is missing.

        Args:
            node: The key.
            first: Its first place.
            path: Of the mapping.
            run: The duplicate keys, this one last.
        """
        message = f"`{run[0]}` appears twice, first on line {first.start_mark.line + 1}"
        if len(run) == 1:
            self._report("duplicate", node, (*path, run[0]), message, "keep one of the two")
        elif len(run) == len(("one", "another")) and self.problems[-1].rule == "duplicate":
            hint = f"keep one of each, here and of `{run[1]}` below; or write the name that is missing above them"
            self.problems[-1] = replace(self.problems[-1], hint=hint, hides=True)

    def _key(self, node: yaml.Node, path: Path) -> str | None:
        """Return the text of a key; report a number, or a word like `on`, that YAML would read as something else.

        A reported key is still read as its text, so that the values under it are not reported as missing elsewhere.
        """
        if not isinstance(node, yaml.ScalarNode):
            what = "`<<` merges something else than a mapping" if node.tag == NO_KEY else "a key must be plain text"
            hint = "name an anchor of a mapping" if node.tag == NO_KEY else 'quote the key: `"{…}"` with its braces'
            self._report("yaml-feature", node, path, what, hint)
            return None
        text = str(node.value)
        if node.tag in (_TEXT, f"{PREFIX}value", MERGE):
            return text if text.isascii() else self._visible(text, node, path)
        if node.tag in _KINDS:
            what = f"the key {text} is read as {_KINDS[node.tag]}, not as text" if text else "a key is missing here"
            self._report("yaml-feature", node, path, what, f'quote it: "{text}"' if text else "write KEY: VALUE")
            return text
        self._report("yaml-feature", node, path, "a key must be plain text", f'quote the key, without a tag: "{text}"')
        return text

    def _visible(self, key: str, node: yaml.Node, path: Path) -> str:
        """Return a key without invisible characters; report them."""
        match = unseen(key)
        if match is None:
            return key
        what = f"YAML reads {name_of(match[0])} as a part of the key"
        self._report("yaml-feature", node, path, what, instead_of(match[0]))
        plain = as_it_looks(key)
        if plain.startswith(" "):
            # Such a character in the indentation: nothing below is where it seems to be.
            self.problems = self.problems[-1:]
            raise Hopeless
        return plain.strip()

    def _scalar(self, node: yaml.ScalarNode, path: Path) -> YamlData:
        tag, text = node.tag, str(node.value)
        if tag == _TEXT:
            return text
        if tag in _NUMBERS and (what := _read_differently(text)) is not None:
            self._report("yaml-feature", node, path, what, "quote it if it is text, else write the number plainly")
            return None
        try:
            if tag in _SCALARS:
                return self._bearable(_SCALARS[tag](node), node, path)
        except (ArithmeticError, ValueError, IndexError, KeyError, AttributeError, TypeError):
            # PyYAML's constructors raise these if a text does not fit its tag, as in `!!int ""`.
            kind = "day or time of the calendar" if tag == f"{PREFIX}timestamp" else tag.removeprefix(PREFIX)
            message = f"`{text}` is not a valid {kind}"
            self._report("bad-value", node, path, message, "write one, or quote it if it is text")
            return None
        if tag not in (f"{PREFIX}value", MERGE):
            self._refuse_tag(node, "str", path)
        return text

    def _bearable(self, value: YamlData, node: yaml.ScalarNode, path: Path) -> YamlData:
        if isinstance(value, int) and abs(value) >= _MAX_INTEGER:
            self._report("bad-value", node, path, "this number is too large", "quote it if it is text")
            return None
        return value

    def _refuse_tag(self, node: yaml.Node, expected: str, path: Path) -> None:
        if node.tag != PREFIX + expected:
            shown = node.tag.replace(PREFIX, "!!")
            self._report("yaml-feature", node, path, f"the YAML tag {shown} is not supported", _TAG_HINT)


def _unquoted_variable(node: yaml.Node) -> str | None:
    """Return ``{{repository}}`` if YAML read a mapping whose only key is a mapping whose only key is a word."""
    inner = node.value[0][0] if isinstance(node, yaml.MappingNode) else None
    if not isinstance(inner, yaml.MappingNode) or len(inner.value) != 1:
        return None
    ((word, nothing),) = inner.value
    is_bare = isinstance(word, yaml.ScalarNode) and isinstance(nothing, yaml.ScalarNode) and not nothing.value
    return f"{{{{{word.value}}}}}" if is_bare else None


_BUILD = yaml.constructor.SafeConstructor()


_SCALARS: dict[str, Callable[[yaml.ScalarNode], Any]] = {
    f"{PREFIX}null": lambda _node: None,
    f"{PREFIX}bool": _BUILD.construct_yaml_bool,
    f"{PREFIX}int": _BUILD.construct_yaml_int,
    f"{PREFIX}float": _BUILD.construct_yaml_float,
    f"{PREFIX}timestamp": _BUILD.construct_yaml_timestamp,
}
_NUMBERS = frozenset({f"{PREFIX}int", f"{PREFIX}float"})
_KINDS = {
    f"{PREFIX}null": "null", f"{PREFIX}bool": "true or false", f"{PREFIX}timestamp": "a date",
    f"{PREFIX}int": "a number", f"{PREFIX}float": "a number",
}  # fmt: skip
"""The type that YAML gives a text without quotes, in words."""


def _read_differently(number: str) -> str | None:
    """Return why YAML 1.1 reads a number differently from YAML 1.2 and most readers; or ``None``."""
    if ":" in number:
        return f"some readers of YAML take {number} as a number in base 60, others as text"
    if _OCTAL.fullmatch(number):
        return f"some readers of YAML take {number} as octal, since it begins with 0, others as decimal"
    return None
