"""Trust: which steps of which pipelines may assume a role."""

import re
from enum import StrEnum
from typing import Annotated, Self

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from config.allow import Allow
from config.findings import fault
from config.json_schema_hints import NO_VARIABLES, Also, Looks, exactly_one, example
from config.models.base import Distinct, InventoryModel
from config.models.bitbucket_values import NO_URL, Audience, EnvironmentName, WorkspaceSlugText, url_in_place_of
from config.models.scalars import Reason, parse_text
from oidc.identifiers import slugs_in_url


class Steps(StrEnum):
    """The trusted steps of a repository, in place of those of named environments."""

    OUTSIDE_ENVIRONMENTS = "outside_environments"
    ALL_INCLUDING_ENVIRONMENTS = "all_including_environments"


class WholeWorkspace(InventoryModel):
    """Trust in every repository of a workspace, including future ones."""

    expected = "{workspace: …, reason: …}"

    workspace: Annotated[WorkspaceSlugText, example("acme", since="0.1")]
    """Its slug."""
    reason: Annotated[Reason, example("inventory of all repositories", since="0.1")]
    """Shown in reports."""


SEVERAL = "write an entry for each repository, or give the role `for_each: {repository: […]}`"
"""The hint for several repositories in one entry."""


def _repository_reference(value: object) -> str:
    if isinstance(value, list):
        raise fault("wrong-type", "expected one repository, found a list", SEVERAL)
    value = parse_text(value)
    if (slugs := slugs_in_url(value)) is not None:
        meant = f"{slugs[0]}/{slugs[1] or 'REPOSITORY'}" if slugs[0] else ""
        raise url_in_place_of("WORKSPACE/REPOSITORY", meant, "write acme/shop for bitbucket.org/acme/shop")
    if "@" in value or "://" in value:
        # Such a URL may hold a password, so it is not shown.
        message = "expected WORKSPACE/REPOSITORY, found a URL that is not of bitbucket.org"
        raise fault("bad-name", message, "write WORKSPACE/REPOSITORY, as in bitbucket.org")
    if "*" in value or "?" in value:
        raise fault("bad-name", f"{value!r} has a wildcard", "write the name of each repository: no wildcards here")
    workspace, slash, repository = value.partition("/")
    if not workspace or not slash or not repository or "/" in repository:
        meant = value.strip("/")
        named = meant if re.fullmatch(r"[a-z0-9_.-]+/[\w.-]+", meant, re.ASCII) else "WORKSPACE/REPOSITORY"
        raise fault("bad-name", f"not a repository: {value!r}", f"write {named}, as in bitbucket.org")
    return value


RepositoryReference = Annotated[
    str,
    BeforeValidator(_repository_reference),
    Looks(
        "repository reference",
        "WORKSPACE/REPOSITORY, as in bitbucket.org",
        "acme/payments",
        rf"{NO_VARIABLES}{NO_URL}[^/@*?]+/[^/@*?]+",
    ),
]
"""WORKSPACE/REPOSITORY."""


class TrustEntry(InventoryModel):
    """Exactly one of `repository` with `environments`, `repository` with `steps`, and `dangerously_whole_workspace`."""

    model_config = ConfigDict(
        json_schema_extra=exactly_one(
            [["dangerously_whole_workspace"], ["repository", "steps"], ["repository", "environments"]]
        )
    )

    expected = "a trust entry: {repository: WORKSPACE/REPOSITORY, environments: […]}"
    of_text = "{repository: TEXT, environments: […]}"

    repository: Annotated[RepositoryReference | None, example("acme/payments", since="0.1")] = None
    """WORKSPACE/REPOSITORY."""
    environments: Annotated[
        tuple[EnvironmentName, ...] | None,
        Also({"minItems": 1, "uniqueItems": True}),
        example(["production"], since="0.1"),
    ] = None
    """Only steps that deploy to one of them."""
    steps: Annotated[Steps | None, example("outside_environments", since="0.1")] = None
    """Steps of the repository, in place of `environments`."""
    dangerously_whole_workspace: Annotated[
        WholeWorkspace | None, example({"workspace": "acme", "reason": "inventory of all repositories"}, since="0.1")
    ] = None
    """Every step of every repository of a workspace."""
    audiences: Annotated[Distinct[Audience], example(["deployments"], since="0.1")] = ()
    """Accepted audiences of those that the workspace declares; by default its own."""
    allow: Allow = Field(default_factory=dict)
    """Accepted warnings: {RULE-ID: reason}."""

    @model_validator(mode="after")
    def _exactly_one_kind(self) -> Self:
        kinds = [
            name
            for name, value in (
                ("environments", self.environments),
                ("steps", self.steps),
                ("dangerously_whole_workspace", self.dangerously_whole_workspace),
            )
            if value is not None
        ]
        if len(kinds) > 1:
            raise fault("trust-kind", f"{' and '.join(kinds)} in one entry", "write an entry for each")
        if not kinds:
            raise fault(
                "trust-kind", "the entry does not say which steps it trusts",
                "add `environments: […]`, or `steps: outside_environments` or `all_including_environments`",
            )  # fmt: skip
        if self.dangerously_whole_workspace and self.repository:
            raise fault("trust-kind", "a repository and a whole workspace in one entry", "keep one of the two")
        if not self.dangerously_whole_workspace and not self.repository:
            raise fault("trust-kind", f"{kinds[0]} without a repository", "add `repository: WORKSPACE/REPOSITORY`")
        if self.environments is not None and not self.environments:
            raise fault("trust-kind", "`environments` is empty", "name at least one environment, or remove the entry")
        return self

    @property
    def workspace(self) -> str:
        """The slug of the workspace."""
        if self.dangerously_whole_workspace:
            return self.dangerously_whole_workspace.workspace
        return (self.repository or "").partition("/")[0]

    @property
    def repository_slug(self) -> str | None:
        """The slug of the repository, or ``None`` for a whole workspace."""
        return self.repository.partition("/")[2] if self.repository else None
