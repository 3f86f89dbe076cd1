"""IAM policy documents: parse them into frozen values, render them in one canonical form.

The order of keys, of actions, of resources and of condition values means nothing to IAM
(https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html), so they are sorted: the same
inventory gives the same bytes in any written order.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from oidc.iam.statement import Element, Malformed, Place, Statement, parse_element, parse_statement, text_of

_DOCUMENT_KEYS = ("Version", "Id", "Statement")
_STATEMENT_KEYS = (
    "Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition",
)  # fmt: skip
_MINIFIED = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)
_MINIFIED_SORTED = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, sort_keys=True)
_SETS = frozenset({"Action", "NotAction", "Resource", "NotResource"})


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed policy document.

    Attributes:
        elements: All elements except the statements, in written order.
        statements: The statements that are objects.
        malformed: Values in place of a statement.
        is_list: Whether the statements are a list.
        names: Names of all elements, as written.
    """

    elements: tuple[Element, ...]
    statements: tuple[Statement, ...]
    malformed: tuple[Malformed, ...]
    is_list: bool
    names: tuple[str, ...]

    def value(self, name: str) -> str | None:
        """Return the text of an element such as ``Version``, of several sorted; ``None`` without the element."""
        return next((", ".join(sorted({*element.values})) for element in self.elements if element.name == name), None)


def parse(document: Mapping[str, Any]) -> Document:
    """Split a document, parsed from JSON or YAML, into its parts; never raises, whatever it contains."""
    malformed: list[Malformed] = []
    listed = document.get("Statement", [])
    is_list = isinstance(listed, list | tuple)
    statements: list[Statement] = []
    for index, statement in enumerate(listed if is_list else [listed]):
        place: Place = ("Statement", index) if is_list else ("Statement",)
        if isinstance(statement, Mapping):
            statements.append(parse_statement(place, index, statement))
        else:
            malformed.append(Malformed("statement", place, statement))
    return Document(
        elements=tuple(parse_element((), str(name), value) for name, value in document.items() if name != "Statement"),
        statements=tuple(statements),
        malformed=tuple(malformed),
        is_list=is_list,
        names=tuple(map(str, document)),
    )


def parse_text(text: object) -> Document | None:
    """Parse a JSON text; ``None`` unless it is a policy document whose statements are objects, without duplicate keys.

    RFC 8259, section 4, does not say which of two equal keys counts, so neither counts here.
    """
    try:
        value = json.loads(text, object_pairs_hook=_each_once) if isinstance(text, str) else None
        document = parse(value) if isinstance(value, dict) and "Statement" in value else None
    except (ValueError, RecursionError):
        return None
    return document if document is not None and is_sound(document) else None


def is_sound(document: Document) -> bool:
    """Tell whether a document has statements, and all of them are objects."""
    return "Statement" in document.names and not any(malformed.part == "statement" for malformed in document.malformed)


def meaning_of(document: object) -> str:
    """Return a text that two policy documents have in common only if they grant the same: equal texts, equal documents.

    AWS may answer a document in another form than it was given. One string equals a list with that string alone; the
    order of such a list, and that of statements, has no meaning; a boolean or a number in a condition is its text. An
    account id is the same principal as the ARN of its root user, into which AWS converts it. All else is compared as
    written, so documents that grant the same in other words have different texts.
    Sources: "IAM JSON policy elements reference" of the IAM user guide, and the comparison of Pulumi's AWS provider:
    https://github.com/hashicorp/awspolicyequivalence, ``aws_policy_equivalence.go``.

    Args:
        document: Parsed JSON; any other value than an object has a meaning, too.
    """
    return _MINIFIED_SORTED.encode(_without_notation(document, ""))


_ROOT_USER = re.compile(r"arn:[a-z-]+:iam::(\d{12}):root", re.ASCII)
_LISTS = _SETS | {"AWS", "Federated", "Service", "CanonicalUser", "values"}


def _without_notation(value: Any, key: str) -> Any:  # noqa: ANN401 - parsed JSON
    if key == "Statement":
        statements = value if isinstance(value, list) else [value]
        return sorted((_without_notation(each, "") for each in statements), key=_MINIFIED_SORTED.encode)
    if isinstance(value, Mapping):
        inner = "values" if key == "operator" else "operator" if key == "Condition" else ""
        return {str(name): _without_notation(item, inner or str(name)) for name, item in value.items()}
    if key in _LISTS:
        texts = map(text_of, value if isinstance(value, list) else [value])
        return sorted(_ROOT_USER.sub(r"\1", text) for text in texts) if key == "AWS" else sorted(texts)
    return value


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise ValueError("an object has the same key twice")
    return values


@dataclass(frozen=True)
class PolicyDocument:
    """A policy document as this program renders it.

    Attributes:
        text: Minified JSON in canonical order: ``{"Version":"2012-10-17","Statement":[{"Effect":"Allow",…}]}``.
    """

    text: str

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "PolicyDocument":
        """Make a policy document from parsed JSON with any key order."""
        return cls(_MINIFIED.encode(_canonical_document(document)))

    @cached_property
    def size(self) -> int:
        """Characters as AWS counts them: no white space between tokens, and white space inside strings does not count.

        Source: "IAM doesn't count white space when calculating the size of a policy against these quotas",
        https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
        """
        return len("".join(self.text.split()))

    @cached_property
    def parsed(self) -> Document:
        """The parsed document."""
        return parse(self.to_json())

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
    """Sort a list of scalars without duplicates; a single scalar is not changed."""
    if not isinstance(values, list | tuple):
        return values
    if len(values) <= 1:
        return list(values)
    # Also by type: true equals 1 in Python, but not in JSON.
    unique = {(type(value).__name__, value): value for value in values}
    return [unique[key] for key in sorted(unique)]
