"""Comparing two policy documents statement by statement, by what they mean and not by how they are written.

One value is the same as a list with that value alone, and the order of values and of statements means nothing
("IAM JSON policy elements reference",
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html).
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Elements = Mapping[str, tuple[str, ...]]
"""The elements of a statement, flat, each with its values as a sorted set of texts: ``{"Effect": ("Allow",),
"Principal Federated": ("arn:aws:iam::…",), "StringLike api.bitbucket.org/…:sub": ("{…}:*",)}``."""


@dataclass(frozen=True, slots=True)
class ChangedStatement:
    """A statement that both documents have, with different elements.

    Attributes:
        label: What to call it: its Sid, or ``statement 2`` by its place in the new document.
        elements: Those that differ: the values that go and the values that come, sorted.
    """

    label: str
    elements: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]


@dataclass(frozen=True, slots=True)
class DocumentDifference:
    """What differs between two policy documents.

    Attributes:
        changed: Statements that both have, in the order of the new document.
        removed: Statements that only the old one has.
        added: Statements that only the new one has.
        others: Elements beside the statements, such as ``Version``: old and new text, empty where absent.
    """

    changed: tuple[ChangedStatement, ...] = ()
    removed: tuple[Elements, ...] = ()
    added: tuple[Elements, ...] = ()
    others: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.changed or self.removed or self.added or self.others)


def parse_document(text: object) -> dict[str, Any] | None:
    """Read a JSON text as a policy document; ``None`` where it is none: no JSON, no object, no sound ``Statement``."""
    if not isinstance(text, str):
        return None
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict) or "Statement" not in document:
        return None
    return document if all(isinstance(one, dict) for one in _statements(document)) else None


def compare_documents(old: Mapping[str, Any], new: Mapping[str, Any]) -> DocumentDifference:
    """Compare two documents that ``parse_document`` gave.

    Statements are matched by Sid; those without, or whose Sid the other document does not have, by their content: the
    same ones first, then those that have the most elements in common, at least two. A repeated statement counts.
    """
    before, after = elements_of(old), elements_of(new)
    pairs = _pairs(before, after)
    matched_old, matched_new = {i for i, _ in pairs}, {j for _, j in pairs}
    changed = [
        ChangedStatement(_label(after[j], j), _differing(before[i], after[j]))
        for i, j in sorted(pairs, key=lambda pair: pair[1])
        if before[i] != after[j]
    ]
    others = {key: (_text(old, key), _text(new, key)) for key in sorted((old.keys() | new.keys()) - {"Statement"})}
    return DocumentDifference(
        changed=tuple(changed),
        removed=tuple(one for i, one in enumerate(before) if i not in matched_old),
        added=tuple(one for j, one in enumerate(after) if j not in matched_new),
        others={key: pair for key, pair in others.items() if pair[0] != pair[1]},
    )


def elements_of(document: Mapping[str, Any]) -> list[Elements]:
    """Return the statements of a document, each as its elements."""
    return [dict(_flat(one)) for one in _statements(document)]


def _statements(document: Mapping[str, Any]) -> list[Any]:
    found = document["Statement"]
    return found if isinstance(found, list) else [found]


def _flat(statement: Mapping[str, Any]) -> Iterable[tuple[str, tuple[str, ...]]]:
    for name, value in statement.items():
        if name == "Condition" and isinstance(value, Mapping):
            for operator, keys in value.items():
                if isinstance(keys, Mapping):
                    yield from ((f"{operator} {key}", _set(values)) for key, values in keys.items())
                else:
                    yield f"Condition {operator}", _set(keys)
        elif name in {"Principal", "NotPrincipal"} and isinstance(value, Mapping):
            yield from ((f"{name} {kind}", _set(values)) for kind, values in value.items())
        else:
            yield name, _set(value)


def _set(value: object) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    # A condition value may be written as a boolean or a number; IAM reads each as its text.
    return tuple(sorted({one if isinstance(one, str) else json.dumps(one, sort_keys=True) for one in values}))


def _text(document: Mapping[str, Any], key: str) -> str:
    return ", ".join(_set(document[key])) if key in document else ""


def _differing(old: Elements, new: Elements) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    found = {}
    for name in dict.fromkeys([*new, *old]):
        before, after = set(old.get(name, ())), set(new.get(name, ()))
        if before != after or (name in old) is not (name in new):
            found[name] = (tuple(sorted(before - after)), tuple(sorted(after - before)))
    return found


def _label(statement: Elements, position: int) -> str:
    return statement.get("Sid", (f"statement {position + 1}",))[0]


def _pairs(before: Sequence[Elements], after: Sequence[Elements]) -> list[tuple[int, int]]:
    left, right = set(range(len(before))), set(range(len(after)))
    pairs: list[tuple[int, int]] = []

    def take(i: int, j: int) -> None:
        if i in left and j in right:
            pairs.append((i, j))
            left.discard(i)
            right.discard(j)

    old_sids, new_sids = _by_sid(before), _by_sid(after)
    for sid, i in old_sids.items():
        if sid in new_sids:
            take(i, new_sids[sid])
    scored = sorted(
        (-_likeness(before[i], after[j]), i, j)
        for i in left
        for j in right
        if before[i] == after[j] or _likeness(before[i], after[j]) >= _ENOUGH
    )
    for _, i, j in scored:
        take(i, j)
    return pairs


_ENOUGH = 2
"""Elements in common from which two statements are shown as one that changed; ``Effect`` alone is the same in most."""


def _likeness(one: Elements, other: Elements) -> float:
    if one == other:
        return float("inf")
    return sum(other.get(name) == values for name, values in one.items())


def _by_sid(statements: Sequence[Elements]) -> dict[str, int]:
    counts = Counter(one["Sid"] for one in statements if "Sid" in one)
    return {one["Sid"][0]: at for at, one in enumerate(statements) if "Sid" in one and counts[one["Sid"]] == 1}
