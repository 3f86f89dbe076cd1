r"""How values are written, for JSON Schema: annotations beside the validators of scalars and models.

Patterns follow ECMA 262 with flag ``u``, as JSON Schema requires
(https://json-schema.org/draft/2020-12/json-schema-core#section-6.4). It has no ``\A``, ``\Z`` or ``(?i)``; its ``\w``
is ASCII, Python's is Unicode.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, get_args

from pydantic import Field, GetJsonSchemaHandler
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema

# The content of a type annotation must be hashable: these compare by identity (`eq=False`).

JsonSchemaValue: TypeAlias = dict[str, Any]
"""As in ``pydantic.json_schema``, which is slow to import and needed only to write a schema."""

NAMED = "x-named"
"""Marks a schema that ``config.schema`` moves to ``$defs``, under its title."""
SINCE = "x-since"
"""The version that a key came with."""

NO_VARIABLES = r"(?![\s\S]*\{\{)"
"""In front of a pattern: no double braces."""
PRINTABLE = r"[^\x00-\x1f\x7f-\x9f]"
"""A character that is not a control character."""


def example(value: Any, *, since: str) -> FieldInfo:  # noqa: ANN401 - what YAML holds
    """Return the example and version of a key for the schema and the reference.

    Args:
        value: An example as a user writes it: ``"team-payments"``, ``["prod", "sandbox-*"]``.
        since: The version of this project that the key came with: ``0.1``.
    """
    # pydantic types the result of `Field` as any key's type; here it is an annotation, not a default.
    info: FieldInfo = Field(examples=[value], json_schema_extra={SINCE: since})
    return info


@dataclass(frozen=True, slots=True, eq=False)
class Also:
    """Adds keywords of JSON Schema to those of a type: ``Also({"uniqueItems": True})``."""

    keywords: Mapping[str, Any]

    def __get_pydantic_json_schema__(self, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Return the schema of the type with the keywords."""
        return {**handler(core_schema), **self.keywords}


EACH_ONCE = Also({"uniqueItems": True})
"""A list without duplicates, beside the validator that requires it."""


@dataclass(frozen=True, slots=True, eq=False)
class Named:
    """Gives a type another schema, which is written once in ``$defs``, under its title."""

    schema: JsonSchemaValue

    def __get_pydantic_json_schema__(self, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Return the schema in place of the type's own."""
        return {NAMED: self.schema}


@dataclass(frozen=True, slots=True, eq=False)
class Looks:
    """Describes the form of a scalar. Its schema is written once in ``$defs``, and in the reference under *Types*.

    Attributes:
        title: ``UUID``, ``account id``.
        meant: What to write, for people: ``12 digits, quoted``. Editors show it where the pattern does not match.
        example: ``{0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11}``.
        pattern: Of the whole text, see ``whole``; a regular expression of Python that ECMA 262 reads alike. ``None``
            if ``keywords`` describe the form alone.
        keywords: Further keywords of JSON Schema.
    """

    title: str
    meant: str
    example: str | int
    pattern: str | re.Pattern[str] | None = None
    keywords: Mapping[str, Any] = field(default_factory=dict)

    def __get_pydantic_json_schema__(self, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Return the schema in place of the type's own."""
        return {NAMED: self.schema}

    @property
    def schema(self) -> JsonSchemaValue:
        """The schema of the value."""
        described = {"title": self.title, "description": f"Write {self.meant}.", "examples": [self.example]}
        if self.pattern is None:
            return {**described, **self.keywords}
        return {**described, **text_like(self.pattern, self.meant), **self.keywords}


@dataclass(frozen=True, slots=True, init=False, eq=False)
class Or:
    """Adds other forms that a value may be written in: ``Or(Uuid, None)``, a scalar's type or nothing at all."""

    forms: tuple[Any, ...]

    def __init__(self, *forms: Any) -> None:  # noqa: ANN401 - types, as in an annotation
        object.__setattr__(self, "forms", forms)

    def __get_pydantic_json_schema__(self, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Return a choice between the further forms and that of the type."""
        further = [{"type": "null"} if form is None else {NAMED: looks_of(form).schema} for form in self.forms]
        return {"anyOf": [*further, handler(core_schema)]}


def looks_of(scalar: Any) -> Looks:  # noqa: ANN401 - a type
    """Return the written form of a scalar's type: for ``Uuid``, the ``Looks`` in its annotation."""
    return next(looks for looks in get_args(scalar) if isinstance(looks, Looks))


def exactly_one(kinds: Sequence[Sequence[str]]) -> JsonSchemaValue:
    """Return the keywords for a mapping of exactly one kind, each defined by the keys that the other kinds lack.

    The last key of a kind marks it. Without a mark, the last kind is required. A chain of ``if`` lets an editor name
    the missing or superfluous key; with ``oneOf`` the editor would have to guess the intended kind.
    """
    keys = dict.fromkeys(key for kind in kinds for key in kind)
    *others, last = [
        (kind[-1], {"required": list(kind), "properties": {key: False for key in keys if key not in kind}})
        for kind in kinds
    ]
    chain: JsonSchemaValue = last[1]
    for marker, asked in reversed(others):
        chain = {"if": {"required": [marker]}, "then": asked, "else": chain}
    return chain


def text_like(pattern: str | re.Pattern[str], meant: str) -> JsonSchemaValue:
    """Return the schema of a text that a pattern matches; editors show ``meant`` where it does not."""
    return {"type": "string", "pattern": whole(pattern), "patternErrorMessage": f"Write {meant}."}


def whole(pattern: str | re.Pattern[str]) -> str:
    """Return a pattern for the whole of a text: JSON Schema searches, where Python's ``fullmatch`` does not."""
    if isinstance(pattern, re.Pattern):
        if pattern.flags & (re.IGNORECASE | re.DOTALL | re.VERBOSE | re.MULTILINE):
            raise ValueError(f"a flag of Python's that JSON Schema does not have: {pattern}")
        pattern = pattern.pattern
    ecma = pattern.replace(r"\Z", "$")
    return f"^(?:{ecma})$" if "|" in ecma else f"^{ecma}$"


def with_variables(names: Collection[str]) -> str:
    """Return the prefix of a pattern that allows only these variables in double braces."""
    return rf"(?![\s\S]*\{{\{{(?!(?:{'|'.join(names)})\}}\}}))"


def in_words(name: str) -> str:
    """Return the name of a class as words: ``trust entry`` for ``TrustEntry``."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()


def ignoring_case(word: str) -> str:
    """Return a pattern for a word in any case: ``[aA][wW][sS]``."""
    cased = re.sub("[a-zA-Z]", lambda letter: f"[{letter[0].lower()}{letter[0].upper()}]", re.escape(word))
    return cased.replace("\\-", "-")  # in ECMA-262 with the flag u, only characters with a meaning are escaped
