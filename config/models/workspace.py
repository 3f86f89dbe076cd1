"""Workspaces of Bitbucket, their repositories and deployment environments."""

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from config.allow import Allow
from config.findings import each_once, fault
from config.json_schema_hints import EACH_ONCE, Or, example
from config.models.base import InventoryModel
from config.models.bitbucket_values import Audience, EnvironmentName, Uuid, WorkspaceSlugText
from config.models.scalars import LastDay, PastDay, Slug, describe


class Environment(InventoryModel):
    """A deployment environment: in short form its UUID alone."""

    expected = "a deployment environment: its UUID, or {uuid: …, restrictions_checked: …}"

    uuid: Annotated[Uuid | None, example("{c2b1a5de-6b7e-4d4b-b1a0-6a9d8c7b5e03}", since="0.1")] = None
    """As Bitbucket shows it; taken from inventory.lock.yaml where left out."""
    restrictions_checked: Annotated[PastDay | None, example("2026-11-01", since="0.1")] = None
    """The day on which somebody last looked at its deployment restrictions in Bitbucket: no program can."""


def _with_uuid_alone(value: Any) -> Any:  # noqa: ANN401 - what YAML holds
    """Turn the short form of a repository or an environment into the long one."""
    if value is None:
        return {}
    return {"uuid": value} if isinstance(value, str) else value


EnvironmentForm = Annotated[Environment, BeforeValidator(_with_uuid_alone), Or(Uuid, None)]


class Repository(InventoryModel):
    """A repository: in short form its UUID alone."""

    expected = "a repository: its UUID, or {uuid: …, environments: …}"

    uuid: Annotated[Uuid | None, example("{9a6d6bde-2ae3-4d4c-8a43-1f6a5d9a3c01}", since="0.1")] = None
    """As Bitbucket shows it; taken from inventory.lock.yaml where left out."""
    environments: Annotated[
        dict[EnvironmentName, EnvironmentForm],
        example({"production": "{c2b1a5de-6b7e-4d4b-b1a0-6a9d8c7b5e03}"}, since="0.1"),
    ] = Field(default_factory=dict)
    """Deployment environments by name, with their UUIDs; an empty UUID is taken from inventory.lock.yaml."""
    allow: Annotated[Allow, example({"expired": "kept for the auditors until spring"}, since="0.1")] = Field(
        default_factory=dict
    )
    """Warnings that are accepted here: {RULE-ID: reason}."""


RepositoryForm = Annotated[Repository, BeforeValidator(_with_uuid_alone), Or(Uuid, None)]


class PreviousSlug(InventoryModel):
    """A slug that a workspace had before: tokens that were issued under it are trusted as those of the workspace."""

    expected = "{expires: YYYY-MM-DD}"

    expires: Annotated[LastDay, example("2027-03-31", since="0.1")]
    """The last day, in UTC: trust in the previous slug ends by itself."""


def _by_slug(value: Any) -> Any:  # noqa: ANN401 - what YAML holds
    if isinstance(value, str | list | tuple):
        slug = value if isinstance(value, str) else next(iter(value), None)
        form = f"{slug if isinstance(slug, str) else 'SLUG'}: {{expires: YYYY-MM-DD}}"
        raise fault("wrong-type", f"expected slugs, each with a last day, found {describe(value)}", f"write {form}")
    return value


class Workspace(InventoryModel):
    """A workspace: its issuer has its slug, which is its key in the inventory."""

    expected = "a workspace: {uuid: …, repositories: …}"

    uuid: Annotated[Uuid | None, example("{0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11}", since="0.1")] = None
    """As Bitbucket shows it; the workspace's own audience is made of it. From inventory.lock.yaml where left out."""
    audiences: Annotated[
        tuple[Audience, ...], AfterValidator(each_once), EACH_ONCE, example(["deployments"], since="0.1")
    ] = ()
    """Further audiences that steps ask for; the workspace's own is always there, and STS takes no token with two."""
    previous_slugs: Annotated[
        dict[WorkspaceSlugText, PreviousSlug],
        BeforeValidator(_by_slug),
        example({"acme-old": {"expires": "2027-03-31"}}, since="0.1"),
    ] = Field(default_factory=dict)
    """Slugs that the workspace had before it was renamed, each trusted like its own until a day."""
    repositories: Annotated[
        dict[Slug, RepositoryForm], example({"website": "{7d1e2f3a-4b5c-4d6e-8f90-a1b2c3d4e504}"}, since="0.1")
    ] = Field(default_factory=dict)
    """Repositories by slug."""
    allow: Annotated[Allow, example({"expired": "kept for the auditors until spring"}, since="0.1")] = Field(
        default_factory=dict
    )
    """Warnings that are accepted here: {RULE-ID: reason}."""
