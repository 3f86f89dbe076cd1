"""What sets of patterns match together: whether two patterns have a text in common, and whether one covers another.

Patterns are those of ``oidc.policy_patterns``: ``*`` any run of characters, ``?`` one. Case counts; actions are lowered
by whoever asks, since IAM compares them ignoring case
(https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_action.html).
"""

from collections.abc import Iterable
from functools import lru_cache

from oidc.policy_patterns import ANY, ONE, tokens


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
