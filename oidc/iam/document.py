"""IAM policy documents as frozen values in one canonical form.

The order of keys, of actions, of resources and of condition values means nothing to IAM
(https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html), so they are sorted: the same
inventory gives the same bytes whatever the order it was written in.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

_DOCUMENT_KEYS = ("Version", "Id", "Statement")
_STATEMENT_KEYS = (
    "Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition",
)  # fmt: skip
_MINIFIED = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)
_SETS = frozenset({"Action", "NotAction", "Resource", "NotResource"})


@dataclass(frozen=True)
class PolicyDocument:
    """A policy document.

    Attributes:
        text: Minified JSON in canonical order: ``{"Version":"2012-10-17","Statement":[{"Effect":"Allow",…}]}``.
    """

    text: str

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "PolicyDocument":
        """Make one from parsed JSON, of any key order."""
        return cls(_MINIFIED.encode(_canonical_document(document)))

    @cached_property
    def size(self) -> int:
        """Characters as AWS counts them: white space between tokens is not there, inside of strings it does not count.

        Source: "IAM doesn't count white space when calculating the size of a policy against these quotas",
        https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
        """
        return len("".join(self.text.split()))

    def to_json(self) -> dict[str, Any]:
        """Return the document as JSON objects and lists, a fresh copy at each call."""
        document: dict[str, Any] = json.loads(self.text)
        return document


def _canonical_document(document: Mapping[str, Any]) -> dict[str, Any]:
    canonical = _ordered(document, _DOCUMENT_KEYS)
    statements = canonical.get("Statement", [])
    if isinstance(statements, Mapping):
        statements = [statements]
    canonical["Statement"] = [_canonical_statement(statement) for statement in statements]
    return canonical


def _canonical_statement(statement: Mapping[str, Any]) -> dict[str, Any]:
    canonical = _ordered(statement, _STATEMENT_KEYS)
    for key in _SETS & canonical.keys():
        canonical[key] = _as_set(canonical[key])
    if isinstance(canonical.get("Condition"), Mapping):
        canonical["Condition"] = {
            operator: {key: _as_set(values) for key, values in sorted(tests.items())}
            for operator, tests in sorted(canonical["Condition"].items())
        }
    return canonical


def _ordered(mapping: Mapping[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    known = {key: mapping[key] for key in keys if key in mapping}
    if len(known) == len(mapping):
        return known
    return known | {key: mapping[key] for key in sorted(mapping.keys() - known.keys())}


def _as_set(values: Any) -> Any:  # noqa: ANN401 - parsed JSON
    """Sort a list of scalars, each once; a single scalar stays one."""
    if not isinstance(values, list | tuple):
        return values
    if len(values) <= 1:
        return list(values)
    # By type as well: true equals 1 in Python, and not in JSON.
    unique = {(type(value).__name__, value): value for value in values}
    return [unique[key] for key in sorted(unique)]
