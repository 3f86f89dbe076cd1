"""The conditions of a trust policy's statement, and those of them that the inventory has words for."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Self

from oidc.iam.pattern import many


@dataclass
class Limits:
    """From where and until when; ``unsaid`` are conditions that the inventory has no word for."""

    source_ips: tuple[str, ...] = ()
    source_vpces: tuple[str, ...] = ()
    expires: date | None = None
    unsaid: list[str] = field(default_factory=list)

    @property
    def key(self) -> tuple[object, ...]:
        """What makes statements go together."""
        return self.source_ips, self.source_vpces, self.expires


class Name(str):
    """The name of an operator or a key: in lower case, as IAM compares keys, and as it was written, for a message."""

    __slots__ = ("written",)
    written: str

    def __new__(cls, written: str) -> Self:
        """Make one of how it was written."""
        name = super().__new__(cls, written.lower())
        name.written = written
        return name


Test = tuple[Name, Name, tuple[str, ...]]
"""Operator, key, values."""


def tests_of(condition: object) -> Iterator[Test]:
    """Yield every comparison of a statement's ``Condition``; one without the form of one is none with a word for it."""
    for operator, tests in _items(condition if condition is not None else {}):
        for key, values in _items(tests):
            yield Name(str(operator)), Name(str(key)), tuple(map(_text, many(values)))


def _items(value: object) -> Iterable[tuple[object, object]]:
    return value.items() if isinstance(value, Mapping) else [("a condition", {"that cannot be read": ()})]


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def plain(operator: str) -> str:
    """Take off what makes no difference for a key that every token of Bitbucket has once: sets, and IfExists."""
    return operator.removeprefix("forallvalues:").removeprefix("foranyvalue:").removesuffix("ifexists")


def limits_in(tests: Iterable[Test]) -> Limits:
    """Return what a role of the inventory can say of these comparisons, and which it cannot."""
    limits = Limits()
    for operator, key, values in tests:
        if not values:  # no call meets it, and the inventory's empty list would let in every address
            limits.unsaid.append(f"{operator.written} {key.written}")
        elif (operator, key) == ("ipaddress", "aws:sourceip") and not limits.source_ips:
            limits.source_ips = tuple(sorted(set(values)))
        elif (operator, key) == ("stringequals", "aws:sourcevpce") and not limits.source_vpces:
            limits.source_vpces = tuple(sorted(set(values)))
        elif (operator, key) == ("datelessthan", "aws:currenttime") and limits.expires is None and len(values) == 1:
            limits.expires = _last_day(values[0])
            if limits.expires is None:
                limits.unsaid.append(f"{operator.written} {key.written}")
        else:
            limits.unsaid.append(f"{operator.written} {key.written}")
    if limits.source_ips and limits.source_vpces:
        limits.unsaid.append("ipaddress and aws:sourcevpce in one statement, which no call can meet")
    return limits


def _last_day(value: str) -> date | None:
    """Return the last whole day in UTC before an instant; ``None`` where it cannot be read."""
    try:
        instant = datetime.fromisoformat(value)
        # The day of another time zone may end hours after the one in UTC.
        return (instant.astimezone(UTC) - timedelta(days=1)).date() if instant.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None
