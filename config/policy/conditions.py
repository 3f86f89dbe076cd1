"""Check the conditions of a permission policy."""

import base64
import math
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from ipaddress import ip_network
from typing import Any

from config.findings import Fault, did_you_mean
from config.models.scalars import describe
from config.yaml.document import Path
from oidc.iam.operators import OPERATORS, Kind, operator_of
from oidc.iam.statement import Statement


def bad(at: Path, message: str, hint: str, *, of_key: bool = False) -> Fault:
    """Return a breach of IAM's grammar."""
    return Fault("bad-policy-document", at, message, hint, of_key)


def condition_faults(at: Path, condition: Any) -> Iterator[Fault]:  # noqa: ANN401 - parsed JSON or YAML
    """Yield faults in the form of a ``Condition``: its operators, and the types of its values."""
    if not isinstance(condition, Mapping):
        yield bad(at, f"Condition is {describe(condition)}", "write {OPERATOR: {KEY: VALUE}}")
        return
    for operator, tests in condition.items():
        here = (*at, operator)
        if operator_of(operator) is None and not isinstance(tests, Mapping):
            message = f"`{operator}` is in the place of a condition operator"
            yield bad(here, message, f"write StringEquals: {{{operator}: …}}, or another operator", of_key=True)
        elif operator_of(operator) is None:
            hint = did_you_mean(operator.rpartition(":")[2], OPERATORS, "write StringEquals, StringLike, Bool, …")
            yield bad(here, f"`{operator}` is not a condition operator of IAM", hint, of_key=True)
        elif not isinstance(tests, Mapping):
            yield bad(here, f"{operator} is {describe(tests)}", f"write {operator}: {{KEY: VALUE}}")
        for key, value in tests.items() if isinstance(tests, Mapping) else ():
            values = value if isinstance(value, list | tuple) else (value,)
            if not values or not all(_is_scalar(item) for item in values):
                hint = "write a value or a list of values, dates quoted"
                yield bad((*here, key), f"the condition on {key} is {describe(value)}", hint)


def value_faults(statement: Statement) -> Iterator[Fault]:
    """Yield condition values of a valid statement that have the wrong form for their operator.

    IAM's policy check calls them errors: invalid address, boolean, date, number, ARN
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-reference-policy-checks.html). A value with a
    variable of IAM or of the inventory may be anything.
    """
    for test in statement.conditions:
        operator = operator_of(test.operator)
        form = _FORMS.get(operator.kind) if operator is not None else None
        if form is None:
            continue
        fits, kind, hint = form
        for index, text in enumerate(test.values):
            if "${" not in text and "{{" not in text and not fits(text):
                message = f"{test.operator} on {test.name} needs {kind}, found `{text}`"
                yield Fault("bad-condition-value", test.place_of(index), message, f"write {hint}")


def _is_scalar(value: Any) -> bool:  # noqa: ANN401 - parsed JSON or YAML
    return isinstance(value, str | int | bool) or (isinstance(value, float) and math.isfinite(value))


_EPOCH = re.compile(r"[0-9]{1,12}", re.ASCII)
_DAY = re.compile(r"[0-9]{4}(-[0-9]{2}(-[0-9]{2}.*)?)?", re.ASCII | re.DOTALL)
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?", re.ASCII)


def _is_network(text: str) -> bool:
    try:
        ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def _is_date(text: str) -> bool:
    """Accept the forms of https://www.w3.org/TR/NOTE-datetime, and seconds since 1970."""
    if _EPOCH.fullmatch(text):
        return True
    if not _DAY.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(text + {4: "-01-01", 7: "-01"}.get(len(text), ""))
    except ValueError:
        return False
    return True


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode(text, validate=True)
    except ValueError:
        return False
    return True


def _may_be_arn(text: str) -> bool:
    head = text.partition(":")[0]
    return head == "arn" or "*" in head or "?" in head


def _is_boolean(text: str) -> bool:
    return text.lower() in ("true", "false")


def _is_number(text: str) -> bool:
    return _NUMBER.fullmatch(text) is not None


_FORMS: dict[Kind, tuple[Callable[[str], bool], str, str]] = {
    "Bool": (_is_boolean, "true or false", "true or false"),
    "Null": (_is_boolean, "true or false", "true if the key must be absent, false if it must be present"),
    "IpAddress": (_is_network, "an address or a network", "a network in CIDR form, such as 203.0.113.0/24"),
    "Numeric": (_is_number, "a number", "a number"),
    "Date": (_is_date, "a time", 'a time such as "2027-01-31T00:00:00Z", quoted'),
    "Arn": (_may_be_arn, "an ARN", "an ARN, or use StringEquals or StringLike"),
    "Binary": (_is_base64, "base64", "the value in base64"),
}
"""By kind of operator: the type of its values, in words, and the correction. A string may be any text."""
