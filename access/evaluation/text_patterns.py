"""Compare values of a policy with text: replace policy variables, then match with or without wildcards."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from access.evaluation.request import RequestContext
from oidc.errors import EvaluationError


# NOTE: intentional: this engine is separate from oidc/iam/pattern.py, as operators.py is from its counterpart.
class Wildcard(Enum):
    """A wildcard of a value.

    Source: "multi-character match wildcards (*) and single-character match wildcards (?) anywhere in the string",
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
    """

    ANY_RUN = "*"
    ANY_ONE = "?"


Token = str | Wildcard
"""One character of a value, or a wildcard."""

_WILDCARDS = {wildcard.value: wildcard for wildcard in Wildcard}


def plain_tokens(value: str) -> tuple[Token, ...]:
    """Split a value into wildcards and characters; ``${`` has no special meaning."""
    return tuple(_WILDCARDS.get(character, character) for character in value)


@dataclass(frozen=True, slots=True)
class Variable:
    """A policy variable in a value of a policy.

    Attributes:
        text: The text between ``${`` and ``}``: ``aws:PrincipalTag/team, 'core'``.
        closed: Whether a brace closes it.
    """

    text: str
    closed: bool = True

    @property
    def bare(self) -> str:
        """The character that ``${*}``, ``${?}`` or ``${$}`` means; empty for every other variable."""
        return self.text if self.closed and self.text in ("*", "?", "$") else ""

    @property
    def is_placeholder(self) -> bool:
        """Whether it is a placeholder such as ``${REPO_UUID}``: a condition key has a colon, so this has no value.

        Source: https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
        """
        return self.closed and _NO_KEY.fullmatch(self.text) is not None

    def key_and_default(self) -> tuple[str, str | None]:
        """Return the key and its default, if it has one: ``("aws:PrincipalTag/team", "core")``.

        Raises:
            EvaluationError: AWS documents only the forms ``${key}`` and ``${key, 'default'}``.
        """
        match = _KEY_AND_DEFAULT.fullmatch(self.text)
        if not self.closed or match is None:
            raise EvaluationError(f"the policy variable {self.text!r} has a form that AWS does not document")
        return match["key"], match["default"]


_NO_KEY = re.compile(r"[A-Za-z0-9_.-]+", re.ASCII)
_KEY_AND_DEFAULT = re.compile(r"(?P<key>[^\s,'{}](?:[^,'{}]*[^\s,'{}])?)(?:, '(?P<default>[^']*)')?")


def parts_of(value: str) -> Iterator[str | Variable]:
    """Yield the texts and policy variables of a value: ``a${*}b`` gives ``"a"``, ``Variable("*")``, ``"b"``.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
    """
    remaining = value
    while "${" in remaining:
        before, _, after = remaining.partition("${")
        text, closed, remaining = after.partition("}")
        yield before
        yield Variable(text, bool(closed))
    yield remaining


def tokens_of(value: str, context: RequestContext | None) -> tuple[Token, ...] | None:
    """Replace policy variables and split into wildcards and characters; ``None`` if a variable has no value.

    A variable without a value "is effectively null. There is no equal or like value". ``${*}``, ``${?}`` and ``${$}``
    are the bare characters; ``${key, 'text'}`` has a default. Source:
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html

    Args:
        value: As written in the policy.
        context: Of the request; ``None`` for policy version 2008-10-17, where ``${`` has no special meaning.

    Raises:
        EvaluationError: A variable has an undocumented form, an unknown key or several values, or its value or default
            contains a wildcard.
    """
    if context is None:
        return plain_tokens(value)
    parts = [plain_tokens(part) if isinstance(part, str) else _value_of(part, context) for part in parts_of(value)]
    known = [tokens for tokens in parts if tokens is not None]
    return tuple(token for tokens in known for token in tokens) if len(known) == len(parts) else None


def _value_of(variable: Variable, context: RequestContext) -> Sequence[Token] | None:
    if variable.bare or variable.is_placeholder:
        return variable.bare or None
    key, default = variable.key_and_default()
    values = context.values(key)
    if values is None:
        values = () if default is None else (default,)
    if len(values) > 1 or any(_WILDCARDS.keys() & set(value) for value in values):
        raise EvaluationError(f"AWS does not document the value of the policy variable {variable.text!r} in this call")
    return values[0] if values else None


def literal(tokens: Sequence[Token]) -> str:
    """Return the text for an operator without wildcards: ``*`` is an ordinary character."""
    return "".join(token.value if isinstance(token, Wildcard) else token for token in tokens)


def matches(text: str, tokens: Sequence[Token]) -> bool:
    """Tell whether a pattern matches the whole text, case-sensitively.

    Stars separate runs of fixed length. The first run must match at the beginning of the text and the last one at the
    end. Each run between them can take the first position where it matches.
    """
    runs: list[list[Token]] = [[]]
    for token in tokens:
        if token is Wildcard.ANY_RUN:
            runs.append([])
        else:
            runs[-1].append(token)
    if len(runs) == 1:
        return len(text) == len(runs[0]) and _run_matches(text, 0, runs[0])
    first, *middle, last = runs
    position, end = len(first), len(text) - len(last)
    if position > end or not _run_matches(text, 0, first) or not _run_matches(text, end, last):
        return False
    for run in middle:
        places = range(position, end - len(run) + 1)
        match = next((place for place in places if _run_matches(text, place, run)), None)
        if match is None:
            return False
        position = match + len(run)
    return True


def _run_matches(text: str, place: int, run: Sequence[Token]) -> bool:
    return all(token in (Wildcard.ANY_ONE, text[place + offset]) for offset, token in enumerate(run))
