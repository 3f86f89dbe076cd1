"""The Condition element of a statement: all of its tests must hold.

"If your policy statement has multiple condition operators, the condition operators are evaluated using a logical AND",
and so are the keys of one operator. The values of one key are alternatives. With a negated operator none of them may
match. Source:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-logic-multiple-context-keys-or-values.html
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from access.evaluation.decision import Check
from access.evaluation.operators import ConditionOperator, operator_of
from access.evaluation.request import RequestContext, Values
from oidc.errors import EvaluationError

_FAMILIES = {
    "aws:currenttime": ("Date",),
    "aws:epochtime": ("Date", "Numeric"),
    "aws:securetransport": ("Bool",),
    "aws:sourceip": ("IpAddress",),
    "aws:vpcsourceip": ("IpAddress",),
    "sts:roleauthorizedbyidp": ("Bool",),
}
"""Operator families for keys whose values are not plain text ("Works with …" on
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html)."""


def condition_checks(condition: object, context: RequestContext, *, variables: bool) -> Iterator[Check]:
    """Yield a check for each test of a Condition element.

    An undecided test gives a check with a problem: its key or values are unknown, or a fact of the call is missing.
    All tests must hold, so a failed test still decides the statement.

    Args:
        condition: The element, as parsed JSON.
        context: Context of the request.
        variables: Whether the policy's version has policy variables.

    Raises:
        EvaluationError: Its form is unknown, or IAM would refuse it.
    """
    if not isinstance(condition, Mapping):
        raise EvaluationError(f"expected an object of condition operators, found {condition!r}")
    for name, tests in condition.items():
        if not isinstance(tests, Mapping):
            raise EvaluationError(f"expected condition keys under {name}, found {tests!r}")
        if len({key.lower() for key in tests}) < len(tests):
            # Access Analyzer, "Duplicate keys with different case": AWS does not document which one counts.
            raise EvaluationError(f"{name} has one condition key twice, in two spellings", do="keep one of them")
        for key, values in tests.items():
            if not key.isascii():
                # Some such letters are ASCII in lower case: the kelvin sign becomes k.
                raise EvaluationError(f"{key!r} is not a condition key: it has characters other than ASCII")
            yield _check(name, key, _values_of(name, values), context, variables=variables)


def _check(name: str, key: str, expected: Values, context: RequestContext, *, variables: bool) -> Check:
    operator = None if name == "Null" else operator_of(name)
    actual: Values | None = None
    try:
        actual = context.values(key)
        if operator is None:
            return Check("Condition", name, key, expected, actual or (), _null_holds(expected, actual))
        _refuse_other_family(operator, key, name)
        holds = _holds(operator, expected, actual, context if variables else None)
    except EvaluationError as error:
        return Check("Condition", name, key, expected, actual or (), None, error)
    if holds is None:
        what = f"AWS does not document how {name} compares the several values of {key}: {', '.join(actual or ())}"
        problem = EvaluationError(what, do="use a set operator")
        return Check("Condition", name, key, expected, actual or (), None, problem)
    return Check("Condition", name, key, expected, actual or (), holds)


def _values_of(name: str, values: object) -> Values:
    if values == [] and name != "Null" and operator_of(name).needs_a_match:
        return ()
    return texts_of(values)


def texts_of(element: object) -> Values:
    """Return the values of a key or an element: text, a number or boolean as its text, or a list of them.

    Raises:
        EvaluationError: The list is empty, or a value is of another type.
    """
    values = element if isinstance(element, list) else [element]
    if not values or not all(isinstance(value, str | bool | int | float) for value in values):
        raise EvaluationError(f"{json.dumps(element)} is neither text nor a list of texts")
    return tuple(str(value).lower() if isinstance(value, bool) else str(value) for value in values)


def _refuse_other_family(operator: ConditionOperator, key: str, name: str) -> None:
    families = _FAMILIES.get(key.lower(), (operator.family,))
    if operator.family not in families:
        raise EvaluationError(
            f"{name} on {key}: AWS does not document the text of this key",
            do=f"use a {' or '.join(families)} operator",
        )


def _null_holds(expected: Values, actual: Values | None) -> bool:
    """Tell whether a key is missing for ``"true"``, or present for ``"false"``.

    Source: "Condition operator to check existence of condition keys" on the page of condition operators.
    """
    if not set(expected) <= {"true", "false"}:
        raise EvaluationError(f"Null takes true or false, not {', '.join(expected)}")
    return ("true" if actual is None else "false") in expected


def _holds(
    operator: ConditionOperator, expected: Values, actual: Values | None, context: RequestContext | None
) -> bool | None:
    """Tell whether a test holds; ``None`` if it has no set operator and several values give different results.

    Set operators: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html.
    ``ForAllValues`` holds for no value, "or if the key value resolves to a null dataset, such as an empty string", and
    ``ForAnyValue`` does not. "Multivalued context keys require a condition set operator": AWS does not document what
    happens without one, nor how STS reads a token with several audiences.
    """
    if operator.over and actual is not None:
        actual = tuple(value for value in actual if value) or None
    if actual is None:
        return operator.holds_without_key()
    results = [_value_holds(operator, expected, value, context) for value in actual]
    if operator.over:
        return all(results) if operator.over == "ForAllValues" else any(results)
    return results[0] if len(set(results)) == 1 else None


def _value_holds(operator: ConditionOperator, expected: Values, value: str, context: RequestContext | None) -> bool:
    # A list, so that every value is compared: a match never hides a value that cannot be compared.
    matching: list[bool] = [operator.compare(value, pattern, context) for pattern in expected]
    return any(matching) is not operator.negated


def parsed_object(value: object, what: str) -> Mapping[str, Any]:
    """Return the object, else raise.

    Raises:
        EvaluationError: The value is not an object.
    """
    if not isinstance(value, Mapping):
        raise EvaluationError(f"{what} must be an object, not {value!r}")
    return value
