"""What the patterns of a policy statement match: ``*`` any run of characters, ``?`` one.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html, "Using wildcards
in resource ARNs", and the page of the Action element for actions, which are compared ignoring case.
"""

import re
from collections.abc import Iterable
from functools import lru_cache

from oidc.iam.statement import Statement


def covers_action(statement: Statement, action: str) -> bool:
    """Tell whether a statement is about an action, for example ``iam:PutRolePolicy``, ignoring case."""
    if statement.has("NotAction"):
        return not matches_any(action.lower(), lowered(statement.values("NotAction")))
    return matches_any(action.lower(), lowered(statement.values("Action")))


def covers_resource(statement: Statement, arn: str) -> bool:
    """Tell whether a statement is about the resource with this ARN; ARNs are compared with case."""
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
    """Return what a pattern asks for, one after the other: ``("s", "3", ":", ANY)`` for ``s3:*``.

    Wildcards that follow one another are in one order, ``?`` first, with one star at most: ``*?*`` is ``?*``.
    """
    found: list[str] = []
    before, opened, rest = pattern.partition("${")
    while True:
        found += [ANY if character == "*" else ONE if character == "?" else character for character in before]
        if not opened:
            return _in_one_order(found)
        variable, _, after = rest.partition("}")
        found.append(variable if variable in ("*", "?", "$") else ANY)
        before, opened, rest = after.partition("${")


def _in_one_order(found: list[str]) -> tuple[str, ...]:
    ordered: list[str] = []
    for token in found:
        if ordered and ordered[-1] == ANY and token in (ANY, ONE):
            ordered[-1:] = [ANY] if token == ANY else [ONE, ANY]
        else:
            ordered.append(token)
    return tuple(ordered)


_ANY, _ONE = "any run", "any one"
_RUN_WITHOUT = {"/": "any run without /", ":": "any run without :"}
_RUNS = {_ANY: "", **{token: excluded for excluded, token in _RUN_WITHOUT.items()}}
"""Tokens besides single characters, which they never equal; for runs, what they leave out."""

_PARTS = re.compile(r"\$\{(?P<name>[^}]*)\}|\{\{.*?\}\}|\*|\?|.", re.DOTALL)
_EXCLUDED = {"BucketName": "/", "Partition": ":", "Region": ":", "Account": ":"}
"""What a part of a documented ARN never has. A bucket's name has no slash: what has one is an object
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html)."""


@lru_cache(maxsize=16384)
def overlap(one: str, other: str) -> bool:
    """Tell whether a text exists that both patterns match; variables could be anything.

    ``arn:aws:s3:::site/*`` and ``arn:${Partition}:s3:::${BucketName}`` have nothing in common: a bucket is no object.
    A star runs over colons as well, as AWS's own policies have it: ``arn:aws:secretsmanager:*:*:name`` is in use. Steps
    are at most the product of the patterns' lengths.
    """
    ours, theirs = _tokens(one), _tokens(other)
    waiting, seen = [(0, 0)], {(0, 0)}
    while waiting:
        at, to = waiting.pop()
        if (at, to) == (len(ours), len(theirs)):
            return True
        mine = ours[at] if at < len(ours) else None
        yours = theirs[to] if to < len(theirs) else None
        steps = _steps(mine, yours, at, to) | {(there, here) for here, there in _steps(yours, mine, to, at)}
        waiting += steps - seen
        seen |= steps
    return False


def _steps(mine: str | None, yours: str | None, at: int, to: int) -> set[tuple[int, int]]:
    if mine in _RUNS:
        absorbs = yours is not None and yours != _RUNS[mine]
        return {(at + 1, to), (at, to + 1)} if absorbs else {(at + 1, to)}
    if mine is None or yours is None or yours in _RUNS:
        return set()
    return {(at + 1, to + 1)} if mine == yours or _ONE in (mine, yours) else set()


@lru_cache(maxsize=4096)
def _tokens(pattern: str) -> tuple[str, ...]:
    tokens: list[str] = []
    for match in _PARTS.finditer(pattern):
        token = _token(match[0], match["name"])
        # One run after the other is one, and costs steps.
        if tokens[-1:] != [token] or token not in _RUNS:
            tokens.append(token)
    return tuple(tokens)


def _token(text: str, variable: str | None) -> str:
    if text.startswith("{{"):
        return _RUN_WITHOUT[":"]  # the inventory's variables are names and numbers
    if variable is not None:
        bare = variable in ("*", "?", "$")
        return variable if bare else _RUN_WITHOUT[_EXCLUDED[variable]] if variable in _EXCLUDED else _ANY
    return {"*": _ANY, "?": _ONE}.get(text, text)


@lru_cache(maxsize=4096)
def intersect(one: str, other: str) -> bool:
    """Tell whether some text is matched by both patterns: true for ``iam:pass*`` and ``*:passrole``."""
    left, right = tokens(one), tokens(other)
    # A table of whether left[:i] and right[:j] have a text in common, of which one row is kept at a time.
    row = [all(token == ANY for token in right[:end]) for end in range(len(right) + 1)]
    for token in left:
        above, row = row, [row[0] and token == ANY]
        for position, against in enumerate(right):
            if ANY in (token, against):
                # A star is for nothing, or for whatever stands beside it.
                row.append(above[position + 1] or row[position])
            else:
                row.append(above[position] and (ONE in (token, against) or token == against))
    return row[-1]


@lru_cache(maxsize=4096)
def covers(outer: str, inner: str) -> bool:
    """Tell whether every text that ``inner`` matches is matched by ``outer``: true for ``s3:*`` and ``s3:get?bject``.

    Decided as if there were more characters than any pattern names: what a wildcard of ``inner`` stands for is then a
    character that only a wildcard of ``outer`` takes, and the set of places in ``outer`` that each run of such
    characters can lead to is followed until nothing new is found.
    """
    wide, narrow = tokens(outer), tokens(inner)
    waiting = [(0, _spread(wide, frozenset({0})))]
    seen = set(waiting)
    while waiting:
        position, places = waiting.pop()
        if position == len(narrow):
            if len(wide) not in places:
                return False
            continue
        token = narrow[position]
        stepped = _step(wide, places, None if token in (ANY, ONE) else token)
        following = [(position, stepped), (position + 1, places)] if token == ANY else [(position + 1, stepped)]
        for found in following:
            if found not in seen:
                seen.add(found)
                waiting.append(found)
    return True


def covered_by_one(inner: str, outers: Iterable[str]) -> bool:
    """Tell whether one of the patterns covers ``inner``. Several that do so only together are not recognised."""
    return any(covers(outer, inner) for outer in outers)


def _spread(wide: tuple[str, ...], places: frozenset[int]) -> frozenset[int]:
    """Add the places behind stars that take nothing."""
    found = set(places)
    for place in sorted(places):
        following = place
        while following < len(wide) and wide[following] == ANY:
            following += 1
            found.add(following)
    return frozenset(found)


def _step(wide: tuple[str, ...], places: frozenset[int], character: str | None) -> frozenset[int]:
    """Return the places that one character leads to; ``None`` is a character that no pattern names."""
    found: set[int] = set()
    for place in places:
        if place < len(wide):
            if wide[place] == ANY:
                found.add(place)
            elif wide[place] == ONE or wide[place] == character:
                found.add(place + 1)
    return _spread(wide, frozenset(found))
