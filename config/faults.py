"""Faults that validators of the models report: a rule, what is wrong, and what to do."""

from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

from pydantic_core import PydanticCustomError

T = TypeVar("T", bound=Hashable)


def fault(rule: str, message: str, hint: str, at: tuple[str | int, ...] = ()) -> PydanticCustomError:
    """Return what a validator raises; ``config.validation`` makes a finding of it, at the place of the value.

    Args:
        rule: One of ``config.rules.RULES``.
        message: What is wrong, for example ``not a UUID: acme``.
        hint: What to do, for example ``write it as {8-4-4-4-12}, quoted``.
        at: Where inside the value: ``("Statement", 0, "Action")`` of a policy document.
    """
    # A rule id and a template that are not literals: pydantic's types ask for LiteralString, and take any text.
    return PydanticCustomError(rule, "{message}", {"message": message, "hint": hint, "at": at})


def each_once(values: tuple[T, ...]) -> tuple[T, ...]:
    """Return a list that is a set; a value that stands twice in it is a fault."""
    seen: set[T] = set()
    for index, value in enumerate(values):
        if value in seen:
            raise fault("duplicate", f"{value} stands twice in this list", "keep one of the two", (index,))
        seen.add(value)
    return values


def parse_each(values: Sequence[object], parse: Callable[[object], T]) -> tuple[T, ...]:
    """Parse every value of a list; a fault says which of them it is."""
    parsed: list[T] = []
    for index, value in enumerate(values):
        try:
            parsed.append(parse(value))
        except PydanticCustomError as error:
            context = error.context or {}
            raise fault(error.type, context["message"], context["hint"], (index, *context["at"])) from None
    return tuple(parsed)
