"""Workspaces of Bitbucket, their repositories and deployment environments."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from config.allow import Allow
from config.findings import fault
from config.json_schema_hints import Or, example
from config.models.base import Distinct, InventoryModel, short_form
from config.models.bitbucket_values import Audience, EnvironmentName, RepositorySlug, Uuid, WorkspaceSlugText
from config.models.scalars import LastDay, PastDay, describe


class Environment(InventoryModel):
    """A deployment environment; the short form is its UUID."""

    expected = "a deployment environment: its UUID, or {uuid: …, restrictions_checked: …}"

    uuid: Annotated[Uuid | None, example("{c2b1a5de-6b7e-4d4b-b1a0-6a9d8c7b5e03}", since="0.1")] = None
    """By default from the lock."""
    restrictions_checked: Annotated[PastDay | None, example("2026-11-01", since="0.1")] = None
    """When somebody last checked its deployment restrictions in Bitbucket, which no program can do."""


def _name_alone(value: Any) -> Any:  # noqa: ANN401 - what YAML holds
    """Accept a repository or an environment that is only a name: ``website:``."""
    return {} if value is None else value


EnvironmentForm = Annotated[Environment, BeforeValidator(_name_alone), short_form("uuid"), Or(Uuid, None)]


class Repository(InventoryModel):
    """A repository; the short form is its UUID."""

    expected = "a repository: its UUID, or {uuid: …, environments: …}"

    uuid: Annotated[Uuid | None, example("{9a6d6bde-2ae3-4d4c-8a43-1f6a5d9a3c01}", since="0.1")] = None
    """By default from the lock."""
    environments: Annotated[
        dict[EnvironmentName, EnvironmentForm],
        example({"production": "{c2b1a5de-6b7e-4d4b-b1a0-6a9d8c7b5e03}"}, since="0.1"),
    ] = Field(default_factory=dict)
    """Deployment environments by name."""
    allow: Allow = Field(default_factory=dict)
    """Accepted warnings: {RULE-ID: reason}."""


RepositoryForm = Annotated[Repository, BeforeValidator(_name_alone), short_form("uuid"), Or(Uuid, None)]


class PreviousSlug(InventoryModel):
    """A former slug. Tokens issued under it are trusted like those of the workspace."""

    expected = "{expires: YYYY-MM-DD}"

    expires: Annotated[LastDay, example("2027-03-31", since="0.1")]
    """The last day on which its tokens are trusted, UTC."""


def _by_slug(value: Any) -> Any:  # noqa: ANN401 - what YAML holds
    if isinstance(value, str | list | tuple):
        slug = value if isinstance(value, str) else next(iter(value), None)
        form = f"{slug if isinstance(slug, str) else 'SLUG'}: {{expires: YYYY-MM-DD}}"
        raise fault("wrong-type", f"expected slugs, each with a last day, found {describe(value)}", f"write {form}")
    return value


class Workspace(InventoryModel):
    """A workspace, by its slug, which is part of its issuer's URL."""

    expected = "a workspace: {uuid: …, repositories: …}"

    uuid: Annotated[Uuid | None, example("{0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11}", since="0.1")] = None
    """The workspace's audience contains it; by default from the lock."""
    audiences: Annotated[Distinct[Audience], example(["deployments"], since="0.1")] = ()
    """Audiences that steps ask for besides its own. STS refuses a token with two."""
    previous_slugs: Annotated[
        dict[WorkspaceSlugText, PreviousSlug],
        BeforeValidator(_by_slug),
        example({"acme-old": {"expires": "2027-03-31"}}, since="0.1"),
    ] = Field(default_factory=dict)
    """Former slugs, each trusted like the present one until its last day."""
    repositories: Annotated[
        dict[RepositorySlug, RepositoryForm],
        example({"website": "{7d1e2f3a-4b5c-4d6e-8f90-a1b2c3d4e504}"}, since="0.1"),
    ] = Field(default_factory=dict)
    """Repositories by slug."""
    allow: Allow = Field(default_factory=dict)
    """Accepted warnings: {RULE-ID: reason}."""
