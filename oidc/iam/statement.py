"""The statements of policy documents as frozen values: elements, principals and conditions, each with its place.

IAM takes one value wherever it takes a list, and compares names of actions and keys of conditions ignoring case
(https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html). Here every element has a tuple of
texts, spelt as written. A part that does not have IAM's form is a ``Malformed``.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

Place: TypeAlias = tuple[str | int, ...]
"""A path inside a document: ``("Statement", 0, "Action", 2)``."""

Part = Literal["statement", "principals", "principal", "condition", "tests", "values"]
"""The part with the wrong form: a whole statement, its Principal or its Condition, one principal, the keys of an
operator, or the values of a key."""


@dataclass(frozen=True, slots=True)
class Malformed:
    """A part of a document that IAM refuses.

    Attributes:
        part: The expected part.
        place: Its place.
        value: The actual value, as parsed JSON; for the values of a key the first faulty one.
    """

    part: Part
    place: Place
    value: Any = field(hash=False)


@dataclass(frozen=True, slots=True)
class Element:
    """An element of a statement or of a document: ``Action``, ``NotResource``, ``Version``.

    Attributes:
        name: As written.
        values: Its texts; a boolean or a number is its JSON text, as in IAM.
        place: Of the element.
        is_list: Whether it is written as a list.
    """

    name: str
    values: tuple[str, ...]
    place: Place
    is_list: bool

    def place_of(self, index: int) -> Place:
        """Return the place of one value; for a single value without a list, the place of the element."""
        return (*self.place, index) if self.is_list else self.place


@dataclass(frozen=True, slots=True)
class Condition(Element):
    """One test of a ``Condition``: an operator, a key, and the values compared with the key.

    Attributes:
        name: The key as written: ``aws:SourceIp``.
        operator: As written: ``ForAnyValue:StringLikeIfExists``.
    """

    operator: str

    @property
    def key(self) -> str:
        """The key as IAM compares it, ignoring case: ``aws:sourceip``."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Principal:
    """A principal that a statement names: ``Principal("Federated", "arn:aws:iam::…", …)``.

    Attributes:
        kind: ``AWS``, ``Federated``, ``Service`` or ``CanonicalUser`` as written; empty for a bare ``"*"``.
        name: As written.
        place: Of the name.
    """

    kind: str
    name: str
    place: Place


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement of a policy document.

    Attributes:
        place: ``("Statement", 0)``, or ``("Statement",)`` for one without a list around it.
        index: Among all statements, from 0.
        elements: All except principals and conditions, in written order, including those that IAM does not know.
        principals: The principals that ``Principal`` names.
        not_principals: The principals that ``NotPrincipal`` names.
        conditions: Its tests, all of which must hold.
        malformed: Parts of its principals and its condition that IAM refuses, in written order.
        names: Names of all its elements, as written.
        raw: The JSON object that it was parsed from, for a message about a fault in it.
    """

    place: Place
    index: int
    elements: tuple[Element, ...]
    principals: tuple[Principal, ...]
    not_principals: tuple[Principal, ...]
    conditions: tuple[Condition, ...]
    malformed: tuple[Malformed, ...]
    names: tuple[str, ...]
    raw: Mapping[str, Any] = field(compare=False, repr=False)

    def element(self, name: str) -> Element | None:
        """Return ``Action``, ``NotResource`` or another element; ``None`` if the statement lacks it."""
        return next((element for element in self.elements if element.name == name), None)

    def values(self, name: str) -> tuple[str, ...]:
        """Return the values of an element; empty if the statement lacks it."""
        element = self.element(name)
        return element.values if element is not None else ()

    def has(self, name: str) -> bool:
        """Tell whether the statement has an element, whatever its form."""
        return name in self.names

    @property
    def effect(self) -> str:
        """``Allow`` or ``Deny``; empty for anything else, because IAM accepts only these spellings."""
        effect = self.raw.get("Effect")
        return effect if effect in ("Allow", "Deny") else ""

    @property
    def allows(self) -> bool:
        """Whether its effect is ``Allow``."""
        return self.effect == "Allow"

    @property
    def denies(self) -> bool:
        """Whether its effect is ``Deny``."""
        return self.effect == "Deny"

    @property
    def is_conditional(self) -> bool:
        """Whether it has a condition that may fail or is malformed."""
        return bool(self.raw.get("Condition"))


def text_of(value: object) -> str:
    """Return a value as IAM reads it: text as it is, ``true`` and ``1`` as JSON writes them."""
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)


def _listed(value: Any) -> tuple[Any, ...]:  # noqa: ANN401 - parsed JSON
    return tuple(value) if isinstance(value, list | tuple) else (value,)


def values_of(value: object) -> tuple[str, ...]:
    """Return the texts of one value, or of a list of them."""
    return tuple(map(text_of, _listed(value)))


def parse_element(around: Place, name: str, value: object) -> Element:
    """Return an element, whatever its values are."""
    return Element(name, values_of(value), (*around, name), isinstance(value, list | tuple))


def parse_statement(place: Place, index: int, raw: Mapping[str, Any]) -> Statement:
    """Parse one statement."""
    malformed: list[Malformed] = []
    principals, not_principals = (
        tuple(_principals((*place, name), raw[name], malformed)) if name in raw else ()
        for name in ("Principal", "NotPrincipal")
    )
    return Statement(
        place=place,
        index=index,
        elements=tuple(parse_element(place, str(name), value) for name, value in raw.items() if name not in _APART),
        principals=principals,
        not_principals=not_principals,
        conditions=tuple(_conditions((*place, "Condition"), raw.get("Condition", {}), malformed)),
        malformed=tuple(malformed),
        names=tuple(map(str, raw)),
        raw=raw,
    )


_APART = frozenset({"Principal", "NotPrincipal", "Condition"})


def _principals(place: Place, raw: Any, malformed: list[Malformed]) -> Iterator[Principal]:  # noqa: ANN401 - parsed JSON
    if raw == "*":
        yield Principal("", "*", place)
    elif not isinstance(raw, Mapping) or not raw:
        malformed.append(Malformed("principals", place, raw))
    else:
        for kind, names in raw.items():
            is_list = isinstance(names, list | tuple)
            for index, name in enumerate(_listed(names)):
                name_place = (*place, str(kind), index) if is_list else (*place, str(kind))
                if isinstance(name, str):
                    yield Principal(str(kind), name, name_place)
                else:
                    malformed.append(Malformed("principal", name_place, name))


def _conditions(place: Place, raw: Any, malformed: list[Malformed]) -> Iterator[Condition]:  # noqa: ANN401 - parsed JSON
    if not isinstance(raw, Mapping):
        malformed.append(Malformed("condition", place, raw))
        return
    for operator, tests in raw.items():
        operator_place = (*place, str(operator))
        if not isinstance(tests, Mapping) or not tests:
            malformed.append(Malformed("tests", operator_place, tests))
            continue
        for key, values in tests.items():
            odd = [value for value in _listed(values) if not isinstance(value, str | bool | int | float)]
            if odd:
                malformed.append(Malformed("values", (*operator_place, str(key)), odd[0]))
            else:
                test = parse_element(operator_place, str(key), values)
                yield Condition(test.name, test.values, test.place, test.is_list, str(operator))
