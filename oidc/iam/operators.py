"""The condition operators of IAM: the kind of values that each compares, and its written forms.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html, and for
``ForAllValues:`` and ``ForAnyValue:``
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html.
"""

from dataclasses import dataclass, replace
from typing import Literal

Kind = Literal["String", "Numeric", "Date", "Bool", "Binary", "IpAddress", "Arn", "Null"]
"""The kind of values that an operator compares; ``Null`` tests whether the key exists."""

Over = Literal["", "ForAllValues", "ForAnyValue"]
"""Which of several values of a key must match; empty for a key with one value."""


@dataclass(frozen=True, slots=True)
class Operator:
    """A condition operator.

    Attributes:
        name: Name without prefix and suffix: ``StringNotLike``.
        kind: Kind of the values that it compares.
        over: Its prefix.
        if_exists: Whether it has the suffix ``IfExists``: then it holds if the key is missing.
    """

    name: str
    kind: Kind
    over: Over = ""
    if_exists: bool = False

    @property
    def negated(self) -> bool:
        """Whether it holds if none of the values matches."""
        return "Not" in self.name

    @property
    def is_plain(self) -> bool:
        """Whether it has neither prefix nor suffix."""
        return not self.over and not self.if_exists


_ORDER = ("Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals")
_TESTS: dict[Kind, tuple[str, ...]] = {
    "String": ("Equals", "NotEquals", "EqualsIgnoreCase", "NotEqualsIgnoreCase", "Like", "NotLike"),
    "Numeric": _ORDER,
    "Date": _ORDER,
    "Bool": ("",),
    "Binary": ("Equals",),
    "IpAddress": ("", "Not"),
    "Arn": ("Equals", "NotEquals", "Like", "NotLike"),
    "Null": ("",),
}

OPERATORS: dict[str, Operator] = {
    name: Operator(name, kind)
    for kind, tests in _TESTS.items()
    for name in (f"{test}{kind}" if kind == "IpAddress" else f"{kind}{test}" for test in tests)
}
"""All operators by name."""

_BY_LOWER = {name.lower(): operator for name, operator in OPERATORS.items()}
_OVERS: dict[str, Over] = {"": "", "forallvalues": "ForAllValues", "foranyvalue": "ForAnyValue"}


def operator_of(text: str) -> Operator | None:
    """Return the operator of ``ForAnyValue:StringLikeIfExists``; ``None`` for a name that IAM does not have.

    Case is ignored: the page does not mention it, and a spelling that IAM may accept is not a fault.
    """
    before, colon, name = text.lower().rpartition(":")
    bare = name.removesuffix("ifexists")
    operator, over = _BY_LOWER.get(bare), _OVERS.get(before)
    if operator is None or over is None or (colon and not over) or (operator.kind == "Null" and bare != name):
        return None
    return replace(operator, over=over, if_exists=bare != name)
