"""What the patterns of a policy statement match: ``*`` any run of characters, ``?`` one.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html, "Using wildcards
in resource ARNs", and the page of the Action element for actions, which are compared ignoring case.
"""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any


def statements_of(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the statements of a parsed document, of which one may stand without a list around it."""
    return [statement for statement in many(document.get("Statement", [])) if isinstance(statement, Mapping)]


def covers_action(statement: Mapping[str, Any], action: str) -> bool:
    """Tell whether a statement is about an action, for example ``iam:PutRolePolicy``, ignoring case."""
    if "NotAction" in statement:
        return not matches_any(action.lower(), lowered(statement["NotAction"]))
    return matches_any(action.lower(), lowered(statement.get("Action", ())))


def covers_resource(statement: Mapping[str, Any], arn: str) -> bool:
    """Tell whether a statement is about the resource with this ARN; ARNs are compared with case."""
    if "NotResource" in statement:
        return not matches_any(arn, tuple(map(str, many(statement["NotResource"]))))
    return matches_any(arn, tuple(map(str, many(statement.get("Resource", ())))))


def many(value: Any) -> Iterable[Any]:  # noqa: ANN401 - parsed JSON
    """Return the members of a list, or a scalar as the only one."""
    return value if isinstance(value, list | tuple) else (value,)


def lowered(value: Any) -> tuple[str, ...]:  # noqa: ANN401 - parsed JSON
    """Return one or several patterns in lower case."""
    return tuple(str(pattern).lower() for pattern in many(value))


def matches_any(text: str, patterns: tuple[str, ...]) -> bool:
    """Tell whether one of the patterns matches."""
    return any(matches(text, pattern) for pattern in patterns)


def matches(text: str, pattern: str) -> bool:
    """Match as IAM does, in linear steps, whatever the number of stars.

    A policy variable, ``${aws:PrincipalTag/team}``, could be anything; ``${*}``, ``${?}`` and ``${$}`` are the bare
    characters.
    """
    expected = tokens(pattern)
    position = matched = 0
    star, resume = -1, 0
    while position < len(text):
        if matched < len(expected) and expected[matched] == ANY:
            star, resume = matched, position
            matched += 1
        elif matched < len(expected) and expected[matched] in (ONE, text[position]):
            position += 1
            matched += 1
        elif star >= 0:
            resume += 1
            matched, position = star + 1, resume
        else:
            return False
    return all(token == ANY for token in expected[matched:])


def literally(text: str) -> str:
    """Return the pattern that matches ``text`` alone, whatever characters it has: ``a*`` gives ``a${*}``.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html, "Special characters".
    """
    return re.sub(r"[*?$]", r"${\g<0>}", text)


ANY, ONE = "any run", "any one"
"""Tokens besides single characters, which they never equal."""


@lru_cache(maxsize=4096)
def tokens(pattern: str) -> tuple[str, ...]:
    """Return what a pattern asks for, one after the other: ``("s", "3", ":", ANY)`` for ``s3:*``."""
    found: list[str] = []
    before, opened, rest = pattern.partition("${")
    while True:
        found += [ANY if character == "*" else ONE if character == "?" else character for character in before]
        if not opened:
            return tuple(found)
        variable, _, after = rest.partition("}")
        found.append(variable if variable in ("*", "?", "$") else ANY)
        before, opened, rest = after.partition("${")
