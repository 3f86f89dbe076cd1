"""Patterns against sets of steps: decided as a small grammar decides it by trying every subject."""

import random
import re
from itertools import product
from time import process_time

import pytest

from access.evaluation.text_patterns import matches, plain_tokens
from access.exactness.languages import Subject, difference, goes_beyond, has_subject, language_difference, meaning
from access.exactness.steps import GRAMMAR, Form, Product, StepSet

REPO, ENV = "{9a6d6bde-2ae3-4d4c-8a43-1f6a5d9a3c01}", "{c2b1a5de-6b7e-4d4b-b1a0-6a9d8c7b5e03}"
STEP = "{11111111-2222-4333-8444-555555555555}"
ANY = "{????????-????-????-????-????????????}"

SMALL_UUID = ("{", "ab", "ab", "}")
SMALL = ((*SMALL_UUID, ":", *SMALL_UUID), (*SMALL_UUID, ":", *SMALL_UUID, ":", *SMALL_UUID))
"""The grammar of subjects with UUIDs of two characters out of two: 80 subjects in all."""

PIECES = ["{aa}", "{ab}", "{ba}", "{??}", "{", "}", ":", "a", "b", "?", "*", "*", ":*", "{*}", "{aa}:*"]


def members(places: Product) -> set[str]:
    return {"".join(characters) for characters in product(*places)}


def test_every_answer_is_that_of_trying_all_subjects_of_a_small_grammar() -> None:
    rng = random.Random(20270131)
    subjects = set().union(*map(members, SMALL))
    equal = 0
    for _ in range(1500):
        patterns = ["".join(rng.choices(PIECES, k=rng.randint(1, 6))) for _ in range(rng.randint(1, 3))]
        admitted = {subject for subject in subjects if any(matches(subject, plain_tokens(p)) for p in patterns)}
        declared = _declared(rng, admitted)
        wanted = set().union(*map(members, declared))
        subject = language_difference(patterns, declared, SMALL)
        if subject is None:
            equal += 1
            assert admitted == wanted, patterns
        else:
            assert (subject.text in admitted, subject.text in wanted) == (subject.admitted, not subject.admitted), (
                patterns
            )
    assert 300 < equal < 1200


def test_what_several_sets_match_together_is_that_of_trying_all_subjects_of_a_small_grammar() -> None:
    rng = random.Random(20270201)
    subjects = set().union(*map(members, SMALL))
    outside = (SMALL[0], ("{", "a", "b", "}", *SMALL[1][4:]))
    matched = 0
    for _ in range(900):
        sets = [
            ["".join(rng.choices(PIECES, k=rng.randint(1, 6))) for _ in range(rng.randint(1, 3))]
            for _ in range(rng.randint(1, 3))
        ]
        passing = {
            subject
            for subject in subjects
            if all(any(matches(subject, plain_tokens(pattern)) for pattern in patterns) for patterns in sets)
        }
        assert has_subject(sets, grammar=SMALL) is bool(passing), sets
        left = passing - set().union(*map(members, outside))
        assert has_subject(sets, outside, SMALL) is bool(left), sets
        matched += bool(passing)
    assert 80 < matched < 800


@pytest.mark.parametrize(
    "sets",
    [
        [["*0" + "?" * 60]],
        [["*a" * 60], ["*b" * 60]],
        [[f"*{character}*" for character in "0123456789abcdef"] * 4] * 3,
        [["*0*1*2*3*4*" * 8], ["*a*b*c*d*e*f*" * 8]],
        [["*" * 5000]],
    ],
)
def test_patterns_with_many_ways_through_them_take_no_longer_than_others(sets: list[list[str]]) -> None:
    begun = process_time()
    assert has_subject(sets) in (True, False)
    assert process_time() - begun < 2


def _declared(rng: random.Random, admitted: set[str]) -> list[Product]:
    """Declare what is admitted, one subject for one, and in half of the cases one more or one less."""
    declared = [tuple(subject) for subject in sorted(admitted)]
    if rng.random() < 0.5 and declared:
        declared.remove(rng.choice(declared))
    elif rng.random() < 0.3:
        declared.append(("{", "ab", "ab", "}", ":", "{", "ab", "ab", "}"))
    return declared


@pytest.mark.parametrize(
    ("pattern", "steps"),
    [
        (f"{REPO}:{ENV}:*", StepSet(Form.IN_ENVIRONMENT, REPO, ENV)),
        (f"{REPO}:{ANY}", StepSet(Form.OUTSIDE_ENVIRONMENTS, REPO)),
        (f"{REPO}:*", StepSet(Form.ALL, REPO)),
        (f"{ANY}:*", StepSet(Form.ALL)),
        (f"{ANY}:{ANY}", StepSet(Form.OUTSIDE_ENVIRONMENTS)),
    ],
)
def test_a_pattern_means_certain_steps_and_no_others(pattern: str, steps: StepSet) -> None:
    assert meaning(pattern) == steps
    assert difference([pattern], [steps]) is None
    others = {StepSet(form, *uuids) for form in Form for uuids in [(), (REPO,), (ENV,)]} - {steps}
    others |= {StepSet(Form.IN_ENVIRONMENT, REPO, STEP), StepSet(Form.IN_ENVIRONMENT, ENV, REPO)}
    assert all(difference([pattern], [other]) is not None for other in others)


@pytest.mark.parametrize(
    "pattern",
    [
        "*", "*:*", f"{REPO}*", f"{REPO}:{ENV}*", f"{REPO}:{ENV}", f"{REPO}:{STEP[:-1]}?", f"{REPO[:-1]}*:*",
        f"{REPO[1:-1]}:*", f"{REPO}:{ANY[:-2]}}}", f"{REPO}:{ENV}:{STEP}", f"{REPO}:{REPO}:*", f"{REPO}:{ANY}:*",
        f"*:{ENV}:*", "{*}:*", "U:*", f"{REPO.upper()}:*", f"{ENV}:{REPO}", "", f"{REPO}:{ENV}:{STEP}:*",
    ],
)  # fmt: skip
def test_a_pattern_that_is_not_rendered_has_no_meaning(pattern: str) -> None:
    assert meaning(pattern) is None


@pytest.mark.parametrize("seed", range(40))
def test_what_a_shape_means_does_not_hang_on_its_uuids(seed: int) -> None:
    """The reason why deciding one representative of a shape decides all: here for UUIDs that are much alike, too."""
    rng = random.Random(seed)
    uuids = [_uuid(rng, "01" if seed % 2 else "0123456789abcdef") for _ in range(2)]
    shape = rng.choice(["{0}:{1}:*", "{0}:*", "{0}:" + ANY.replace("{", "{{").replace("}", "}}"), "{0}*", "{0}:{1}*"])
    pattern = shape.format(*uuids)
    for steps in (
        StepSet(Form.IN_ENVIRONMENT, *uuids),
        StepSet(Form.OUTSIDE_ENVIRONMENTS, uuids[0]),
        StepSet(Form.ALL, uuids[0]),
    ):
        exact = difference([pattern], [steps]) is None and not goes_beyond(pattern, steps)
        assert (meaning(pattern) == steps) is exact


def _uuid(rng: random.Random, digits: str) -> str:
    return "{" + "-".join("".join(rng.choices(digits, k=length)) for length in (8, 4, 4, 4, 12)) + "}"


@pytest.mark.parametrize(
    ("patterns", "steps", "admitted"),
    [
        ([f"{REPO}:*"], StepSet(Form.OUTSIDE_ENVIRONMENTS, REPO), True),
        ([f"{REPO}:*"], StepSet(Form.IN_ENVIRONMENT, REPO, ENV), True),
        ([f"{REPO}:{ENV}*"], StepSet(Form.IN_ENVIRONMENT, REPO, ENV), True),
        ([f"*:{ENV}:*"], StepSet(Form.IN_ENVIRONMENT, REPO, ENV), True),
        ([f"{REPO[1:-1]}:*"], StepSet(Form.ALL, REPO), False),
        ([f"{REPO}:{ANY[:-2]}}}"], StepSet(Form.OUTSIDE_ENVIRONMENTS, REPO), False),
        ([], StepSet(Form.ALL, REPO), False),
        (["*"], None, True),
    ],
)
def test_where_the_two_differ_a_subject_shows_it(patterns: list[str], steps: StepSet | None, admitted: bool) -> None:
    subject = difference(patterns, [steps] if steps else [])
    assert isinstance(subject, Subject)
    assert subject.admitted is admitted
    assert any(re.fullmatch("".join(f"[{re.escape(c)}]" for c in places), subject.text) for places in GRAMMAR)
    assert any(matches(subject.text, plain_tokens(pattern)) for pattern in patterns) is admitted


def test_overlapping_lines_are_one_set() -> None:
    wide, narrow = StepSet(Form.ALL, REPO), StepSet(Form.IN_ENVIRONMENT, REPO, ENV)
    assert difference([f"{REPO}:*"], [wide, narrow]) is None
    assert difference([f"{REPO}:*", f"{REPO}:{ENV}:*"], [wide]) is None


@pytest.mark.parametrize(
    ("pattern", "steps", "beyond"),
    [
        (f"{REPO}:*", StepSet(Form.ALL, REPO), False),
        (f"{REPO}*", StepSet(Form.ALL, REPO), True),
        (f"{REPO}:{ENV}:*", StepSet(Form.IN_ENVIRONMENT, REPO, ENV), False),
        (f"{REPO}:{ENV}*:*", StepSet(Form.IN_ENVIRONMENT, REPO, ENV), True),
        (f"{ANY}:*", StepSet(Form.ALL), False),
        ("{*}:*", StepSet(Form.ALL), True),
        ("*", StepSet(Form.ALL), True),
    ],
)
def test_a_pattern_begins_with_whole_uuids_whatever_bitbucket_will_issue(
    pattern: str, steps: StepSet, beyond: bool
) -> None:
    assert goes_beyond(pattern, steps) is beyond
