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
    All tests must hold, so another test that fails still decides the statement.

    Args:
        condition: The element, as parsed JSON.
        context: Context of the request.
        variables: Whether the policy's version has policy variables.

    Raises:
        EvaluationError: Its form is unknown, or IAM would refuse it.
    """
    if not isinstance(condition, Mapping):
        raise EvaluationError(f"a Condition is an object of operators, not {condition!r}")
    for name, tests in condition.items():
        if not isinstance(tests, Mapping):
            raise EvaluationError(f"the condition operator {name} stands before keys, not before {tests!r}")
        if len({key.lower() for key in tests}) < len(tests):
            # Access Analyzer, "Duplicate keys with different case": AWS does not say which one counts.
            raise EvaluationError(f"{name} has one condition key twice, in two spellings", do="keep one of them")
        for key, written in tests.items():
            if not key.isascii():
                # Some such letters are ASCII in lower case: the sign of the kelvin is a k.
                raise EvaluationError(f"no condition key is {key!r}: it has other characters than ASCII")
            yield _check(name, key, texts_of(written), context, variables=variables)


def _check(name: str, key: str, wanted: Values, context: RequestContext, *, variables: bool) -> Check:
    operator = None if name == "Null" else operator_of(name)
    found: Values | None = None
    try:
        found = context.values(key)
        if operator is None:
            return Check("Condition", name, key, wanted, found or (), _null_holds(wanted, found))
        _refuse_other_family(operator, key, name)
        holds = _holds(operator, wanted, found, context if variables else None)
    except EvaluationError as error:
        return Check("Condition", name, key, wanted, found or (), None, error)
    if holds is None:
        what = f"AWS does not document how {name} compares the several values of {key}: {', '.join(found or ())}"
        problem = EvaluationError(what, do="compare it by a set operator")
        return Check("Condition", name, key, wanted, found or (), None, problem)
    return Check("Condition", name, key, wanted, found or (), holds)


def texts_of(written: object) -> Values:
    """Return the values of a key: text, or a number or boolean that stands for its text, or a list of them."""
    values = written if isinstance(written, list) else [written]
    if not values or not all(isinstance(value, str | bool | int | float) for value in values):
        raise EvaluationError(f"{json.dumps(written)} is neither text nor a list of texts")
    return tuple(str(value).lower() if isinstance(value, bool) else str(value) for value in values)


def _refuse_other_family(operator: ConditionOperator, key: str, name: str) -> None:
    families = _FAMILIES.get(key.lower(), (operator.family,))
    if operator.family not in families:
        raise EvaluationError(
            f"{name} on {key}: how AWS writes that key as text is not documented",
            do=f"compare it by a {' or '.join(families)} operator",
        )


def _null_holds(wanted: Values, found: Values | None) -> bool:
    """Tell whether a key is missing for ``"true"``, or present for ``"false"``.

    Source: "Condition operator to check existence of condition keys" on the page of condition operators.
    """
    if not set(wanted) <= {"true", "false"}:
        raise EvaluationError(f"Null asks for true or false, not for {', '.join(wanted)}")
    return ("true" if found is None else "false") in wanted


def _holds(
    operator: ConditionOperator, wanted: Values, found: Values | None, context: RequestContext | None
) -> bool | None:
    """Tell whether a test holds; ``None`` if it has no set operator and depends on which of several values counts.

    Set operators: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html.
    ``ForAllValues`` holds for no value, "or if the key value resolves to a null dataset, such as an empty string", and
    ``ForAnyValue`` does not. "Multivalued context keys require a condition set operator": AWS does not say what
    happens without one, nor how STS reads a token with several audiences.
    """
    if operator.over and found is not None:
        found = tuple(value for value in found if value) or None
    if found is None:
        return operator.holds_without_key()
    each = [_one_holds(operator, wanted, value, context) for value in found]
    if operator.over:
        return all(each) if operator.over == "ForAllValues" else any(each)
    return each[0] if len(set(each)) == 1 else None


def _one_holds(operator: ConditionOperator, wanted: Values, value: str, context: RequestContext | None) -> bool:
    # A list, so that every value is compared: an earlier value never hides one that cannot be compared.
    matching: list[bool] = [operator.compare(value, each, context) for each in wanted]
    return any(matching) is not operator.negated


def parsed_object(value: object, what: str) -> Mapping[str, Any]:
    """Return the object, else raise."""
    if not isinstance(value, Mapping):
        raise EvaluationError(f"{what} is an object, not {value!r}")
    return value
