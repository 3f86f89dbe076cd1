r"""How values are written, for JSON Schema: annotations that stand beside the validators of scalars and models.

Patterns are of ECMA 262, as JSON Schema asks (https://json-schema.org/draft/2020-12/json-schema-core#section-6.4),
with its flag ``u``: no ``\A``, ``\Z``, ``(?i)``, and ``\w`` is ASCII there and Unicode in Python.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, get_args

from pydantic import Field, GetJsonSchemaHandler
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema

# What a type annotation holds must have a hash: these are told apart by identity (`eq=False`).

JsonSchemaValue: TypeAlias = dict[str, Any]
"""As of ``pydantic.json_schema``, which takes a while to import and is needed for writing a schema alone."""

NAMED = "x-named"
"""Marks a schema that ``config.schema`` moves to ``$defs``, under its title."""
SINCE = "x-since"
"""The version that a key came with."""

NO_VARIABLES = r"(?![\s\S]*\{\{)"
"""In front of a pattern: no double braces."""
PRINTABLE = r"[^\x00-\x1f\x7f-\x9f]"
"""A character that is none of control."""


def example(value: Any, *, since: str) -> FieldInfo:  # noqa: ANN401 - what YAML holds
    """Return what the schema and the reference say of a key, besides its attribute docstring.

    Args:
        value: As it would be written: ``"team-payments"``, ``["prod", "sandbox-*"]``.
        since: The version of this project that the key came with: ``0.1``.
    """
    # pydantic gives what `Field` returns whatever type the key has; here it is an annotation, and no default.
    found: FieldInfo = Field(examples=[value], json_schema_extra={SINCE: since})
    return found


@dataclass(frozen=True, slots=True, eq=False)
class Also:
    """Adds keywords of JSON Schema to those of a type: ``Also({"uniqueItems": True})``."""

    keywords: Mapping[str, Any]

    def __get_pydantic_json_schema__(self, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Return the schema of the type with the keywords."""
        return {**handler(core_schema), **self.keywords}


EACH_ONCE = Also({"uniqueItems": True})
"""A list that is a set, beside the validator that says so."""


@dataclass(frozen=True, slots=True, eq=False)
class Named:
    """Gives the schema of a type in its place; it stands once in ``$defs``, under its title."""

    schema: JsonSchemaValue

    def __get_pydantic_json_schema__(self, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Return the schema in place of the type's own."""
        return {NAMED: self.schema}


@dataclass(frozen=True, slots=True, eq=False)
class Looks:
    """Says what a scalar looks like: its schema stands once in ``$defs``, and in the reference under *Types*.

    Attributes:
        title: ``UUID``, ``account id``.
        meant: What to write, for people: ``12 digits, quoted``. Editors show it where the pattern does not match.
        example: ``{0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11}``.
        pattern: Of the whole text, see ``whole``; a regular expression of Python that ECMA 262 reads alike. ``None``
            for what ``keywords`` describe alone.
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
        said = {"title": self.title, "description": f"Write {self.meant}.", "examples": [self.example]}
        if self.pattern is None:
            return {**said, **self.keywords}
        return {**said, **text_like(self.pattern, self.meant), **self.keywords}


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
    """Return how a scalar's type says that it is written: of ``Uuid``, the ``Looks`` in its annotation."""
    return next(found for found in get_args(scalar) if isinstance(found, Looks))


def exactly_one(kinds: Sequence[Sequence[str]]) -> JsonSchemaValue:
    """Return the keywords for a mapping of exactly one kind, each given by the keys that it has and the others lack.

    The last key of a kind marks it, and the last kind is what is asked for where none is marked. A chain of ``if``
    rather than ``oneOf``, which would leave an editor to guess which kind was meant: this way it says which key is
    missing, or one too many.
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
    """Return what stands in front of a pattern where these variables, and no others, may stand in double braces."""
    return rf"(?![\s\S]*\{{\{{(?!(?:{'|'.join(names)})\}}\}}))"


def in_words(name: str) -> str:
    """Return the name of a class as words: ``trust entry`` for ``TrustEntry``."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()


def ignoring_case(word: str) -> str:
    """Return a pattern for a word in any case: ``[aA][wW][sS]``."""
    return "".join(f"[{letter.lower()}{letter.upper()}]" if letter.isalpha() else re.escape(letter) for letter in word)
