"""Subject patterns as others write them: whether anything that Bitbucket issues matches, and how wide it is."""

import re
from functools import lru_cache

from access.exactness.languages import difference, language_difference, meaning
from access.exactness.steps import GRAMMAR
from access.explanation.names import Names
from access.explanation.slips import subject_slips
from access.explanation.subjects import EVERY_STEP, no_subject, pattern_in_words, subject_parts
from access.trust_review.fault import TrustFault
from config.findings import one_line
from config.yaml_document import Path
from oidc.subject import Grade

_UUID = r"\{[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\}"
_REPOSITORY = re.compile(_UUID)
_ENVIRONMENT = re.compile(rf"{_UUID}:{_UUID}:")
_WRITE = "write {REPOSITORY}:{ENVIRONMENT}:* with the UUIDs in braces"


@lru_cache(maxsize=1024)
def matches_some_subject(pattern: str) -> bool:
    """Tell whether a ``StringLike`` pattern matches any subject that Bitbucket could issue."""
    found = language_difference([pattern], (), GRAMMAR)
    return found is not None and found.admitted


def is_alive(value: str, *, wildcards: bool) -> bool:
    """Tell whether a value of ``sub`` matches any subject, under an operator with wildcards or without."""
    if "${" in value:
        return True  # what is put in is not known here
    return matches_some_subject(value) if wildcards else subject_parts(value) is not None


def grade_of(value: str, *, wildcards: bool) -> Grade:
    """Return how wide a value is that matches something."""
    if not wildcards:
        return Grade.ENVIRONMENT_BOUND if _ENVIRONMENT.match(value) else Grade.REPOSITORY_WIDE
    if _ENVIRONMENT.match(value):
        return Grade.ENVIRONMENT_BOUND
    return Grade.REPOSITORY_WIDE if _REPOSITORY.match(value) else Grade.WORKSPACE_WIDE


def value_in_words(value: str, names: Names, *, wildcards: bool) -> str:
    """Return ``acme/payments, deployment environment production`` where a value has such a meaning."""
    if not wildcards:
        return f"one run of one step, {one_line(value)}"
    said = pattern_in_words(_canonical(value), names)
    if not said.startswith("`"):
        return said
    if matches_every_subject(value):
        return EVERY_STEP
    return f"any step whose subject matches {said}"


def _canonical(pattern: str) -> str:
    """Return the pattern that this program would write for the same steps, or the pattern itself: ``{REPO}*``."""
    uuids = _REPOSITORY.findall(pattern)
    candidates = [f"{':'.join(uuids)}:*"] if uuids else []
    return next(
        (each for each in candidates if (found := meaning(each)) and not difference([pattern], [found])), pattern
    )


@lru_cache(maxsize=1024)
def matches_every_subject(pattern: str) -> bool:
    """Tell whether a pattern matches every subject that Bitbucket could issue: ``*``, ``*:*``."""
    return language_difference([pattern], GRAMMAR, GRAMMAR) is None


def subject_fault(at: Path, value: str, names: Names, workspace: str | None, *, wildcards: bool) -> TrustFault | None:
    """Return what is wrong with a value of ``sub``, or ``None``.

    Args:
        at: Its place.
        value: ``{9a6d6bde-…}:*``.
        names: Of the inventory, where one is given.
        workspace: The UUID of the workspace that the audience names, or ``None``.
        wildcards: Whether the operator takes ``*`` and ``?`` as wildcards.
    """
    if "${" in value:
        return None
    slips = subject_slips(value, names, workspace)
    if slips.found:
        meant = f"write {slips.meant}" if not slips.foreign and matches_some_subject(slips.meant) else _WRITE
        return TrustFault("wrong-subject", at, f"`{value}` matches nothing: {', and '.join(slips.found)}", meant)
    if not wildcards and re.search(r"[*?]", value):
        message = f"`{value}` is compared character by character: to StringEquals a wildcard is a character"
        return TrustFault("wildcard-under-equals", at, message, "move it to StringLike")
    if subject_parts(value) is not None:
        message = f"`{value}` is one run of one step: the last UUID is new at every run"
        return TrustFault("one-run", at, message, "put * in place of the step's UUID, under StringLike")
    if not is_alive(value, wildcards=wildcards):
        return TrustFault("wrong-subject", at, f"`{value}` matches nothing: {_why_dead(value, names)}", _WRITE)
    return _width_fault(at, value)


def _width_fault(at: Path, value: str) -> TrustFault | None:
    repository = _REPOSITORY.match(value)
    if repository is None:
        what = "every step of every repository of the workspace" if matches_every_subject(value) else "any repository"
        return TrustFault("no-repository", at, f"`{value}` lets in {what}", _WRITE)
    environment = re.match(rf"{_UUID}:{_UUID}", value)
    end = (environment or repository).end()
    if value[end : end + 1] == "*":
        whole = ":".join(_REPOSITORY.findall(value))
        message = f"`{value}` has no colon after the UUID: it matches more than its steps should Bitbucket's form grow"
        return TrustFault("open-end", at, message, f"write {whole}:*")
    return None


def _why_dead(value: str, names: Names) -> str:
    """Say which part of a pattern no subject has."""
    parts = value.split(":")
    for part in parts:
        if not re.search(r"[*?]", part) and not _REPOSITORY.fullmatch(part):
            return f"`{part}` stands where a UUID in braces belongs" if part else "a part of it is empty"
    if not re.search(r"[*?]", value):
        return no_subject(value, names)
    return f"no subject has {len(parts)} parts of this form; a step's has two or three, each a UUID in braces"
