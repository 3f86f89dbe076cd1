"""Whether two patterns of ARNs have anything in common: what a statement is about, and what its actions work on."""

import re
from functools import lru_cache

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
