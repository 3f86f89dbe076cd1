"""Translate the condition of a statement to limits of a role, as far as the inventory can express it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from pydantic_core import PydanticCustomError

from config.models.aws_values import parse_vpc_endpoint
from config.models.scalars import parse_network
from oidc.iam.operators import operator_of
from oidc.iam.statement import Condition


@dataclass
class Limits:
    """The limits of a role.

    Attributes:
        source_ips: Networks as written; empty for everywhere.
        source_vpces: VPC endpoints.
        expires: The last day in UTC, or ``None``.
        inexpressible: Conditions that the inventory cannot express.
    """

    source_ips: tuple[str, ...] = ()
    source_vpces: tuple[str, ...] = ()
    expires: date | None = None
    inexpressible: list[str] = field(default_factory=list)

    @property
    def key(self) -> tuple[object, ...]:
        """The limits, equal for statements that can be combined."""
        return self.source_ips, self.source_vpces, self.expires


def shown(test: Condition) -> str:
    """Return operator and key of a test as written."""
    return f"{test.operator} {test.name}"


def plain(name: str) -> str:
    """Return an operator without its set operator and ``IfExists``; empty if IAM has no such operator.

    Both make no difference for a key that every Bitbucket token has exactly once.
    """
    operator = operator_of(name)
    return operator.name if operator is not None else ""


def limits_in(tests: Iterable[Condition]) -> Limits:
    """Return the tests that a role of the inventory can express, and those that it cannot."""
    limits = Limits()
    for test in tests:
        what, values = (test.operator.lower(), test.key), test.values
        if not values:  # no call passes it, but an empty list in the inventory would admit every address
            limits.inexpressible.append(shown(test))
        elif what == ("ipaddress", "aws:sourceip") and not limits.source_ips and _all_are(parse_network, values):
            limits.source_ips = tuple(sorted(set(values)))
        elif (
            what == ("stringequals", "aws:sourcevpce")
            and not limits.source_vpces
            and _all_are(parse_vpc_endpoint, values)
        ):
            limits.source_vpces = tuple(sorted(set(values)))
        elif what == ("datelessthan", "aws:currenttime") and limits.expires is None and len(values) == 1:
            limits.expires = _last_day(values[0])
            if limits.expires is None:
                limits.inexpressible.append(shown(test))
        else:
            limits.inexpressible.append(shown(test))
    if limits.source_ips and limits.source_vpces:
        limits.inexpressible.append("aws:SourceIp and aws:SourceVpce in one statement, which no call passes")
    return limits


def _all_are(parse: Callable[[object], object], values: Iterable[str]) -> bool:
    """Tell whether the inventory can hold all values; IAM also accepts texts that no call has, such as ``vpce-*``."""
    try:
        for value in values:
            parse(value)
    except PydanticCustomError:
        return False
    return True


def _last_day(value: str) -> date | None:
    """Return the last whole day in UTC before an instant; ``None`` if it cannot be read."""
    try:
        instant = datetime.fromisoformat(value)
        # A day in another time zone may end hours after the day in UTC.
        return (instant.astimezone(UTC) - timedelta(days=1)).date() if instant.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None
