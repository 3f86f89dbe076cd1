"""Check the subject patterns of any trust policy: whether a Bitbucket subject matches, and how wide the pattern is.

A pattern is reported as matching nothing only after a match was tried. A suggested value never has a finding itself.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from access.evaluation.operators import operator_of
from access.exactness.languages import has_subject, meaning
from access.exactness.steps import Form, StepSet
from access.explanation.mistakes import begins_with_workspace, subject_mistakes
from access.explanation.names import Names
from access.explanation.subjects import EVERY_STEP, no_subject, not_a_uuid, pattern_in_words, subject_parts
from access.trust_review.fault import TrustFault
from access.trust_review.tests_of_condition import Test
from config.findings import one_line
from config.yaml.document import Path
from oidc.audience import workspace_of_audience
from oidc.bitbucket import ANY_UUID, Grade
from oidc.iam.pattern import covers
from oidc.identifiers import is_uuid

_BARE_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_WRITE = "write {REPOSITORY}:{ENVIRONMENT}:* with the UUIDs in braces"
_WITH_ENVIRONMENT = 3


def subject_patterns(test: Test) -> list[str]:
    """Return the patterns of a test of ``sub`` that may match a subject: no subject has a bare star or dollar."""
    return [pattern for pattern in test.patterns() if "${" not in pattern]


@lru_cache(maxsize=1024)
def matches_some_subject(pattern: str | None) -> bool:
    """Tell whether a pattern matches any subject that Bitbucket could issue; ``None`` matches nothing."""
    return pattern is not None and "${" not in pattern and has_subject([[pattern]])


def live_values(test: Test, others: Sequence[Test]) -> list[str]:
    """Return the values of a test of ``sub`` that match a subject that also passes the other tests of ``sub``."""
    pairs = [(value, test.pattern(value)) for _, value in test.values]
    alive = [(value, pattern) for value, pattern in pairs if pattern is not None and matches_some_subject(pattern)]
    other_patterns = tuple(tuple(subject_patterns(other)) for other in others)
    steps = _MOST_STEPS // max(1, len(alive))
    return [value for value, pattern in alive if not others or _matches_together(pattern, other_patterns, steps)]


_MOST_STEPS = 60_000
"""For all values of a test, so that the largest policy that IAM takes is reviewed in seconds; beyond this limit a value
counts as alive."""


@lru_cache(maxsize=4096)
def _matches_together(pattern: str, other_patterns: tuple[tuple[str, ...], ...], steps: int) -> bool:
    return has_subject([[pattern], *other_patterns], steps=steps)


@lru_cache(maxsize=1024)
def grade_of(pattern: str) -> Grade:
    """Return how wide a pattern is: the narrowest grade known to include all subjects of the pattern."""
    steps = _narrowest(pattern)
    if steps is None:
        return Grade.WORKSPACE_WIDE
    return Grade.ENVIRONMENT_BOUND if steps.environment is not None else Grade.REPOSITORY_WIDE


@lru_cache(maxsize=1024)
def _narrowest(pattern: str) -> StepSet | None:
    """Return the steps of one environment, or else of one repository, that include all subjects of a pattern."""
    uuids = [f"{{{uuid}}}" for uuid in _BARE_UUID.findall(pattern)]
    candidates = [StepSet(Form.IN_ENVIRONMENT, *uuids[:2])] if len(uuids) > 1 else []
    candidates += [StepSet(Form.ALL, uuids[0])] if uuids else []
    return next((steps for steps in candidates if not has_subject([[pattern]], outside=tuple(steps.subjects()))), None)


def value_in_words(value: str, test: Test, names: Names) -> str:
    """Return the meaning of a value, if it has one: ``acme/payments, deployment environment production``."""
    if not test.is_decided(value):
        return f"not decided: `{one_line(value)}` has a policy variable, so it may match any subject"
    pattern = test.pattern(value) or ""
    if subject_parts(pattern) is not None:
        return f"one run of one step, {one_line(value)}"
    canonical = _canonical(pattern)
    words = pattern_in_words(canonical, names)
    if meaning(canonical) is not None:
        return words
    if matches_every_subject(pattern):
        return EVERY_STEP
    return f"any step whose subject matches {words}"


def _canonical(pattern: str) -> str:
    """Return the pattern that this program would write for the same steps, or the pattern itself: ``{REPO}*``."""
    steps = _narrowest(pattern)
    if steps is None:
        return pattern
    whole = ":".join(part for part in (steps.repository, steps.environment, "*") if part)
    ends = [ANY_UUID] if steps.environment else [ANY_UUID, f"{ANY_UUID}:{ANY_UUID}"]
    return whole if all(covers(pattern, whole[:-1] + end) for end in ends) else pattern


@lru_cache(maxsize=1024)
def matches_every_subject(pattern: str) -> bool:
    """Tell whether a pattern matches every subject that Bitbucket could issue: ``*``, ``*:*``."""
    return all(covers(pattern, ":".join([ANY_UUID] * parts)) for parts in (2, _WITH_ENVIRONMENT))


def subject_fault(at: Path, value: str, test: Test, names: Names, workspace: str | None) -> TrustFault | None:
    """Return the fault of a value of ``sub``, or ``None``.

    Args:
        at: Its path.
        value: ``{9a6d6bde-…}:*``, without AWS variables.
        test: The test that has the value.
        names: Names of the inventory, if one is given.
        workspace: The UUID of the workspace that the audience names, or ``None``.
    """
    pattern = test.pattern(value)
    if pattern is None or not matches_some_subject(pattern):
        return _dead(at, value, test, names, workspace)
    if begins_with_workspace(pattern, names, workspace):
        message = f"`{value}` begins with the workspace's UUID instead of the repository's"
        hint, suggested = _advice(pattern.partition(":")[2], test, names, workspace)
        return TrustFault("wrong-subject", at, message, hint, suggested=suggested)
    parts = subject_parts(pattern)
    return _width_fault(at, value, pattern) if parts is None else _one_run(at, value, parts)


def _dead(at: Path, value: str, test: Test, names: Names, workspace: str | None) -> TrustFault:
    """Say why a value matches nothing. The caller tried to match it."""
    placeholder = test.placeholder(value)
    if placeholder:
        why = f"AWS has no key {placeholder[2:-1]}, so {placeholder} never has a value"
        hint = f"replace {placeholder} by the UUID in braces before you apply the policy"
        return TrustFault("wrong-subject", at, f"`{value}` matches nothing: {why}", hint, matches_nothing=True)
    if workspace_of_audience(value) is not None:
        hint = "move it to the key of aud, under StringEquals"
        return TrustFault("wrong-subject", at, f"`{value}` is an audience, not a subject", hint, matches_nothing=True)
    mistakes = subject_mistakes(value, names, workspace)
    if mistakes.phrases:
        hint, suggested = _advice(None if mistakes.foreign else mistakes.suggested, test, names, workspace)
        message = f"`{value}` matches nothing: {', and '.join(mistakes.phrases)}"
        return TrustFault("wrong-subject", at, message, hint, matches_nothing=True, suggested=suggested)
    if not test.takes_wildcards and re.search(r"[*?]", value):
        message = f"{test.name} compares `{value}` literally: it has no wildcards"
        hint, suggested = _advice(value, test, names, workspace)
        hint = "move it to StringLike" if suggested == (value,) else f"{hint}, under StringLike"
        return TrustFault("wildcard-under-equals", at, message, hint, matches_nothing=True, suggested=suggested)
    message = f"`{value}` matches nothing: {_why_dead(value, names)}"
    return TrustFault("wrong-subject", at, message, _WRITE, matches_nothing=True)


def _advice(candidate: str | None, test: Test, names: Names, workspace: str | None) -> tuple[str, tuple[str, ...]]:
    """Return a hint and its suggested values: the candidate, or the general advice if the candidate has a fault too."""
    if candidate is None or not all(map(str.isprintable, candidate)):
        return _WRITE, ()
    like = replace(test, name="StringLike", operator=operator_of("StringLike"))
    fault = subject_fault((), candidate, like, names, workspace) if like.is_decided(candidate) else None
    if fault is None:
        return f"write {candidate}", (candidate,)
    return fault.hint, fault.suggested


def _one_run(at: Path, value: str, parts: Sequence[str]) -> TrustFault:
    whole = ":".join(parts[:2])
    if len(parts) == _WITH_ENVIRONMENT:
        message = f"`{value}` is one run of one step: the last UUID is new at every run"
        hint = f"replace the step's UUID by *, under StringLike: write {whole}:*"
        return TrustFault("one-run", at, message, hint, suggested=(f"{whole}:*",))
    message = f"`{value}` is one run of one step without a deployment environment: a step's UUID is new at every run"
    outside = f"{parts[0]}:{ANY_UUID}"
    hint = (
        f"under StringLike, append :* if the second UUID is a deployment environment: {whole}:*; if it is a step, "
        f"write {outside} for every step without a deployment environment ({parts[0]}:* is wider: it also lets in the "
        "steps of every deployment environment)"
    )
    return TrustFault("one-run", at, message, hint, suggested=(f"{whole}:*", outside))


def _width_fault(at: Path, value: str, pattern: str) -> TrustFault | None:
    if grade_of(pattern) is Grade.WORKSPACE_WIDE:
        what = (
            "every step of every repository of the workspace"
            if matches_every_subject(pattern)
            else "steps of any repository"
        )
        return TrustFault("no-repository", at, f"`{value}` by itself lets in {what}", _WRITE)
    untidy = next((part for part in pattern.split(":") if _BARE_UUID.search(part) and not is_uuid(part)), None)
    if untidy is None:
        return None
    lacks = "has no colon after the UUID" if is_uuid(untidy[: len(ANY_UUID)]) else "has a UUID without its braces"
    message = f"`{value}` {lacks}: it matches more than its steps if Bitbucket adds parts to the subject"
    uuids = [f"{{{uuid}}}" for uuid in _BARE_UUID.findall(pattern)]
    narrower = [f"{':'.join(uuids[:number])}:*" for number in (2, 1) if number <= len(uuids)]
    suggested = tuple(each for each in narrower if covers(pattern, each))[:1]
    return TrustFault("open-end", at, message, f"write {suggested[0]}" if suggested else _WRITE, suggested=suggested)


def _why_dead(value: str, names: Names) -> str:
    """Name the part of a pattern that matches no subject."""
    parts = value.split(":")
    for part in parts:
        if not re.search(r"[*?]", part) and not is_uuid(part):
            return not_a_uuid(part) if part else "a part of it is empty"
    if not re.search(r"[*?]", value):
        return no_subject(value, names)
    return "no subject has this form: a step's has two or three parts, each a UUID in braces"
