"""Values of a policy: policy variables put in, and compared with wildcards or without."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from access.evaluation.request import RequestContext
from oidc.errors import EvaluationError


# NOTE: intentional: a pattern engine of its own beside oidc/iam/pattern.py, as with operators.py here.
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


@dataclass(frozen=True, slots=True)
class Variable:
    """What stands between ``${`` and ``}`` in a value of a policy.

    Attributes:
        inside: The text there: ``aws:PrincipalTag/team, 'core'``.
        closed: Whether a brace closes it.
    """

    inside: str
    closed: bool = True

    @property
    def bare(self) -> str:
        """The character that ``${*}``, ``${?}`` and ``${$}`` stand for; empty for every other variable."""
        return self.inside if self.closed and self.inside in ("*", "?", "$") else ""

    @property
    def is_placeholder(self) -> bool:
        """Whether it names no key: ``${REPO_UUID}``. Every condition key has a colon, so AWS never has a value.

        Source: https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
        """
        return self.closed and _NO_KEY.fullmatch(self.inside) is not None

    def key_and_default(self) -> tuple[str, str | None]:
        """Return the key and, where one is written, its default: ``("aws:PrincipalTag/team", "core")``.

        Raises:
            EvaluationError: It has another form than AWS documents, ``${key}`` or ``${key, 'default'}``.
        """
        found = _KEY_AND_DEFAULT.fullmatch(self.inside)
        if not self.closed or found is None:
            raise EvaluationError(f"the policy variable {self.inside!r} has a form that AWS does not document")
        return found["key"], found["default"]


_NO_KEY = re.compile(r"[A-Za-z0-9_.-]+", re.ASCII)
_KEY_AND_DEFAULT = re.compile(r"(?P<key>[^\s,'{}](?:[^,'{}]*[^\s,'{}])?)(?:, '(?P<default>[^']*)')?")


def parts_of(value: str) -> Iterator[str | Variable]:
    """Yield the parts of a value: text, and policy variables; for ``a${*}b`` ``"a"``, ``Variable("*")`` and ``"b"``.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
    """
    rest = value
    while "${" in rest:
        before, _, after = rest.partition("${")
        inside, closed, rest = after.partition("}")
        yield before
        yield Variable(inside, bool(closed))
    yield rest


def tokens_of(value: str, context: RequestContext | None) -> tuple[Token, ...] | None:
    """Put policy variables in and tell wildcards from characters; ``None`` where a variable has no value.

    A variable without a value "is effectively null. There is no equal or like value". ``${*}``, ``${?}`` and ``${$}``
    are the bare characters, ``${key, 'text'}`` has a default. Source:
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html

    Args:
        value: As the policy has it.
        context: Of the request; ``None`` for a policy of version 2008-10-17, where ``${`` is nothing special.

    Raises:
        EvaluationError: A variable has a form that is not documented, is a key that is not known here, or has several
            values, or its value or default has a wildcard itself.
    """
    if context is None:
        return plain_tokens(value)
    put_in = [plain_tokens(part) if isinstance(part, str) else _value_of(part, context) for part in parts_of(value)]
    known = [tokens for tokens in put_in if tokens is not None]
    return tuple(token for tokens in known for token in tokens) if len(known) == len(put_in) else None


def _value_of(variable: Variable, context: RequestContext) -> Sequence[Token] | None:
    if variable.bare or variable.is_placeholder:
        return variable.bare or None
    key, default = variable.key_and_default()
    values = context.values(key)
    if values is None:
        values = () if default is None else (default,)
    if len(values) > 1 or any(_WILDCARDS.keys() & set(value) for value in values):
        raise EvaluationError(f"what AWS puts in for the policy variable {variable.inside!r} here is not documented")
    return values[0] if values else None


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
