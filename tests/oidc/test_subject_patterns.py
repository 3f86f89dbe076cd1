"""A pattern admits exactly the subjects that its name says, over the whole grammar of subjects."""

import re
import uuid

from hypothesis import given
from hypothesis import strategies as st

from oidc.bitbucket import (
    Grade,
    all_steps_pattern,
    environment_pattern,
    outside_environments_pattern,
    whole_workspace_pattern,
    widest,
)
from oidc.identifiers import BitbucketUuid, accepted_spelling, is_uuid

uuids = st.uuids().map(lambda value: BitbucketUuid(f"{{{value}}}"))


def string_like(pattern: str, text: str) -> bool:
    """Compare as IAM's StringLike does: ``*`` any run of characters, ``?`` exactly one, all else itself."""
    parts = {"*": ".*", "?": "."}
    return re.fullmatch("".join(parts.get(c, re.escape(c)) for c in pattern), text, re.DOTALL) is not None


def subject(repository: str, environment: str | None, step: str) -> str:
    return ":".join(part for part in (repository, environment, step) if part)


@given(uuids, uuids, uuids, uuids, uuids)
def test_an_environment_pattern_admits_one_environment_of_one_repository(
    repository: BitbucketUuid, environment: BitbucketUuid, step: str, other: str, other_environment: str
) -> None:
    pattern = environment_pattern(repository, environment)
    assert string_like(pattern, subject(repository, environment, step))
    assert not string_like(pattern, subject(repository, None, step)) or step == environment
    assert not string_like(pattern, subject(other, environment, step)) or other == repository
    assert not string_like(pattern, subject(repository, other_environment, step)) or other_environment == environment


@given(uuids, uuids, uuids, uuids)
def test_outside_environments_admits_no_environment(
    repository: BitbucketUuid, environment: str, step: str, other: str
) -> None:
    pattern = outside_environments_pattern(repository)
    assert string_like(pattern, subject(repository, None, step))
    assert not string_like(pattern, subject(repository, environment, step))
    assert not string_like(pattern, subject(other, None, step)) or other == repository


@given(uuids, st.none() | uuids, uuids, uuids)
def test_all_steps_admits_every_step_of_one_repository(
    repository: BitbucketUuid, environment: str | None, step: str, other: str
) -> None:
    pattern = all_steps_pattern(repository)
    assert string_like(pattern, subject(repository, environment, step))
    assert not string_like(pattern, subject(other, environment, step)) or other == repository


@given(uuids, st.none() | uuids, uuids)
def test_the_whole_workspace_admits_every_subject_of_the_grammar(
    repository: str, environment: str | None, step: str
) -> None:
    assert string_like(whole_workspace_pattern(), subject(repository, environment, step))


def test_the_whole_workspace_admits_nothing_without_braces_or_step() -> None:
    repository = f"{uuid.UUID(int=7)}"
    assert not string_like(whole_workspace_pattern(), f"{repository}:{{{repository}}}")
    assert not string_like(whole_workspace_pattern(), f"{{{repository}}}")


def test_a_role_is_as_wide_as_its_widest_trust() -> None:
    assert widest([Grade.ENVIRONMENT_BOUND, Grade.WORKSPACE_WIDE, Grade.REPOSITORY_WIDE]) is Grade.WORKSPACE_WIDE
    assert widest([Grade.ENVIRONMENT_BOUND, Grade.REPOSITORY_WIDE]) is Grade.REPOSITORY_WIDE


@given(st.text(max_size=45))
def test_only_one_spelling_is_a_uuid(text: str) -> None:
    if is_uuid(text):
        assert re.fullmatch(r"\{[0-9a-f-]{36}\}", text)
        assert text == f"{{{uuid.UUID(text)}}}"


@given(st.uuids(), st.sampled_from(["{}", "{{{}}}", "({})", " {} "]), st.booleans(), st.booleans())
def test_the_accepted_spelling_is_suggested(value: uuid.UUID, form: str, upper: bool, dashes: bool) -> None:
    text = str(value) if dashes else value.hex
    assert accepted_spelling(form.format(text.upper() if upper else text)) == f"{{{value}}}"


def test_nothing_is_suggested_for_a_text_that_is_not_a_uuid() -> None:
    assert accepted_spelling("{9a6d6bde-2ae3-4d4c-8a43-1f6a5d9a3c0?}") is None
    assert accepted_spelling("{9a6d6bde-2ae3-4d4c-8a43-1f6a5d9a3c0\uff11}") is None
