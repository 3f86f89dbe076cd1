"""Condition operators: how each compares values, and its result for a missing key.

Source of all: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from ipaddress import ip_address, ip_network
from operator import eq, ge, gt, le, lt

from access.evaluation.request import RequestContext
from access.evaluation.text_patterns import literal, matches, plain_tokens, tokens_of
from oidc.errors import EvaluationError

Compare = Callable[[str, str, RequestContext | None], bool]
"""Tells whether a value of the request matches one of the policy; the context has the values of policy variables."""


@dataclass(frozen=True, slots=True)
class ConditionOperator:
    """A condition operator as a policy names it: ``ForAnyValue:StringNotLikeIfExists``.

    Attributes:
        family: The type of its values: ``String``, ``Numeric``, ``Date``, ``Bool``, ``IpAddress``, ``Arn``,
            ``Binary``.
        compare: Tells whether a value of the request matches a value of the policy.
        negated: Whether it holds if none of the policy's values matches.
        if_exists: Whether it holds if the key is missing.
        over: ``ForAllValues``, ``ForAnyValue`` or the empty string.
    """

    family: str
    compare: Compare
    negated: bool
    if_exists: bool
    over: str

    def holds_without_key(self) -> bool:
        """Tell whether the operator holds for a key that the request does not have.

        "If the key … is not present in the request context, the values do not match", and then a negated operator
        is true. ``…IfExists`` and ``ForAllValues`` are true, too; ``ForAnyValue`` is false (the page on single-valued
        and multivalued context keys).
        """
        if self.if_exists or self.over == "ForAllValues":
            return True
        return self.negated and not self.over

    @property
    def needs_a_match(self) -> bool:
        """Whether it holds only if one of the policy's values matches, so it never holds for an empty list of values.

        "If a single condition operator includes multiple values for one key, that condition operator is evaluated
        using a logical OR" (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-logic-multiple-context-keys-or-values.html).
        AWS does not document an empty list for negated operators, ``…IfExists`` and ``ForAllValues``.
        """
        return not (self.negated or self.if_exists or self.over == "ForAllValues")


def operator_of(name: str) -> ConditionOperator:
    """Return the operator with this name, spelt as AWS documents it; ``Null``, which compares nothing, is not included.

    Raises:
        EvaluationError: No operator has this name.
    """
    over, colon, operator = name.rpartition(":")
    base = operator.removesuffix("IfExists")
    known = _OPERATORS.get(base)
    if known is None or over not in ("", "ForAllValues", "ForAnyValue") or (colon and not over):
        raise EvaluationError(f"IAM has no condition operator {name}", do="see AWS's page on condition operators")
    family, compare, negated = known
    return ConditionOperator(family, compare, negated, base != operator, over)


def _string_equals(value: str, wanted: str, context: RequestContext | None) -> bool:
    tokens = tokens_of(wanted, context)
    return tokens is not None and value == literal(tokens)


def _string_equals_ignoring_case(value: str, wanted: str, context: RequestContext | None) -> bool:
    tokens = tokens_of(wanted, context)
    if tokens is None:
        return False
    text = literal(tokens)
    if not (value.isascii() and text.isascii()):
        what = f"AWS does not document how it ignores case beyond ASCII, as in {value!r} and {text!r}"
        raise EvaluationError(what)
    return value.lower() == text.lower()


def _string_like(value: str, wanted: str, context: RequestContext | None) -> bool:
    tokens = tokens_of(wanted, context)
    return tokens is not None and matches(value, tokens)


def _arn_like(value: str, wanted: str, context: RequestContext | None) -> bool:
    """Compare the six parts of an ARN one by one: no wildcard matches across the first five colons."""
    tokens = tokens_of(wanted, context)
    if tokens is None:
        return False
    if context is not None and "${" in wanted:
        raise EvaluationError(f"policy variables in the ARN {wanted} are not evaluated here")
    parts, patterns = value.split(":", _ARN_COLONS), wanted.split(":", _ARN_COLONS)
    if len(parts) <= _ARN_COLONS or len(patterns) <= _ARN_COLONS:
        raise EvaluationError(f"{value} and {wanted} are not both ARNs", do="compare them by StringLike")
    return all(matches(part, plain_tokens(pattern)) for part, pattern in zip(parts, patterns, strict=True))


_ARN_COLONS = 5


def _numeric(compare: Callable[[Decimal, Decimal], bool]) -> Compare:
    def compare_numbers(value: str, wanted: str, _: RequestContext | None) -> bool:
        return compare(_number(value), _number(wanted))

    return compare_numbers


_NUMBER = re.compile(r"-?\d{1,30}(\.\d{1,30})?", re.ASCII)
""""Integer or decimal values"; AWS does not mention exponents and separators."""


def _number(text: str) -> Decimal:
    if _NUMBER.fullmatch(text) is None:
        raise EvaluationError(f"{text!r} is not a number")
    return Decimal(text)


def _date(compare: Callable[[datetime, datetime], bool]) -> Compare:
    def compare_times(value: str, wanted: str, _: RequestContext | None) -> bool:
        return compare(instant(value), instant(wanted))

    return compare_times


_W3C_TIME = re.compile(
    r"\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2}))?", re.ASCII
)  # fmt: skip
"""The forms of https://www.w3.org/TR/NOTE-datetime that name a day or a time of day."""


_SECONDS = re.compile(r"\d{9,12}", re.ASCII)
"""Seconds since 1970, from 1973 on; eight digits may be an ISO 8601 day without dashes."""


def instant(text: str) -> datetime:
    """Return a time of a policy: ISO 8601, ``2027-02-01T00:00:00Z``, or seconds since 1970.

    Raises:
        EvaluationError: It is neither.
    """
    try:
        if _W3C_TIME.fullmatch(text):
            time = datetime.fromisoformat(text)
            return time if time.tzinfo else time.replace(tzinfo=UTC)
        if _SECONDS.fullmatch(text):
            return datetime.fromtimestamp(int(text), UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise EvaluationError(f"{text!r} is not a time") from error
    raise EvaluationError(f"{text!r} is not a time", do="write it as 2027-01-31T00:00:00Z")


def _bool(value: str, wanted: str, context: RequestContext | None) -> bool:
    tokens = tokens_of(wanted, context)
    text = "" if tokens is None else literal(tokens).lower()
    if tokens is not None and text not in ("true", "false"):
        raise EvaluationError(f"{wanted!r} is neither true nor false")
    return value.lower() == text


_NETWORK = re.compile(r"[0-9A-Fa-f:.]+(/\d{1,3})?", re.ASCII)
""""The value must be in the standard CIDR format"."""


def _ip_address(value: str, wanted: str, _: RequestContext | None) -> bool:
    """Tell whether an address is in a network; without a prefix it is one address of IPv4.

    "If you specify an IP address without the associated routing prefix, IAM uses the default prefix value of /32".
    For IPv6 that would be a large network, so such an address is refused.
    """
    if _NETWORK.fullmatch(wanted) is None:
        raise EvaluationError(f"{wanted!r} is not a network in CIDR form", do="write 203.0.113.0/24")
    try:
        address, network = ip_address(value), ip_network(wanted)
    except ValueError as error:
        raise EvaluationError(f"{value} and {wanted} are not an address and a network: {error}") from error
    if ":" in wanted and "/" not in wanted:
        raise EvaluationError(f"the address {wanted} has no prefix length", do=f"write {wanted}/128")
    return address in network


def _binary(value: str, wanted: str, _: RequestContext | None) -> bool:
    raise EvaluationError(f"BinaryEquals compares {value!r} with {wanted!r}, but no key of this call is binary")


# NOTE: intentional: this table is separate from oidc/iam/operators.py, and text_patterns.py from oidc/iam/pattern.py.
# The evaluation is a second opinion on the rendered policies, so it must not share mistakes with the checks.
_OPERATORS: dict[str, tuple[str, Compare, bool]] = {
    "StringEquals": ("String", _string_equals, False),
    "StringNotEquals": ("String", _string_equals, True),
    "StringEqualsIgnoreCase": ("String", _string_equals_ignoring_case, False),
    "StringNotEqualsIgnoreCase": ("String", _string_equals_ignoring_case, True),
    "StringLike": ("String", _string_like, False),
    "StringNotLike": ("String", _string_like, True),
    "NumericEquals": ("Numeric", _numeric(eq), False),
    "NumericNotEquals": ("Numeric", _numeric(eq), True),
    "NumericLessThan": ("Numeric", _numeric(lt), False),
    "NumericLessThanEquals": ("Numeric", _numeric(le), False),
    "NumericGreaterThan": ("Numeric", _numeric(gt), False),
    "NumericGreaterThanEquals": ("Numeric", _numeric(ge), False),
    "DateEquals": ("Date", _date(eq), False),
    "DateNotEquals": ("Date", _date(eq), True),
    "DateLessThan": ("Date", _date(lt), False),
    "DateLessThanEquals": ("Date", _date(le), False),
    "DateGreaterThan": ("Date", _date(gt), False),
    "DateGreaterThanEquals": ("Date", _date(ge), False),
    "Bool": ("Bool", _bool, False),
    "IpAddress": ("IpAddress", _ip_address, False),
    "NotIpAddress": ("IpAddress", _ip_address, True),
    "ArnEquals": ("Arn", _arn_like, False),
    "ArnLike": ("Arn", _arn_like, False),
    "ArnNotEquals": ("Arn", _arn_like, True),
    "ArnNotLike": ("Arn", _arn_like, True),
    "BinaryEquals": ("Binary", _binary, False),
}
