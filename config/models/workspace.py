"""Workspaces of Bitbucket, their repositories and deployment environments."""

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from config.allow import Allow
from config.faults import each_once
from config.models.base import InventoryModel
from config.scalars import Audience, EnvironmentName, Slug, Uuid


class Repository(InventoryModel):
    """A repository: in short form its UUID alone."""

    expected = "a repository: its UUID, or {uuid: …, environments: …}"

    uuid: Uuid | None = None
    """As Bitbucket shows it; taken from inventory.lock.yaml where left out."""
    environments: dict[EnvironmentName, Uuid | None] = Field(default_factory=dict)
    """Deployment environments by name, with their UUIDs; an empty UUID is taken from inventory.lock.yaml."""
    allow: Allow = Field(default_factory=dict)
    """Warnings that are accepted here: {RULE-ID: reason}."""


def _repository(value: Any) -> Any:  # noqa: ANN401 - what YAML holds
    if value is None:
        return {}
    return {"uuid": value} if isinstance(value, str) else value


class Workspace(InventoryModel):
    """A workspace: its issuer has its slug, which is its key in the inventory."""

    expected = "a workspace: {uuid: …, repositories: …}"

    uuid: Uuid | None = None
    """As Bitbucket shows it; the workspace's own audience is made of it. From inventory.lock.yaml where left out."""
    audiences: Annotated[tuple[Audience, ...], AfterValidator(each_once)] = ()
    """Further audiences that steps ask for; the workspace's own is always there."""
    repositories: dict[Slug, Annotated[Repository, BeforeValidator(_repository)]] = Field(default_factory=dict)
    """Repositories by slug."""
    allow: Allow = Field(default_factory=dict)
    """Warnings that are accepted here: {RULE-ID: reason}."""
