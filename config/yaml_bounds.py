"""How large a YAML document may be, looked at before anything is built from it.

PyYAML composes nested nodes by recursion in C, without a limit: tens of thousands of brackets end the process. It
builds objects of about 300 bytes for each value, too. Its events come one by one, so counting them costs neither.
"""

import yaml

from config.yaml_problem import Problem

MAX_DEPTH = 50
"""Mappings and lists inside each other; the grammar itself needs fewer than 10, a permission policy some more."""

MAX_VALUES = 500_000
"""Keys, values, mappings and lists of one file, those that aliases and merge keys repeat included: 20,000 roles."""

_UNSUSPICIOUS = 1_000
"""A text with no longer line and no more brackets cannot nest deeply enough to do harm: each level of a block is
indented by one more column, or has a dash on the same line."""


def refused_for_size(text: str) -> Problem | None:
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


def too_deep(where: yaml.Node | yaml.Event) -> Problem:
    """Return the problem of what nests too deeply, or has no end."""
    message = f"more than {MAX_DEPTH} mappings and lists inside each other, or an alias that contains itself"
    return _problem(where, message, "write it flat")


def too_many(where: yaml.Node | yaml.Event) -> Problem:
    """Return the problem of too many values, written out or repeated by aliases."""
    message = f"more than {MAX_VALUES:,} values in one file, counting each time that an alias repeats them"
    return _problem(where, message, "split the file, or use fewer aliases")


def _problem(where: yaml.Node | yaml.Event, message: str, hint: str) -> Problem:
    mark = where.start_mark
    line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
    return Problem("yaml-feature", line, column, (), message, hint)
