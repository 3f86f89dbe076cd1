"""Workspaces of the emulated Bitbucket, their repositories and environments, and the pipeline steps that run in them.

Source of a step's claims: the "OpenID Connect" page of a repository's settings, and
https://support.atlassian.com/bitbucket-cloud/docs/deploy-on-aws-using-bitbucket-pipelines-openid-connect/.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from oidc.bitbucket import default_audience, issuer_url
from oidc.identifiers import BitbucketUuid, WorkspaceSlug


@dataclass(frozen=True)
class EmulatedEnvironment:
    """A deployment environment.

    Attributes:
        name: The name in a step.
        uuid: The UUID, with braces.
        admin_only: Whether only admins may deploy to it.
    """

    name: str
    uuid: str
    admin_only: bool = False


@dataclass(frozen=True)
class EmulatedRepository:
    """A repository.

    Attributes:
        slug: The slug, as in ``bitbucket.org/acme/SLUG``.
        uuid: The UUID, with braces.
        environments: Its deployment environments.
        pull_requests: The numbers of its open pull requests.
        former_slugs: Its earlier slugs; requests for them are redirected unless another repository has the slug.
    """

    slug: str
    uuid: str
    environments: tuple[EmulatedEnvironment, ...] = ()
    former_slugs: tuple[str, ...] = ()
    pull_requests: tuple[int, ...] = ()


def random_uuid() -> str:
    """Return a new UUID as Bitbucket writes it: ``{0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11}``."""
    return f"{{{uuid.uuid4()}}}"


@dataclass(frozen=True)
class EmulatedWorkspace:
    """A workspace that the emulated Bitbucket knows.

    Attributes:
        slug: The ID, as in ``bitbucket.org/acme``.
        uuid: The UUID, with braces: ``{0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11}``.
        repositories: Its repositories.
    """

    slug: str
    uuid: str
    repositories: tuple[EmulatedRepository, ...] = ()

    @property
    def issuer(self) -> str:
        """The ``iss`` claim of this workspace's tokens."""
        return issuer_url(WorkspaceSlug(self.slug))

    @property
    def default_audience(self) -> str:
        """The ``aud`` claim of this workspace's tokens."""
        return default_audience(BitbucketUuid(self.uuid))


@dataclass(frozen=True)
class PipelineStep:
    """One run of one step, with ``oidc: true``.

    Attributes:
        workspace: The repository's workspace.
        repository_uuid: The repository's UUID, with braces, as all UUIDs here.
        environment_uuid: The UUID of the environment that the step names by ``deployment:``, or ``None``.
        step_uuid: Different in every run; random by default.
        pipeline_uuid: Likewise.
        pipeline_run_uuid: Likewise.
        branch: The branch's name. It is in the token, but AWS does not see it.
    """

    workspace: EmulatedWorkspace
    repository_uuid: str
    environment_uuid: str | None = None
    step_uuid: str = field(default_factory=random_uuid)
    pipeline_uuid: str = field(default_factory=random_uuid)
    pipeline_run_uuid: str = field(default_factory=random_uuid)
    branch: str = "main"

    @property
    def subject(self) -> str:
        """The ``sub`` claim: ``{repository}:{step}``, or ``{repository}:{environment}:{step}`` with an environment."""
        parts = (self.repository_uuid, self.environment_uuid, self.step_uuid)
        return ":".join(part for part in parts if part is not None)


def step_claims(
    step: PipelineStep, *, issued_at: datetime, lifetime: int = 3600, audiences: Sequence[str] = ()
) -> dict[str, object]:
    """Return the claims of a step's token.

    Args:
        step: The step.
        issued_at: The time of issue, aware; ``iat`` has it in whole seconds.
        lifetime: Seconds from ``iat`` to ``exp``. Atlassian does not document the lifetime; an hour is a guess.
        audiences: The audiences that the step lists under ``oidc: audiences:``. They come after the workspace's own
            audience; only with them is ``aud`` a list
            (https://www.atlassian.com/blog/bitbucket/bitbucket-pipelines-oidc-now-supports-multiple-audiences).
    """
    own = step.workspace.default_audience
    issued = int(issued_at.timestamp())
    claims: dict[str, object] = {
        "iss": step.workspace.issuer,
        "aud": [own, *audiences] if audiences else own,
        "sub": step.subject,
        "iat": issued,
        "exp": issued + lifetime,
        "workspaceUuid": step.workspace.uuid,
        "repositoryUuid": step.repository_uuid,
        "pipelineUuid": step.pipeline_uuid,
        "pipelineRunUuid": step.pipeline_run_uuid,
        "stepUuid": step.step_uuid,
        "branchName": step.branch,
    }
    if step.environment_uuid is not None:
        claims["deploymentEnvironmentUuid"] = step.environment_uuid
    return claims
