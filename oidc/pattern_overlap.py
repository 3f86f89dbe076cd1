"""Whether two patterns of ARNs have anything in common: what a statement is about, and what its actions work on."""

import re
from functools import lru_cache

_ANY, _NO_SLASH, _ONE = "any run", "any run without a slash", "any one"
"""Tokens besides single characters, which they never equal."""

_PARTS = re.compile(r"\$\{(?P<name>[^}]*)\}|\{\{.*?\}\}|\*|\?|.", re.DOTALL)
_WITHOUT_SLASH = frozenset({"BucketName"})
"""A bucket's name has no slash (https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html): what has
one is an object."""

_ARN_PARTS = 6


def arns_overlap(one: str, other: str) -> bool:
    """Tell whether one resource could match both patterns of ARNs, part by part; variables could be anything.

    ``arn:aws:s3:::site/*`` and ``arn:${Partition}:s3:::${BucketName}`` have nothing in common: a bucket is no object.
    A pattern whose wildcard spans several parts of an ARN, such as ``*`` or ``arn:aws:s3*``, could match anything.
    """
    ours, theirs = _split(one), _split(other)
    if len(ours) < _ARN_PARTS or len(theirs) < _ARN_PARTS:
        return True
    return all(overlap(mine, yours) for mine, yours in zip(ours, theirs, strict=True))


def _split(arn: str) -> list[str]:
    """Split an ARN at its colons, those inside variables left alone."""
    hidden = re.sub(r"\$\{[^}]*\}", lambda match: match[0].replace(":", "\0"), arn)
    return [part.replace("\0", ":") for part in hidden.split(":", _ARN_PARTS - 1)]


@lru_cache(maxsize=16384)
def overlap(one: str, other: str) -> bool:
    """Tell whether a text exists that both patterns match; steps are at most the product of their lengths."""
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
    if mine in (_ANY, _NO_SLASH):
        absorbs = yours is not None and not (mine == _NO_SLASH and yours == "/")
        return {(at + 1, to), (at, to + 1)} if absorbs else {(at + 1, to)}
    if mine is None or yours is None or yours in (_ANY, _NO_SLASH):
        return set()
    return {(at + 1, to + 1)} if mine == yours or _ONE in (mine, yours) else set()


@lru_cache(maxsize=4096)
def _tokens(pattern: str) -> tuple[str, ...]:
    tokens: list[str] = []
    for match in _PARTS.finditer(pattern):
        name = match["name"]
        if match[0] == "*" or match[0].startswith("{{") or (name is not None and name not in ("*", "?", "$")):
            token = _NO_SLASH if name in _WITHOUT_SLASH else _ANY
            if tokens[-1:] == [_ANY] == [token]:
                continue  # one run after the other is one
            tokens.append(token)
        else:
            tokens.append(_ONE if match[0] == "?" else name or match[0])
    return tuple(tokens)
