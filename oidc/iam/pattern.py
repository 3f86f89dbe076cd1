"""Patterns of policies: match a text, find a common text of two patterns, test if one pattern covers another.

``*`` is any run of characters, ``?`` is one character. All functions work on the tokens of a pattern.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html, "Using wildcards
in resource ARNs", and the page of the Action element for actions, which are compared ignoring case.
"""

import re
from collections.abc import Iterable
from functools import lru_cache

from oidc.iam.statement import Statement


def covers_action(statement: Statement, action: str) -> bool:
    """Tell whether a statement applies to an action, for example ``iam:PutRolePolicy``, ignoring case."""
    if statement.has("NotAction"):
        return not matches_any(action.lower(), lowered(statement.values("NotAction")))
    return matches_any(action.lower(), lowered(statement.values("Action")))


def covers_resource(statement: Statement, arn: str) -> bool:
    """Tell whether a statement applies to the resource with this ARN; case counts."""
    if statement.has("NotResource"):
        return not matches_any(arn, statement.values("NotResource"))
    return matches_any(arn, statement.values("Resource"))


def lowered(patterns: Iterable[str]) -> tuple[str, ...]:
    """Return patterns in lower case."""
    return tuple(pattern.lower() for pattern in patterns)


def matches_any(text: str, patterns: tuple[str, ...]) -> bool:
    """Tell whether one of the patterns matches."""
    return any(matches(text, pattern) for pattern in patterns)


def matches(text: str, pattern: str) -> bool:
    """Match as IAM does, in linear steps for any number of stars.

    A policy variable, ``${aws:PrincipalTag/team}``, matches any text. ``${*}``, ``${?}`` and ``${$}`` are the bare
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
    """Return the pattern that matches only ``text``, with any characters: ``a*`` gives ``a${*}``.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html, "Special characters".
    """
    return re.sub(r"[*?$]", r"${\g<0>}", text)


ANY, ONE = "any run", "any one"
"""Wildcard tokens; they never equal a single character."""

_RUNS = {ANY: "", "any run without /": "/", "any run without :": ":"}
"""Tokens of runs, and the character that each excludes."""

_VARIABLE = r"\$\{(?P<name>[^}]*)(?:\}|\Z)"
_RENDERED = re.compile(rf"{_VARIABLE}|.", re.DOTALL)
_UNRENDERED = re.compile(rf"{_VARIABLE}|\{{\{{.*?\}}\}}|.", re.DOTALL)
_WILDCARDS = {"*": ANY, "?": ONE}
_LEAVES_OUT = {"BucketName": "/", "Partition": ":", "Region": ":", "Account": ":"}
"""The character that a part of a documented ARN never has. A bucket's name has no slash; with one it is an object
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html)."""


@lru_cache(maxsize=4096)
def tokens(pattern: str) -> tuple[str, ...]:
    """Return the tokens of a pattern in order: ``("s", "3", ":", ANY)`` for ``s3:*``.

    Adjacent wildcards get one order, ``?`` first, with one star at most: ``*?*`` becomes ``?*``.
    """
    return _in_one_order(map(_token, _RENDERED.finditer(pattern)))


@lru_cache(maxsize=4096)
def _unrendered_tokens(pattern: str) -> tuple[str, ...]:
    """Return the tokens of a pattern with variables of the inventory, or of an ARN format in AWS's reference."""
    return _in_one_order(map(_unrendered_token, _UNRENDERED.finditer(pattern)))


def _token(match: re.Match[str]) -> str:
    if (name := match["name"]) is not None:
        return name if name in ("*", "?", "$") else ANY
    return _WILDCARDS.get(match[0], match[0])


def _unrendered_token(match: re.Match[str]) -> str:
    if match[0].startswith("{{"):
        return "any run without :"  # the inventory's variables are names and numbers
    left_out = _LEAVES_OUT.get(match["name"] or "")
    return f"any run without {left_out}" if left_out else _token(match)


def _in_one_order(read: Iterable[str]) -> tuple[str, ...]:
    ordered: list[str] = []
    for token in read:
        if ordered and ordered[-1] == ANY and token == ONE:
            ordered[-1:] = [ONE, ANY]
        elif token not in _RUNS or ordered[-1:] != [token]:
            ordered.append(token)
    return tuple(ordered)


@lru_cache(maxsize=16384)
def overlap(left: str, right: str) -> bool:
    """Tell whether two patterns, written as in the inventory or in AWS's reference, match a common text.

    ``arn:aws:s3:::site/*`` and ``arn:${Partition}:s3:::${BucketName}`` have nothing in common: a bucket is no object.
    A star also matches colons, as in AWS's own policies: ``arn:aws:secretsmanager:*:*:name`` is in use.
    """
    return _have_a_text_in_common(_unrendered_tokens(left), _unrendered_tokens(right))


@lru_cache(maxsize=4096)
def intersect(left: str, right: str) -> bool:
    """Tell whether two rendered patterns match a common text: true for ``iam:pass*`` and ``*:passrole``."""
    return _have_a_text_in_common(tokens(left), tokens(right))


def _have_a_text_in_common(left: tuple[str, ...], right: tuple[str, ...]) -> bool:
    """Tell whether two patterns match a common text. Steps: at most the product of the numbers of tokens."""
    # Table: whether left[:i] and right[:j] have a common text. Only one row is kept.
    row = [all(token in _RUNS for token in right[:end]) for end in range(len(right) + 1)]
    for token in left:
        above, row = row, [row[0] and token in _RUNS]
        for position, against in enumerate(right):
            if token in _RUNS:
                # A run is empty, or takes the opposite token.
                row.append(above[position + 1] or (row[position] and against != _RUNS[token]))
            elif against in _RUNS:
                row.append(row[position] or (above[position + 1] and token != _RUNS[against]))
            else:
                row.append(above[position] and (ONE in (token, against) or token == against))
        if True not in row:
            return False
    return row[-1]


@lru_cache(maxsize=4096)
def covers(outer: str, inner: str) -> bool:
    """Tell whether every text that ``inner`` matches is matched by ``outer``: true for ``s3:*`` and ``s3:get?bject``.

    The function assumes that a character exists which no pattern names. A wildcard of ``inner`` can match it, and only
    a wildcard of ``outer`` can take it. The function follows the set of places in ``outer`` that each run of such
    characters can reach, until it finds no new place.
    """
    wide, narrow = tokens(outer), tokens(inner)
    waiting = [(0, _spread(wide, frozenset({0})))]
    seen = set(waiting)
    while waiting:
        position, places = waiting.pop()
        if not places or (position == len(narrow) and len(wide) not in places):
            return False
        if position == len(narrow):
            continue
        token = narrow[position]
        stepped = _step(wide, places, None if token in (ANY, ONE) else token)
        following = [(position, stepped), (position + 1, places)] if token == ANY else [(position + 1, stepped)]
        for each in following:
            if each not in seen:
                seen.add(each)
                waiting.append(each)
    return True


def covered_by_one(inner: str, outers: Iterable[str]) -> bool:
    """Tell whether one of the patterns covers ``inner``. Patterns that cover it only together are not recognised."""
    return any(covers(outer, inner) for outer in outers)


def _spread(wide: tuple[str, ...], places: frozenset[int]) -> frozenset[int]:
    """Add the places behind stars, because a star may take nothing. A star never follows another star."""
    return places | {place + 1 for place in places if place < len(wide) and wide[place] == ANY}


def _step(wide: tuple[str, ...], places: frozenset[int], character: str | None) -> frozenset[int]:
    """Return the places that one character reaches; ``None`` is a character that no pattern names."""
    stepped = {
        place if wide[place] == ANY else place + 1
        for place in places
        if place < len(wide) and wide[place] in (ANY, ONE, character)
    }
    return _spread(wide, frozenset(stepped))
