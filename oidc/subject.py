"""The subject of a Bitbucket step token, and the patterns that a trust policy compares it with.

The grammar of the ``sub`` claim, braces literal, every part a UUID in lower-case hex::

    sub = "{" repository "}" [ ":{" deployment environment "}" ] ":{" step "}"

Source: https://support.atlassian.com/bitbucket-cloud/docs/deploy-on-aws-using-bitbucket-pipelines-openid-connect/
("Using claims in ID tokens to limit access to the IAM role in AWS"). The environment is there only for a step with
``deployment:``; the step's UUID is another at every run, so a pattern must end in a wildcard and be compared by
``StringLike`` (``*`` any run of characters, ``?`` exactly one:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html).
"""

from enum import StrEnum
from typing import NewType

from oidc.identifiers import BitbucketUuid

SubjectPattern = NewType("SubjectPattern", str)
"""A ``StringLike`` value, for example ``{9a6d6bde-…}:{c2b1a5de-…}:*``."""

ANY_UUID = "{????????-????-????-????-????????????}"
"""Matches one UUID with its braces: ``?`` is exactly one character, so the length is fixed at 38."""


class Grade(StrEnum):
    """How wide a trust is, by what must be true of a step for its token to be accepted. No grade is called safe.

    Whoever can push a branch can write a step, and a step's ``deployment:`` with it; what narrows an
    environment-bound trust further are the deployment restrictions of that environment in Bitbucket.
    """

    ENVIRONMENT_BOUND = "environment-bound"
    REPOSITORY_WIDE = "repository-wide"
    WORKSPACE_WIDE = "workspace-wide"


_WIDTH = {Grade.ENVIRONMENT_BOUND: 0, Grade.REPOSITORY_WIDE: 1, Grade.WORKSPACE_WIDE: 2}


def widest(grades: list[Grade]) -> Grade:
    """Return the widest of ``grades``, which must not be empty: a role is as wide as its widest trust."""
    return max(grades, key=_WIDTH.__getitem__)


def environment_pattern(repository: BitbucketUuid, environment: BitbucketUuid) -> SubjectPattern:
    """Match the steps of one repository that deploy to one environment: ``{REPO}:{ENV}:*``."""
    return SubjectPattern(f"{repository}:{environment}:*")


def outside_environments_pattern(repository: BitbucketUuid) -> SubjectPattern:
    """Match the steps of one repository without ``deployment:``: ``{REPO}:{????????-…}``.

    A subject with an environment has one UUID more and so another length, which ``?`` cannot bridge.
    """
    return SubjectPattern(f"{repository}:{ANY_UUID}")


def all_steps_pattern(repository: BitbucketUuid) -> SubjectPattern:
    """Match every step of one repository, those of every environment included: ``{REPO}:*``."""
    return SubjectPattern(f"{repository}:*")


def whole_workspace_pattern() -> SubjectPattern:
    """Match every step of every repository of the issuer's workspace."""
    return SubjectPattern(f"{ANY_UUID}:*")
