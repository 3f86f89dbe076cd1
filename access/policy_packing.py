"""Split statements of any length and pack them into documents that fit AWS's limits."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any

from oidc.iam.document import PolicyDocument
from oidc.iam.trust_policy import POLICY_VERSION

_CHUNK_CHARS = 1200
"""One statement has at most this many characters of resources, and of each condition, so any statement fits alone."""

Statement = Mapping[str, Any]
Condition = tuple[str, str, Iterable[str]]
"""Operator, key, values: ``("StringEquals", "iam:PermissionsBoundary", ["arn:…"])``."""


def packed(unpacked: Iterable[Statement], chars: int) -> tuple[PolicyDocument, ...]:
    """Return documents of at most ``chars`` characters that hold the statements, in their order."""
    documents: list[list[Statement]] = []
    for statement in unpacked:
        if documents and _document([*documents[-1], statement]).size <= chars:
            documents[-1].append(statement)
        else:
            documents.append([statement])
    return tuple(map(_document, documents))


def _document(content: Sequence[Statement]) -> PolicyDocument:
    return PolicyDocument.of({"Version": POLICY_VERSION, "Statement": list(content)})


def statements(
    effect: str, sid: str, actions: Iterable[str], resources: Iterable[str], *conditions: Condition
) -> Iterator[Statement]:
    """Yield one statement, or several equal to it if it would be too long; none without values.

    Every condition must hold for one of its values; ``denials`` handles negated conditions.
    """
    parts = [_chunks(resources), *(_chunks(values) for _, _, values in conditions)]
    combined = list(product(*parts))
    for number, (some, *values) in enumerate(combined, 1):
        condition: dict[str, dict[str, Any]] = {}
        for (operator, key, _), chosen in zip(conditions, values, strict=True):
            condition.setdefault(operator, {})[key] = chosen
        yield _statement(_numbered(sid, number, combined), effect, actions, some, condition)


def denials(sid: str, actions: Iterable[str], resources: Iterable[str], unless: Condition) -> Iterator[Statement]:
    """Yield Deny statements with an exception by a negated operator, whose values stay in one statement.

    Two statements, each with a part of the values, would deny everything.
    """
    operator, key, values = unless
    chunks = _chunks(resources)
    for number, some in enumerate(chunks, 1):
        condition = {operator: {key: sorted(set(values))}}
        yield _statement(_numbered(sid, number, chunks), "Deny", actions, some, condition)


def _numbered(sid: str, number: int, of: Sequence[object]) -> str:
    return sid if len(of) == 1 else f"{sid}{number}"


def _statement(
    sid: str, effect: str, actions: Iterable[str], resources: Sequence[str], condition: Mapping[str, Any]
) -> Statement:
    statement = {"Sid": sid, "Effect": effect, "Action": list(actions), "Resource": list(resources)}
    return statement | ({"Condition": dict(condition)} if condition else {})


def _chunks(values: Iterable[str]) -> list[list[str]]:
    chunks: list[list[str]] = []
    for value in sorted(set(values)):
        if chunks and sum(map(len, chunks[-1])) + len(value) <= _CHUNK_CHARS:
            chunks[-1].append(value)
        else:
            chunks.append([value])
    return chunks
