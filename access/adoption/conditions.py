"""The conditions of a trust policy's statement, and those of them that the inventory has words for."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from oidc.iam.operators import operator_of
from oidc.iam.statement import Condition


@dataclass
class Limits:
    """From where and until when; ``unsaid`` are conditions that the inventory cannot express."""

    source_ips: tuple[str, ...] = ()
    source_vpces: tuple[str, ...] = ()
    expires: date | None = None
    unsaid: list[str] = field(default_factory=list)

    @property
    def key(self) -> tuple[object, ...]:
        """What makes statements go together."""
        return self.source_ips, self.source_vpces, self.expires


def shown(test: Condition) -> str:
    """Return operator and key of a test as written."""
    return f"{test.operator} {test.name}"


def plain(written: str) -> str:
    """Return the name of an operator without sets and IfExists; empty for one that IAM does not have.

    Neither makes a difference for a key that every token of Bitbucket has once.
    """
    operator = operator_of(written)
    return operator.name if operator is not None else ""


def limits_in(tests: Iterable[Condition]) -> Limits:
    """Return the tests that a role of the inventory can express, and those that it cannot."""
    limits = Limits()
    for test in tests:
        what, values = (test.operator.lower(), test.key), test.values
        if not values:  # no call meets it, but an empty list in the inventory would admit every address
            limits.unsaid.append(shown(test))
        elif what == ("ipaddress", "aws:sourceip") and not limits.source_ips:
            limits.source_ips = tuple(sorted(set(values)))
        elif what == ("stringequals", "aws:sourcevpce") and not limits.source_vpces:
            limits.source_vpces = tuple(sorted(set(values)))
        elif what == ("datelessthan", "aws:currenttime") and limits.expires is None and len(values) == 1:
            limits.expires = _last_day(values[0])
            if limits.expires is None:
                limits.unsaid.append(shown(test))
        else:
            limits.unsaid.append(shown(test))
    if limits.source_ips and limits.source_vpces:
        limits.unsaid.append("ipaddress and aws:sourcevpce in one statement, which no call can meet")
    return limits


def _last_day(value: str) -> date | None:
    """Return the last whole day in UTC before an instant; ``None`` if it cannot be read."""
    try:
        instant = datetime.fromisoformat(value)
        # The day of another time zone may end hours after the one in UTC.
        return (instant.astimezone(UTC) - timedelta(days=1)).date() if instant.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None
