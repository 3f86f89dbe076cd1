"""Names that AWS adds to every month, policies that it manages and regions; and the known name that was meant.

A name that resembles no known name may be new, so it passes. ``make update-data`` renews the lists; each begins with
its source and the day on which that was read.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files

DATA = files("config").joinpath("data")
"""The folder of the lists: one name in each line, after a head of lines that begin with ``#``."""

SERVICE_LINKED = "aws-service-role/"
"""Path of the managed policies of service-linked roles, which IAM attaches to no other role: see PolicyNotAttachable in
https://docs.aws.amazon.com/IAM/latest/APIReference/API_AttachRolePolicy.html."""

_MOST_EDITS = 2


def _names(file: str) -> frozenset[str]:
    lines = DATA.joinpath(file).read_text(encoding="utf-8").splitlines()
    return frozenset(line for line in lines if not line.startswith("#"))


@cache
def managed_policies() -> frozenset[str]:
    """Return the policies that AWS manages, with their paths: ``job-function/ViewOnlyAccess``."""
    return _names("managed-policies.txt")


@cache
def regions() -> frozenset[str]:
    """Return the regions of all partitions: ``eu-west-1``."""
    return _names("regions.txt")


@cache
def meant_policy(name: str) -> str | None:
    """Return the managed policy that a name misspells: ``ReadOnlyAccess`` for ``ReadOnlyAcess``, else ``None``.

    Only the case or the path differs, or at most two small letters. Capitals and digits tell policies of AWS apart:
    AmazonSNSFullAccess and AmazonSQSFullAccess, CloudWatchFullAccess and CloudWatchFullAccessV2.

    Args:
        name: With its path: ``service-role/AWSConfigRole``.
    """
    if name in managed_policies():
        return None
    last = _last(name)
    by_name, by_capitals = _managed_policies_by()
    if last.lower() in by_name:
        # Names are unique in an account, whatever their paths, ignoring case
        # (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html#reference_iam-quotas-names).
        return by_name[last.lower()]
    near = _nearest(last, by_capitals.get(_capitals(last), {}))
    return by_name[near.lower()] if near is not None else None


@cache
def _managed_policies_by() -> tuple[Mapping[str, str], Mapping[str, list[str]]]:
    """Return the managed policies by name in lower case, and the attachable names by their capitals and digits."""
    by_name = {_last(known).lower(): known for known in managed_policies()}
    by_capitals = defaultdict(list)
    for known in managed_policies():
        if not known.startswith(SERVICE_LINKED):
            by_capitals[_capitals(_last(known))].append(_last(known))
    return by_name, by_capitals


def _last(name: str) -> str:
    return name.rpartition("/")[2]


def _capitals(name: str) -> str:
    return re.sub(r"[^A-Z0-9]", "", name)


_DIRECTIONS = frozenset(
    {"central", "east", "north", "northeast", "northwest", "south", "southeast", "southwest", "west"}
)


@cache
def meant_region(region: str) -> str | None:
    """Return the region that a text misspells: ``eu-west-1`` for ``eu-wst-1`` and ``euwest1``, else ``None``.

    A known area with another direction or another digit may be a new region: ``eu-east-1``, ``us-east-3``.
    """
    if region in regions():
        return None
    squeezed = re.sub(r"[^a-z0-9]", "", region.lower())
    for known in regions():
        plain = known.replace("-", "")
        if squeezed == plain or re.fullmatch(f"{plain}[a-z]", squeezed):  # eu-west-1a is an availability zone
            return known
    words, _, number = region.rpartition("-")
    of_words = {known.rpartition("-")[0] for known in regions()}
    if words in of_words and len(number) == 1:
        return None
    meant = words if words in of_words else _meant_words(words, of_words)
    if meant is None:
        return None
    numbers = [number, number.lstrip("0"), number[:1]]
    return min(
        (known for known in regions() if known.rpartition("-")[0] == meant),
        key=lambda known: (known.rpartition("-")[2] not in numbers, known),
    )


def _meant_words(words: str, known: Iterable[str]) -> str | None:
    """Return the known area and direction that were meant: ``eu-west`` for ``eu-wst`` and ``ue-west``."""
    area, _, direction = words.rpartition("-")
    if direction not in _DIRECTIONS:
        return _nearest(words, known)
    if area in {each.rpartition("-")[0] for each in known}:
        return None
    swapped = (each for each in known if each.endswith(f"-{direction}") and sorted(each) == sorted(words))
    return next(swapped, None)


def _nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word with the fewest edits, at most two; ``None`` if all have more."""
    edits, near = min(((_edits(word, each), each) for each in sorted(known)), default=(_MOST_EDITS + 1, ""))
    return near if edits <= _MOST_EDITS else None


def _edits(word: str, other: str) -> int:
    """Count the letters to insert, delete, replace, or swap with their neighbour; from three on, the count is a bound.

    Source: the optimal string alignment distance, https://en.wikipedia.org/wiki/Damerau-Levenshtein_distance.
    """
    if abs(len(word) - len(other)) > _MOST_EDITS:
        return _MOST_EDITS + 1
    before: list[int] = []
    last = list(range(len(other) + 1))
    for row, letter in enumerate(word, 1):
        line = [row]
        for column, another in enumerate(other, 1):
            count = min(last[column] + 1, line[-1] + 1, last[column - 1] + (letter != another))
            if row > 1 and column > 1 and letter == other[column - 2] and word[row - 2] == another:
                count = min(count, before[column - 2] + 1)
            line.append(count)
        before, last = last, line
    return last[-1]
