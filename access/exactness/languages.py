"""Compare patterns with sets of steps, as regular languages over the grammar of ``sub``.

A ``StringLike`` pattern is a small nondeterministic automaton: a star stays, a question mark takes any character. The
comparison walks both sides along the grammar place by place, and takes characters together that neither side
distinguishes. This is the product construction for two automata. Subjects have only two lengths, so it has no loops.

``*`` is any run of characters, ``?`` is exactly one, with case:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

import re
from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from itertools import product
from math import prod
from typing import NamedTuple

from access.exactness.steps import GRAMMAR, HEX, Form, Product, StepSet

_END = "\n"
"""End of each pattern in the joined text; the grammar has no such character."""

States = frozenset[int]
"""Places that the patterns can have reached in the joined text."""


class Subject(NamedTuple):
    """A subject on which patterns and steps disagree.

    Attributes:
        text: ``{9a6d6bde-…}:{00000000-…}``.
        admitted: Whether a pattern matches it; if not, it is declared but not admitted.
    """

    text: str
    admitted: bool


def difference(
    patterns: Collection[str], steps: Collection[StepSet], grammar: tuple[Product, ...] = GRAMMAR
) -> Subject | None:
    """Return a subject that only the patterns or only the steps have; ``None`` if both are the same set."""
    declared = [subjects for step_set in sorted(steps, key=str) for subjects in step_set.subjects()]
    return language_difference(patterns, declared, grammar)


def language_difference(
    patterns: Collection[str], declared: Collection[Product], grammar: tuple[Product, ...]
) -> Subject | None:
    """Return a text of the grammar that either a pattern matches or a declared product has, but not both.

    An admitted text is preferred, because it is the worse fault.
    """
    # A pattern with this character matches no subject.
    text = "".join(_in_one_order(pattern) + _END for pattern in sorted(patterns) if _END not in pattern)
    starts = [match.end() for match in re.finditer(_END, text)][:-1]
    start = _with_empty_runs(text, {0, *starts} if text else set())
    differing = [subject for places in grammar for subject in _walk(text, start, places, declared)]
    return max(differing, key=lambda subject: subject.admitted, default=None)


def _walk(text: str, start: States, places: Product, declared: Collection[Product]) -> list[Subject]:
    """Walk along subjects of one length; beginnings that reach the same states continue as one."""
    comparable = tuple(subjects for subjects in declared if len(subjects) == len(places))
    reached: dict[tuple[States, tuple[Product, ...]], str] = {(start, comparable): ""}
    for place, characters in enumerate(places):
        following: dict[tuple[States, tuple[Product, ...]], str] = {}
        for (states, products), beginning in reached.items():
            for character in _told_apart(text, states, products, place, characters):
                stepped = _step(text, states, character)
                alive = tuple(product for product in products if character in product[place])
                if stepped or alive:
                    following.setdefault((stepped, alive), beginning + character)
        reached = following
    subjects = [
        (Subject(subject, any(text[state] == _END for state in states)), bool(products))
        for (states, products), subject in reached.items()
    ]
    return [subject for subject, is_declared in subjects if subject.admitted is not is_declared]


def _told_apart(text: str, states: States, products: tuple[Product, ...], place: int, characters: str) -> list[str]:
    """Return the characters that a pattern or product distinguishes here, and one for all others."""
    named = {text[state] for state in states} | {
        character for product in products if product[place] != characters for character in product[place]
    }
    others = [character for character in characters if character not in named]
    return [character for character in characters if character in named] + others[:1]


def _step(text: str, states: States, character: str) -> States:
    stepped = {state if text[state] == "*" else state + 1 for state in states if text[state] in ("*", "?", character)}
    return _with_empty_runs(text, stepped)


def _with_empty_runs(text: str, states: set[int]) -> States:
    """Add the places after stars, because a star may match nothing."""
    for state in tuple(states):
        following = state
        while text[following] == "*":
            following += 1
            states.add(following)
    return frozenset(states)


_MOST_POSITIONS, _MOST_STEPS = 2_000, 500_000
"""Limits on the positions in the patterns at one place, and on all steps between them; beyond, nothing is decided."""


def has_subject(
    sets: Sequence[Collection[str]],
    outside: Collection[Product] = (),
    grammar: tuple[Product, ...] = GRAMMAR,
    steps: int = _MOST_STEPS,
) -> bool:
    """Tell whether a subject matches a pattern of each set, and is in none of the products ``outside``.

    Also true if the patterns allow too many positions: an undecided subject counts as admitted. No automaton is made
    deterministic, so the time is bounded for any number of stars.

    Args:
        sets: For each test of ``sub`` its ``StringLike`` patterns.
        outside: Subjects that do not count, at most one product of each length.
        grammar: All possible subjects.
        steps: Limit on steps between positions; beyond, nothing is decided.
    """
    text, starts = "", list[set[int]]()
    longest = max(map(len, grammar))
    for patterns in sets:
        starts.append(set())
        for pattern in patterns:
            if _END not in pattern and len(pattern) - pattern.count("*") <= longest:
                starts[-1].add(len(text))
                text += _in_one_order(pattern) + _END
    # For each place, the places that are reachable without a character.
    onward = [_with_empty_runs(text, {place}) for place in range(len(text))]
    begun = [frozenset[int]().union(*(onward[start] for start in begins)) for begins in starts]
    if prod(map(len, begun)) > _MOST_POSITIONS:
        return True
    positions = set(product(*begun))
    return any(_passes(text, onward, positions, places, outside, steps=steps) for places in grammar)


_WILDCARDS = re.compile(r"[*?]{2,}")


def _in_one_order(pattern: str) -> str:
    """Write adjacent wildcards in one order, ``?*`` for ``*?*``: same texts, fewer stars to try."""
    return _WILDCARDS.sub(lambda run: "?" * run[0].count("?") + "*" * ("*" in run[0]), pattern)


Positions = tuple[int, ...]
"""For each set, the place in the joined text that one of its patterns has reached."""


def _passes(
    text: str,
    onward: Sequence[States],
    starts: Collection[Positions],
    places: Product,
    outside: Collection[Product],
    *,
    steps: int,
) -> bool:
    """Tell whether a subject of one length matches all sets and is not in the product of that length."""
    declared = next((subjects for subjects in outside if len(subjects) == len(places)), None)
    reached = {(positions, declared is None) for positions in starts}
    for place, characters in enumerate(places):
        declared_here = characters if declared is None else declared[place]
        reached = {
            (following, differs or character not in declared_here)
            for positions, differs in reached
            for character in _of_each_kind(text, positions, characters, declared_here)
            for following in product(*(_after(text, onward, position, character) for position in positions))
        }
        steps -= len(reached)
        if len(reached) > _MOST_POSITIONS or steps < 0:
            return True
    return any(differs and all(text[position] == _END for position in positions) for positions, differs in reached)


def _after(text: str, onward: Sequence[States], position: int, character: str) -> States:
    if text[position] == "*":
        return onward[position]
    return onward[position + 1] if text[position] in ("?", character) else frozenset()


def _of_each_kind(text: str, positions: Positions, characters: str, declared_here: str) -> Iterator[str]:
    """Yield the characters that a pattern names here, and two others: one declared here and one not."""
    named = {text[position] for position in positions}
    seen = set[bool]()
    for character in characters:
        if character in named:
            yield character
        elif (character in declared_here) not in seen:
            seen.add(character in declared_here)
            yield character


def goes_beyond(pattern: str, steps: StepSet) -> bool:
    """Tell whether a pattern matches any text, in the grammar or not, that begins unlike the subjects of steps.

    Bitbucket may issue other subjects in the future. So the repository, and the environment if there is one, must be
    complete before the first star, each with its brace and its colon. Today ``{REPO}*`` has the same subjects as
    ``{REPO}:*``, but it goes beyond.
    """
    known = [part for part in (steps.repository, steps.environment) if part is not None]
    if known:
        return not pattern.startswith("".join(f"{part}:" for part in known))
    return _ONE_WHOLE_UUID.match(pattern) is None


_ONE_WHOLE_UUID = re.compile(r"\{[?0-9a-f-]{36}\}:")
_UUID = re.compile(r"(\{[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\})", re.ASCII)
_IN_PLACE = "U"
"""Replaces a UUID in the shape of a pattern; no subject has this character."""


@lru_cache(maxsize=1 << 16)
def meaning(pattern: str) -> StepSet | None:
    """Return the steps whose subjects are exactly those that a pattern matches, or ``None`` if unknown.

    Patterns of one shape, such as ``U:U:*``, differ only in their UUIDs, so one decision holds for all of them.
    Exchanging UUIDs maps the grammar onto itself, and the subjects of a pattern onto those of the exchanged pattern:
    a UUID in a pattern matches only a UUID of a subject, and the shape has no other hex digit.
    """
    parts = _UUID.split(pattern)
    uuids = parts[1::2]
    form = _form_of_shape(_IN_PLACE.join(parts[::2]), len(set(uuids)))
    return None if form is None else StepSet(form, *uuids)


_REPRESENTATIVES = tuple(f"{{{digit * 8}-{digit * 4}-{digit * 4}-{digit * 4}-{digit * 12}}}" for digit in "ab")


@lru_cache(maxsize=1024)
def _form_of_shape(shape: str, different: int) -> Form | None:
    """Decide the form of all patterns of a shape with this number of different UUIDs."""
    if shape.count(_IN_PLACE) != different or different > len(_REPRESENTATIVES) or set(shape) & set(HEX):
        return None
    uuids = _REPRESENTATIVES[:different]
    pattern = shape
    for uuid in uuids:
        pattern = pattern.replace(_IN_PLACE, uuid, 1)
    forms = [Form.IN_ENVIRONMENT] if different == len(_REPRESENTATIVES) else [Form.OUTSIDE_ENVIRONMENTS, Form.ALL]
    for form in forms:
        steps = StepSet(form, *uuids)
        if difference([pattern], [steps]) is None and not goes_beyond(pattern, steps):
            return form
    return None
