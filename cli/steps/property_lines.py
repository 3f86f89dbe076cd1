"""One property of a resource, before and after, as lines."""

import json
from collections.abc import Iterable, Mapping, Sequence

from cli.steps.line import HIDDEN, Mark, StepLine, cut, deeper, is_secret, opened, without_secrets
from oidc.iam.difference import DocumentDifference, Elements, compare_documents, elements_of, parse_document
from sandbox.engine.steps import PropertyChange
from sandbox.engine.values import UNKNOWN

_BESIDE = 100
"""Characters of an element's name and its only value up to which the value stands on the same line."""
_SAME_MEANING = "written differently, the same in meaning"
_NO_STATEMENTS: Mapping[str, object] = {"Statement": []}


def change_lines(name: str, change: PropertyChange) -> list[StepLine]:
    """Show one change: texts as ``old → new``, lists as sets, mappings by key, policy documents by statement."""
    old, new = (None if value == UNKNOWN else value for value in (change.old, change.new))
    if UNKNOWN not in {str(change.old), str(change.new)} and not is_secret(name):
        inner = _structured(old, new)
        if inner is not None:
            return [StepLine(name), *deeper(inner or [StepLine(_SAME_MEANING)])]
    if is_secret(name):
        return [StepLine(f"{name}: changes {HIDDEN}")]
    return [StepLine(f"{name}: {shown(change.old)} → {shown(change.new)}")]


def _structured(old: object, new: object) -> list[StepLine] | None:
    documents = [parse_document(value) for value in (old, new)]
    if all(document is not None or value is None for document, value in zip(documents, (old, new), strict=True)):
        before, after = ({"Version": "", **_NO_STATEMENTS} if one is None else one for one in documents)
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
    goes = [value for value in old if value not in new]
    comes = [value for value in new if value not in old]
    before, after = sorted(map(shown, goes)), sorted(map(shown, comes))
    if before == after and before:
        return [StepLine(f"{text}: a hidden value changes", mark=Mark.CHANGES) for text in after]
    return [*_marked(before, Mark.GOES), *_marked(after, Mark.COMES)]


def _mapping(old: Mapping[str, object], new: Mapping[str, object]) -> list[StepLine]:
    lines: list[StepLine] = []
    for key in sorted({*old, *new}):
        if key not in new:
            lines.append(StepLine(f"{key} = {_entry(key, old[key])}", mark=Mark.GOES))
        elif key not in old:
            lines.append(StepLine(f"{key} = {_entry(key, new[key])}", mark=Mark.COMES))
        elif old[key] != new[key]:
            lines.append(StepLine(f"{key}: {_entry(key, old[key])} → {_entry(key, new[key])}", mark=Mark.CHANGES))
    return lines


def _entry(key: str, value: object) -> str:
    return HIDDEN if is_secret(key) else shown(value)


def _marked(texts: Iterable[str], mark: Mark) -> list[StepLine]:
    return [StepLine(text, mark=mark) for text in texts]


def _document(difference: DocumentDifference) -> list[StepLine]:
    lines: list[StepLine] = []
    for changed in difference.changed:
        lines.append(StepLine(changed.label, mark=Mark.CHANGES))
        for name, (goes, comes) in changed.elements.items():
            marked = [*_values(name, goes, Mark.GOES), *_values(name, comes, Mark.COMES)]
            lines += deeper([StepLine(name), *deeper(marked)])
    for statement in difference.removed:
        lines += statement_lines(statement, Mark.GOES)
    for statement in difference.added:
        lines += statement_lines(statement, Mark.COMES)
    for name, (before, after) in difference.others.items():
        if before and after:
            lines.append(StepLine(f"{name}: {before} → {after}", mark=Mark.CHANGES))
    return lines


def _values(name: str, values: Sequence[str], mark: Mark) -> list[StepLine]:
    return _marked([HIDDEN] if is_secret(name) and values else [cut(value) or '""' for value in values], mark)


def statement_lines(statement: Elements, mark: Mark) -> list[StepLine]:
    """Show a whole statement: what it does on the first line, then its elements, several values one per line."""
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
    """Show a property of a resource that comes, in short; nothing for a text or a mapping that is empty."""
    if is_secret(name):
        return [StepLine(f"{name}: {HIDDEN}")]
    document = parse_document(value)
    if document is not None:
        statements = [line for one in elements_of(document) for line in statement_lines(one, Mark.NONE)]
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
