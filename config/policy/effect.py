"""Statements that can have no effect: conditions that contradict each other, and an Allow that a Deny overrides."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from ipaddress import IPv4Network, IPv6Network, ip_network

from config.findings import Fault
from config.yaml.document import Path
from oidc.iam.document import Document
from oidc.iam.operators import OPERATORS, operator_of
from oidc.iam.pattern import lowered, matches, matches_any
from oidc.iam.statement import Statement

_MANY_VALUED = ("aws:tagkeys", "aws:calledvia", "aws:principalorgpaths", "aws:sourceorgpaths", "aws:resourceorgpaths")
"""Keys with several values at once: two tests of one key may be true of different values."""

_Tests = dict[str, tuple[str, ...]]
"""The values that one key is compared with, by operator."""


def contradiction_faults(statement: Statement) -> Iterator[Fault]:
    """Yield keys whose tests contradict each other, although all must hold.

    Only tests of plain values are compared: none with variables, with ``IfExists``, or of sets of values.
    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-logic-multiple-context-keys-or-values.html
    """
    by_key: dict[str, tuple[Path, _Tests]] = {}
    for test in statement.conditions:
        operator = operator_of(test.operator)
        if operator is None or not operator.is_plain or test.key in _MANY_VALUED:
            continue
        if not any("${" in text or "{{" in text for text in test.values):
            _, tests = by_key.setdefault(test.key, (test.place, {}))
            tests[operator.name] = test.values
            by_key[test.key] = test.place, tests
    for here, tests in by_key.values():
        if len(tests) > 1 and (reason := _contradiction(tests)) is not None:
            message = f"the tests of {here[-1]} can never all be true: {reason}; this statement never applies"
            yield Fault("contradictory-conditions", here, message, "remove one of them, or write two statements")


_POSITIVE = ("StringEquals", "StringLike", "ArnEquals", "ArnLike")
_NEGATIVE = ("StringNotEquals", "StringNotLike", "ArnNotEquals", "ArnNotLike")


def _contradiction(tests: _Tests) -> str | None:
    if tests.get("Null") == ("true",):
        needing = [name for name in tests if name != "Null" and not OPERATORS[name].negated]
        return f"Null true requires that it is absent, and {needing[0]} a value" if needing else None
    for operator in _POSITIVE:
        if operator in tests and (reason := _no_text_left(operator, tests)) is not None:
            return reason
    if "IpAddress" in tests and "NotIpAddress" in tests:
        refused = [_network(text) for text in tests["NotIpAddress"]]
        if all(any(_is_within(_network(text), other) for other in refused) for text in tests["IpAddress"]):
            return "NotIpAddress excludes every network of IpAddress"
    return _empty_range("Numeric", tests, float) or _empty_range("Date", tests, _seconds)


def _no_text_left(operator: str, tests: _Tests) -> str | None:
    """Return the other test that no literal text of one test passes, in words, or ``None``."""
    if any("*" in text or "?" in text for text in tests[operator]):
        return None
    for other in (*_POSITIVE, *_NEGATIVE):
        if other == operator or other not in tests:
            continue
        hits = [_matches(text, tests[other], other) for text in tests[operator]]
        if (other in _POSITIVE and not any(hits)) or (other in _NEGATIVE and all(hits)):
            return f"no value of {operator} passes {other}"
    return None


def _matches(text: str, patterns: tuple[str, ...], operator: str) -> bool:
    return text in patterns if operator in ("StringEquals", "StringNotEquals") else matches_any(text, patterns)


def _network(text: str) -> IPv4Network | IPv6Network:
    return ip_network(text, strict=False)


def _is_within(network: IPv4Network | IPv6Network, other: IPv4Network | IPv6Network) -> bool:
    if isinstance(network, IPv4Network):
        return isinstance(other, IPv4Network) and network.subnet_of(other)
    return isinstance(other, IPv6Network) and network.subnet_of(other)


def _seconds(text: str) -> float:
    if text.isdigit() and len(text) > len("2027"):
        return float(text)
    moment = datetime.fromisoformat(text + {4: "-01-01", 7: "-01"}.get(len(text), ""))
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _empty_range(kind: str, tests: _Tests, number: Callable[[str], float]) -> str | None:
    """Return that no number is within all bounds, in words, or ``None``. Several values of a bound are alternatives."""
    above = [min(map(number, tests[name])) for test in ("", "Equals") if (name := f"{kind}GreaterThan{test}") in tests]
    below = [max(map(number, tests[name])) for test in ("", "Equals") if (name := f"{kind}LessThan{test}") in tests]
    if not above or not below:
        return None
    strict = f"{kind}GreaterThan" in tests or f"{kind}LessThan" in tests
    least, most = max(above), min(below)
    empty = least > most or (least == most and strict)
    return "no value is above the lower bound and below the upper one" if empty else None


def denied_faults(document: Document) -> Iterator[Fault]:
    """Yield each Allow whose every action on every resource a Deny without a condition denies.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_AccessPolicyLanguage_Interplay.html
    """
    denying = [statement for statement in document.statements if statement.denies and not statement.is_conditional]
    for statement in document.statements:
        if statement.allows and denying and _is_denied(statement, denying):
            message = "a Deny of this document, without a condition, denies everything that this Allow allows"
            yield Fault("denied-anyway", statement.place, message, "remove this statement, or narrow the Deny")


def _is_denied(statement: Statement, denying: Sequence[Statement]) -> bool:
    # NotAction and NotResource match more than any list: only a Deny of everything covers them.
    actions = lowered(statement.values("Action") if statement.has("Action") else ("*",))
    resources = statement.values("Resource") if statement.has("Resource") else ("*",)
    return all(
        any(
            _covers_all(action, lowered(deny.values("Action"))) and _covers_all(resource, deny.values("Resource"))
            for deny in denying
        )
        for action in actions
        for resource in resources
    )


def _covers_all(pattern: str, denied: Sequence[str]) -> bool:
    """Tell whether everything that ``pattern`` matches is denied; only a star or the same text covers its wildcards."""
    return any(
        pattern == other or ("?" not in other and "${" not in other and "{{" not in other and matches(pattern, other))
        for other in denied
    )
