"""The nodes that PyYAML composes: how many there may be, and where a path leads."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias
from weakref import WeakKeyDictionary

import yaml

from config.findings import Fault, in_text

MAX_DEPTH = 50
"""Mappings and lists inside each other; the grammar itself needs fewer than 10, a permission policy some more."""

MAX_VALUES = 500_000
"""Keys, values, mappings and lists of one file, those that aliases and merge keys repeat included: 20,000 roles."""

_UNSUSPICIOUS = 1_000
"""A text with no longer line and no more brackets cannot nest deeply enough to do harm: each level of a block is
indented by one more column, or has a dash on the same line."""


def refused_for_size(text: str) -> Fault | None:
    """Return what is too much about a document, or ``None``; never raises, and needs little memory."""
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
        pass  # composing finds it again, and reports it
    return None


def _may_nest_deeply(text: str) -> bool:
    brackets = text.count("[") + text.count("{")
    return brackets > _UNSUSPICIOUS or max(map(len, text.split("\n"))) > _UNSUSPICIOUS


def too_deep(where: yaml.Node | yaml.Event) -> Fault:
    """Return the fault of what nests too deeply, or has no end."""
    message = f"more than {MAX_DEPTH} mappings and lists inside each other, or an alias that contains itself"
    return _fault(where, message, "write it flat")


def too_many(where: yaml.Node | yaml.Event) -> Fault:
    """Return the fault of too many values, written out or repeated by aliases."""
    message = f"more than {MAX_VALUES:,} values in one file, counting each time that an alias repeats them"
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
    """Return key, value and whether a merge key (``<<``) brought them; a mapping's own keys first: they win.

    Each mapping is merged once, however often it is named: again would change nothing, and might never end. What is
    merged and is no mapping is its own key, for the reader of keys to refuse.
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
        waiting[:0] = fresh  # what an earlier one merges comes before a later one


class _NoKey(yaml.Node):
    """Stands where a key should, for something merged that has no keys."""

    def __init__(self, merged: yaml.Node) -> None:
        super().__init__(NO_KEY, merged.value, merged.start_mark, merged.end_mark)


NO_KEY = "no key"
"""The tag of what stands where a key should."""


def find_node(
    root: yaml.Node | None, path: Sequence[str | int], *, of_key: bool = False
) -> tuple[yaml.Node | None, int]:
    """Follow ``path`` from ``root``; return the deepest node found and how many parts of the path led there.

    With ``of_key`` the last part is answered by the node of the key itself, not of its value.
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
"""Of mappings in which something was looked up: a large one with many findings is not to be searched for each."""


def _by_key(node: yaml.MappingNode) -> dict[str | int, tuple[yaml.Node, yaml.Node]]:
    found = _KEYS.get(node)
    if found is None:
        found = {}
        for key, value, _ in pairs(node):
            # Of a key twice the first counts, unless it is empty: as in the data.
            if isinstance(key, yaml.ScalarNode) and (key.value not in found or found[key.value][1].tag == NULL):
                found[key.value] = (key, value)
        _KEYS[node] = found
    return found


def _child(node: yaml.Node | None, part: str | int) -> tuple[yaml.Node, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        return _by_key(node).get(part)
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part], node.value[part]
    return None
