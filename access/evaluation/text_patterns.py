"""Values of a policy: policy variables put in, and compared with wildcards or without."""

from collections.abc import Sequence
from enum import Enum

from access.evaluation.request import RequestContext
from oidc.errors import EvaluationError


class Wildcard(Enum):
    """What matches more than itself.

    Source: "multi-character match wildcards (*) and single-character match wildcards (?) anywhere in the string",
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
    """

    ANY_RUN = "*"
    ANY_ONE = "?"


Token = str | Wildcard
"""One character of a value, or a wildcard."""

_WILDCARDS = {wildcard.value: wildcard for wildcard in Wildcard}


def plain_tokens(value: str) -> tuple[Token, ...]:
    """Tell wildcards from characters, where ``${`` is nothing special."""
    return tuple(_WILDCARDS.get(character, character) for character in value)


def tokens_of(value: str, context: RequestContext | None) -> tuple[Token, ...] | None:
    """Put policy variables in and tell wildcards from characters; ``None`` where a variable has no value.

    A variable without a value "is effectively null. There is no equal or like value". ``${*}``, ``${?}`` and ``${$}``
    are the bare characters, ``${key, 'text'}`` has a default. Source:
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html

    Args:
        value: As the policy has it.
        context: Of the request; ``None`` for a policy of version 2008-10-17, where ``${`` is nothing special.

    Raises:
        EvaluationError: A variable is not closed, is a key that is not known here, or has several values, or its value
            has a wildcard itself.
    """
    tokens: list[Token] = []
    rest = value
    while context is not None and "${" in rest:
        before, _, after = rest.partition("${")
        variable, closed, rest = after.partition("}")
        if not closed:
            raise EvaluationError(f"the policy variable in {value!r} is not closed")
        put_in = _value_of(variable, context)
        if put_in is None:
            return None
        tokens += (*plain_tokens(before), *put_in)
    return (*tokens, *plain_tokens(rest))


def _value_of(variable: str, context: RequestContext) -> str | None:
    if variable in ("*", "?", "$"):
        return variable
    key, has_default, default = variable.partition(",")
    values = context.values(key.strip())
    if values is None:
        default = default.strip()
        if has_default and not (len(default) > 1 and default[0] == default[-1] == "'"):
            raise EvaluationError(f"the default of the policy variable {variable!r} is not in single quotes")
        return default[1:-1] if has_default else None
    if len(values) != 1 or _WILDCARDS.keys() & set(values[0]):
        raise EvaluationError(f"what AWS puts in for the policy variable {variable!r} here is not documented")
    return values[0]


def literal(tokens: Sequence[Token]) -> str:
    """Return what an operator without wildcards compares with: there ``*`` is a character like any other."""
    return "".join(token.value if isinstance(token, Wildcard) else token for token in tokens)


def matches(text: str, tokens: Sequence[Token]) -> bool:
    """Tell whether a pattern matches the whole of a text, case by case.

    Between stars there are runs of fixed length: the first and the last one stand where the text begins and ends, and
    each other one may as well stand at the first place that takes it.
    """
    runs: list[list[Token]] = [[]]
    for token in tokens:
        if token is Wildcard.ANY_RUN:
            runs.append([])
        else:
            runs[-1].append(token)
    if len(runs) == 1:
        return len(text) == len(runs[0]) and _stands_at(text, 0, runs[0])
    first, *middle, last = runs
    position, end = len(first), len(text) - len(last)
    if position > end or not _stands_at(text, 0, first) or not _stands_at(text, end, last):
        return False
    for run in middle:
        places = range(position, end - len(run) + 1)
        found = next((place for place in places if _stands_at(text, place, run)), None)
        if found is None:
            return False
        position = found + len(run)
    return True


def _stands_at(text: str, place: int, run: Sequence[Token]) -> bool:
    return all(token in (Wildcard.ANY_ONE, text[place + offset]) for offset, token in enumerate(run))
