"""The properties of a step as lines: changes of values, lists and policies, with secrets hidden."""

import json
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from config.findings import one_line
from fleet.pulumi_cli.steps import PropertyChange, opened
from oidc.iam.difference import DocumentDifference, Elements, compare_documents, elements_of
from oidc.iam.document import parse, parse_text
from sandbox.engine.values import UNKNOWN

HIDDEN = "(hidden)"

_SECRET_NAMES = frozenset({"externalid", "accesskey", "secretkey", "token", "password"})


def is_secret(name: str) -> bool:
    """Tell whether a property, or a condition on a key such as ``StringEquals sts:ExternalId``, holds a secret."""
    return name.rpartition(" ")[2].rpartition(":")[2].lower().replace("_", "") in _SECRET_NAMES


def without_secrets(value: object) -> object:
    """Return a value with its secrets hidden, at any depth, also inside JSON texts."""
    if isinstance(value, Mapping):
        return {key: HIDDEN if is_secret(str(key)) else without_secrets(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [without_secrets(entry) for entry in value]
    structured = opened(value)
    if structured is value:
        return value
    return json.dumps(without_secrets(structured), ensure_ascii=False)


LONGEST = 1000
"""Characters of a value that are shown: the longest description of IAM has as many."""

_INDENT = 2


class Mark(StrEnum):
    """The mark at the beginning of a line."""

    NONE = ""
    ADDED = "+"
    REMOVED = "-"
    CHANGED = "~"
    REPLACED = "±"


@dataclass(frozen=True, slots=True)
class StepLine:
    """One line.

    Attributes:
        text: The text without indentation and mark.
        depth: The depth of its indentation, from 0.
        mark: The mark, which also decides the colour on a terminal.
        title: Whether the line begins a new group.
    """

    text: str
    depth: int = 0
    mark: Mark = Mark.NONE
    title: bool = False

    def folded(self, width: int | None) -> str:
        """Return the line with indentation and mark, folded at ``width`` columns; ``None``: not folded.

        Control characters are escaped.
        """
        head = " " * (self.depth * _INDENT) + (f"{self.mark} " if self.mark else "")
        text = one_line(self.text)
        if width is None or len(head) + len(text) <= width:
            return head + text
        columns = max(width, len(head) + 20)
        return "\n".join(
            textwrap.wrap(
                text,
                columns,
                initial_indent=head,
                subsequent_indent=" " * (len(head) + _INDENT),
                break_on_hyphens=False,
            )
        )


def cut(value: str) -> str:
    """Cut a value after ``LONGEST`` characters, and say how many are left out."""
    return value if len(value) <= LONGEST else f"{value[:LONGEST]}… ({len(value) - LONGEST} characters more)"


def deeper(lines: Iterable[StepLine], by: int = 1) -> list[StepLine]:
    """Return lines with more indentation."""
    return [StepLine(line.text, line.depth + by, line.mark, line.title) for line in lines]


_BESIDE = 100
"""Longest name and value of a policy element, together, that share one line."""
_SAME_MEANING = "different text, same meaning"
_NO_STATEMENTS = parse({"Version": "", "Statement": []})


def change_lines(name: str, change: PropertyChange) -> list[StepLine]:
    """Show one change: texts as ``old → new``, lists as sets, mappings by key, policy documents by statement."""
    old, new = (None if value == UNKNOWN else value for value in (change.old, change.new))
    if UNKNOWN not in {str(change.old), str(change.new)} and not is_secret(name):
        lines = _structured(old, new)
        if lines is not None:
            return [StepLine(name), *deeper(lines or [StepLine(_SAME_MEANING)])]
    if is_secret(name):
        return [StepLine(f"{name}: changes {HIDDEN}")]
    return [StepLine(f"{name}: {shown(change.old)} → {shown(change.new)}")]


def _structured(old: object, new: object) -> list[StepLine] | None:
    documents = [parse_text(value) for value in (old, new)]
    if all(document is not None or value is None for document, value in zip(documents, (old, new), strict=True)):
        before, after = (_NO_STATEMENTS if document is None else document for document in documents)
        return _document(compare_documents(before, after)) if any(documents) else None
    before_value, after_value = opened(old), opened(new)
    kinds = {type(value) for value in (before_value, after_value) if value is not None}
    if kinds == {list}:
        return _set(_items(before_value), _items(after_value))
    if kinds == {dict}:
        return _mapping(_entries(before_value), _entries(after_value))
    return None


def _items(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _entries(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _set(old: Sequence[object], new: Sequence[object]) -> list[StepLine]:
    before = sorted(shown(value) for value in old if value not in new)
    after = sorted(shown(value) for value in new if value not in old)
    if before == after and before:
        return [StepLine(f"{text}: a hidden value changes", mark=Mark.CHANGED) for text in after]
    return [*_marked(before, Mark.REMOVED), *_marked(after, Mark.ADDED)]


def _mapping(old: Mapping[str, object], new: Mapping[str, object]) -> list[StepLine]:
    lines: list[StepLine] = []
    for key in sorted({*old, *new}):
        if key not in new:
            lines.append(StepLine(f"{key} = {_entry(key, old[key])}", mark=Mark.REMOVED))
        elif key not in old:
            lines.append(StepLine(f"{key} = {_entry(key, new[key])}", mark=Mark.ADDED))
        elif old[key] != new[key]:
            lines.append(StepLine(f"{key}: {_entry(key, old[key])} → {_entry(key, new[key])}", mark=Mark.CHANGED))
    return lines


def _entry(key: str, value: object) -> str:
    return HIDDEN if is_secret(key) else shown(value)


def _marked(texts: Iterable[str], mark: Mark) -> list[StepLine]:
    return [StepLine(text, mark=mark) for text in texts]


def _document(difference: DocumentDifference) -> list[StepLine]:
    lines: list[StepLine] = []
    for changed in difference.changed:
        lines.append(StepLine(changed.label, mark=Mark.CHANGED))
        for name, (removed, added) in changed.elements.items():
            marked = [*_values(name, removed, Mark.REMOVED), *_values(name, added, Mark.ADDED)]
            lines += deeper([StepLine(name), *deeper(marked)])
    for statement in difference.removed:
        lines += statement_lines(statement, Mark.REMOVED)
    for statement in difference.added:
        lines += statement_lines(statement, Mark.ADDED)
    for name, (before, after) in difference.others.items():
        if before and after:
            lines.append(StepLine(f"{name}: {before} → {after}", mark=Mark.CHANGED))
    return lines


def _values(name: str, values: Sequence[str], mark: Mark) -> list[StepLine]:
    return _marked([HIDDEN] if is_secret(name) and values else [cut(value) or '""' for value in values], mark)


def statement_lines(statement: Elements, mark: Mark) -> list[StepLine]:
    """Show a whole statement: its effect on the first line, then its elements, several values one per line."""
    sid = "".join(statement.get("Sid", ()))
    effect = ", ".join(statement.get("Effect", ("no Effect",)))
    lines = [StepLine(f"{sid}: {effect}" if sid else effect, mark=mark)]
    for name, values in statement.items():
        if name in {"Sid", "Effect"}:
            continue
        texts = [HIDDEN] if is_secret(name) else [cut(value) or '""' for value in values]
        if len(texts) == 1 and len(name) + len(texts[0]) <= _BESIDE:
            lines.append(StepLine(f"{name}: {texts[0]}", 2))
        else:
            lines += [StepLine(name, 2), *(StepLine(text, 3) for text in texts)]
    return lines


def value_lines(name: str, value: object) -> list[StepLine]:
    """Show a property of a new resource; nothing for an empty text or mapping."""
    if is_secret(name):
        return [StepLine(f"{name}: {HIDDEN}")]
    document = parse_text(value)
    if document is not None:
        statements = [line for elements in elements_of(document) for line in statement_lines(elements, Mark.NONE)]
        return [StepLine(name), *deeper(statements)]
    value = opened(value)
    if isinstance(value, dict) and value:
        return [StepLine(f"{name}: {', '.join(f'{key} = {_entry(key, value[key])}' for key in sorted(value))}")]
    if isinstance(value, list) and len(value) > 1:
        return [StepLine(name), *deeper(_marked(sorted(map(shown, value)), Mark.NONE))]
    if isinstance(value, list) and value:
        value = value[0]
    if value == []:
        return [StepLine(f"{name}: (none)")]
    return [] if value in (None, "", {}) else [StepLine(f"{name}: {shown(value)}")]


def shown(value: object) -> str:
    """Show a value on one line, its secrets hidden."""
    if value is None:
        return "(none)"
    if value == UNKNOWN:
        return "(known after up)"
    value = without_secrets(value)
    if not isinstance(value, str):
        return cut(json.dumps(value, ensure_ascii=False, sort_keys=True))
    return cut(value if value and value == value.strip() else json.dumps(value, ensure_ascii=False))
