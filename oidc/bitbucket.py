"""Bitbucket's OIDC issuer: one for each workspace, named by the workspace's slug.

Source: https://support.atlassian.com/bitbucket-cloud/docs/integrate-pipelines-with-resource-servers-using-oidc/
and the "Identity provider URL" and "Audience" of a repository's settings page.
"""

from enum import StrEnum
from typing import NewType

from oidc.identifiers import BitbucketUuid, WorkspaceSlug

ISSUER_HOST = "api.bitbucket.org"


def issuer_url(workspace: WorkspaceSlug) -> str:
    """Return the ``iss`` claim of a workspace's tokens.

    For ``acme``: ``https://api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc``. No trailing slash;
    the slug, not the UUID: AWS compares the URL of the OIDC provider with ``iss`` character by character
    (https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateOpenIDConnectProvider.html).
    """
    return f"https://{issuer_path(workspace)}"


def issuer_path(workspace: WorkspaceSlug) -> str:
    """Return the issuer without ``https://``: the prefix of its condition keys, and the end of its ARN.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html
    """
    return f"{ISSUER_HOST}/2.0/workspaces/{workspace}/pipelines-config/identity/oidc"


def default_audience(workspace_uuid: BitbucketUuid) -> str:
    """Return the audience that every step token of a workspace carries.

    For ``{0b3ff4a1-…}``: ``ari:cloud:bitbucket::workspace/0b3ff4a1-…``, without the braces.
    """
    return f"ari:cloud:bitbucket::workspace/{workspace_uuid[1:-1]}"


SubjectPattern = NewType("SubjectPattern", str)
"""A ``StringLike`` value, for example ``{9a6d6bde-…}:{c2b1a5de-…}:*``."""

ANY_UUID = "{????????-????-????-????-????????????}"
"""Matches one UUID with its braces: ``?`` is exactly one character, so the length is fixed at 38."""


class Grade(StrEnum):
    """How wide a trust is: which steps have their tokens accepted. No grade is called safe.

    Whoever can push a branch can write a step and its ``deployment:``. Only the environment's deployment restrictions
    in Bitbucket narrow an environment-bound trust further.
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

    A subject with an environment has one more UUID. It is longer, and ``?`` matches exactly one character.
    """
    return SubjectPattern(f"{repository}:{ANY_UUID}")


def all_steps_pattern(repository: BitbucketUuid) -> SubjectPattern:
    """Match every step of one repository, including those that deploy to an environment: ``{REPO}:*``."""
    return SubjectPattern(f"{repository}:*")


def whole_workspace_pattern() -> SubjectPattern:
    """Match every step of every repository of the issuer's workspace."""
    return SubjectPattern(f"{ANY_UUID}:*")
