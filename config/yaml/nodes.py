"""The nodes that PyYAML composes: limit their number, and follow paths through them."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias
from weakref import WeakKeyDictionary

import yaml

from config.findings import Fault, in_text

MAX_DEPTH = 50
"""Levels of nested mappings and lists. The grammar needs fewer than 10, a permission policy some more."""

MAX_VALUES = 500_000
"""Keys, values, mappings and lists of one file, those that aliases and merge keys repeat included: 20,000 roles."""

_UNSUSPICIOUS = 1_000
"""A text with no longer line and no more brackets cannot nest deeply enough to do harm: each level of a block is
indented by one more column, or has a dash on the same line."""


def refused_for_size(text: str) -> Fault | None:
    """Return the limit that a document exceeds, or ``None``; never raise, and use little memory."""
    if len(text) <= MAX_VALUES and not _may_nest_deeply(text):
        return None
    depth = values = 0
    try:
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            values += isinstance(event, yaml.NodeEvent)
            if depth > MAX_DEPTH:
                return too_deep(event)
            if values > MAX_VALUES:
                return too_many(event)
    except (yaml.YAMLError, ValueError):
        pass  # composing raises it again, and reports it
    return None


def _may_nest_deeply(text: str) -> bool:
    brackets = text.count("[") + text.count("{")
    return brackets > _UNSUSPICIOUS or max(map(len, text.split("\n"))) > _UNSUSPICIOUS


def too_deep(where: yaml.Node | yaml.Event) -> Fault:
    """Return the fault of a document that nests too deeply or without end."""
    message = f"more than {MAX_DEPTH} mappings and lists inside each other, or an alias that contains itself"
    return _fault(where, message, "write it flat")


def too_many(where: yaml.Node | yaml.Event) -> Fault:
    """Return the fault of a document with too many values, written or repeated by aliases."""
    message = f"more than {MAX_VALUES:,} values in one file, counting every repetition by an alias"
    return _fault(where, message, "split the file, or use fewer aliases")


def _fault(where: yaml.Node | yaml.Event, message: str, hint: str) -> Fault:
    mark = where.start_mark
    line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
    return in_text("yaml-feature", (line, column), message, hint)


PREFIX = "tag:yaml.org,2002:"
"""Of the tags of YAML's own types (https://yaml.org/type/)."""

NULL = f"{PREFIX}null"
"""The tag of no value."""

MERGE = f"{PREFIX}merge"
"""The tag of a merge key, ``<<``."""


Pair: TypeAlias = tuple[yaml.Node, yaml.Node, bool]
"""Key, value, and whether a merge key brought them."""


def pairs(node: yaml.MappingNode) -> Iterable[Pair]:
    """Return key, value and whether a merge key (``<<``) brought them; a mapping's own keys first, as they win.

    Each mapping is merged once, even if it is named often: a second time changes nothing, and might never end. If a
    merged node is not a mapping, it is returned as its own key, and the reader of keys refuses it.
    """
    if MERGE not in [key.tag for key, _ in node.value]:
        return [(key, value, False) for key, value in node.value]
    return _merged_pairs(node)


def _merged_pairs(node: yaml.MappingNode) -> Iterator[Pair]:
    seen = {id(node)}
    waiting = [node]
    while waiting:
        current = waiting.pop(0)
        merges: list[yaml.Node] = []
        for key, value in current.value:
            if key.tag == MERGE:
                merges += value.value if isinstance(value, yaml.SequenceNode) else [value]
            else:
                yield key, value, current is not node
        fresh = [merged for merged in merges if isinstance(merged, yaml.MappingNode) and id(merged) not in seen]
        yield from ((_NoKey(merged), merged, True) for merged in merges if not isinstance(merged, yaml.MappingNode))
        seen.update(map(id, fresh))
        waiting[:0] = fresh  # the merges of an earlier mapping come before a later mapping


class _NoKey(yaml.Node):
    """The key of a merged node that has no keys."""

    def __init__(self, merged: yaml.Node) -> None:
        super().__init__(NO_KEY, merged.value, merged.start_mark, merged.end_mark)


NO_KEY = "no key"
"""The tag of a node in place of a key."""


def find_node(
    root: yaml.Node | None, path: Sequence[str | int], *, of_key: bool = False
) -> tuple[yaml.Node | None, int]:
    """Follow ``path`` from ``root``; return the deepest node found and how many parts of the path led there.

    With ``of_key``, the node for the last part is the key, not its value.
    """
    node, depth = root, 0
    for part in path:
        step = _child(node, part)
        if step is None:
            break
        depth += 1
        node = step[0] if of_key and depth == len(path) else step[1]
    return node, depth


_KEYS: WeakKeyDictionary[yaml.MappingNode, dict[str | int, tuple[yaml.Node, yaml.Node]]] = WeakKeyDictionary()
"""The pairs of mappings by key: a large mapping with many findings is searched only once."""


def _by_key(node: yaml.MappingNode) -> dict[str | int, tuple[yaml.Node, yaml.Node]]:
    by_key = _KEYS.get(node)
    if by_key is None:
        by_key = {}
        for key, value, _ in pairs(node):
            # As in the data: of a duplicate key, the first counts, unless it is empty.
            if isinstance(key, yaml.ScalarNode) and (key.value not in by_key or by_key[key.value][1].tag == NULL):
                by_key[key.value] = (key, value)
        _KEYS[node] = by_key
    return by_key


def _child(node: yaml.Node | None, part: str | int) -> tuple[yaml.Node, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        return _by_key(node).get(part)
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part], node.value[part]
    return None
