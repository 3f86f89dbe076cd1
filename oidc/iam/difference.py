"""Compare two policy documents statement by statement, by meaning and not by notation.

One value equals a list with only that value. The order of values and of statements means nothing
("IAM JSON policy elements reference",
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html).
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from oidc.iam.document import Document
from oidc.iam.statement import Statement, values_of

Elements = Mapping[str, tuple[str, ...]]
"""The elements of a statement, flat, each with its values as a sorted set of texts: ``{"Effect": ("Allow",),
"Principal Federated": ("arn:aws:iam::…",), "StringLike api.bitbucket.org/…:sub": ("{…}:*",)}``."""


@dataclass(frozen=True, slots=True)
class ChangedStatement:
    """A statement that both documents have, with different elements.

    Attributes:
        label: Its Sid, or ``statement 2`` by its place in the new document.
        elements: Different elements: removed values and added values, sorted.
    """

    label: str
    elements: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]


@dataclass(frozen=True, slots=True)
class DocumentDifference:
    """The differences between two policy documents.

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


def compare_documents(old: Document, new: Document) -> DocumentDifference:
    """Compare two documents.

    Statements are matched by Sid. A statement whose Sid is missing, here or in the other document, is matched by
    content: equal statements first, then those with the most common elements, at least two. A repeated statement
    counts.
    """
    before, after = elements_of(old), elements_of(new)
    pairs = _pairs(before, after)
    matched_old, matched_new = {i for i, _ in pairs}, {j for _, j in pairs}
    changed = [
        ChangedStatement(_label(after[j], j), _differing(before[i], after[j]))
        for i, j in sorted(pairs, key=lambda pair: pair[1])
        if before[i] != after[j]
    ]
    others = {
        key: (old.value(key) or "", new.value(key) or "") for key in sorted({*old.names, *new.names} - {"Statement"})
    }
    return DocumentDifference(
        changed=tuple(changed),
        removed=tuple(statement for i, statement in enumerate(before) if i not in matched_old),
        added=tuple(statement for j, statement in enumerate(after) if j not in matched_new),
        others={key: pair for key, pair in others.items() if pair[0] != pair[1]},
    )


def elements_of(document: Document) -> list[Elements]:
    """Return the statements of a document, each as its elements."""
    return [dict(_flat(statement)) for statement in document.statements]


def _flat(statement: Statement) -> Iterable[tuple[str, tuple[str, ...]]]:
    # NOTE: intentional: use the written statements, so that parts that IAM refuses show, too.
    for name, value in statement.raw.items():
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
    return tuple(sorted(set(values_of(value))))


def _differing(old: Elements, new: Elements) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    differing = {}
    for name in dict.fromkeys([*new, *old]):
        before, after = set(old.get(name, ())), set(new.get(name, ()))
        if before != after or (name in old) is not (name in new):
            differing[name] = (tuple(sorted(before - after)), tuple(sorted(after - before)))
    return differing


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
"""Common elements that make two statements one changed statement; most statements have the same ``Effect``."""


def _likeness(old: Elements, new: Elements) -> float:
    if old == new:
        return float("inf")
    return sum(new.get(name) == values for name, values in old.items())


def _by_sid(statements: Sequence[Elements]) -> dict[str, int]:
    with_sid = [(index, statement["Sid"]) for index, statement in enumerate(statements) if "Sid" in statement]
    counts = Counter(sid for _, sid in with_sid)
    return {sid[0]: index for index, sid in with_sid if counts[sid] == 1}
