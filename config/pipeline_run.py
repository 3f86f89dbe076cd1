"""The pipeline, commit and repository of a step, from its default variables.

Source: https://support.atlassian.com/bitbucket-cloud/docs/variables-and-secrets/ (default variables).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from oidc.errors import UsageError
from oidc.identifiers import is_uuid

_SLUG = re.compile(r"[A-Za-z0-9_.-]{1,255}", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{7,64}", re.ASCII)
_NUMBER = re.compile(r"[1-9][0-9]{0,14}", re.ASCII)
_DO = "run it in a step of Bitbucket Pipelines, or set the variable"


@dataclass(frozen=True, slots=True)
class PipelineRun:
    """One run of a pipeline.

    Attributes:
        workspace: The slug: ``acme``.
        repository: The slug: ``inventory``.
        repository_uuid: With braces, or ``None`` if it is not set. A renamed repository keeps it.
        commit: That the pipeline runs for.
        build: The number of the pipeline, which grows from run to run, or ``None`` outside a pipeline.
        pull_request: Its number, or ``None`` in a pipeline of a branch.
    """

    workspace: str
    repository: str
    repository_uuid: str | None
    commit: str
    build: int | None
    pull_request: int | None

    @property
    def path(self) -> str:
        """The path of the repository in the REST API: ``repositories/acme/%7B9a6d6bde-…%7D``."""
        return (
            f"repositories/{quote(self.workspace, safe='')}/{quote(self.repository_uuid or self.repository, safe='')}"
        )

    @property
    def named_path(self) -> str:
        """The same path by name alone: ``repositories/acme/inventory``."""
        return f"repositories/{quote(self.workspace, safe='')}/{quote(self.repository, safe='')}"

    @property
    def url(self) -> str | None:
        """The page of the pipeline, or ``None`` outside a pipeline."""
        if self.build is None:
            return None
        return f"https://bitbucket.org/{quote(self.workspace)}/{quote(self.repository)}/pipelines/results/{self.build}"


def pipeline_run(environment: Mapping[str, str]) -> PipelineRun:
    """Read the variables of a step.

    Raises:
        UsageError: A variable is missing, or Bitbucket never writes its value: another text than a slug could lead to
            another address.
    """
    return PipelineRun(
        workspace=_required(environment, "BITBUCKET_WORKSPACE", _SLUG),
        repository=_required(environment, "BITBUCKET_REPO_SLUG", _SLUG),
        repository_uuid=_uuid(environment),
        commit=_required(environment, "BITBUCKET_COMMIT", _COMMIT),
        build=_number(environment, "BITBUCKET_BUILD_NUMBER"),
        pull_request=_number(environment, "BITBUCKET_PR_ID"),
    )


def _required(environment: Mapping[str, str], name: str, form: re.Pattern[str]) -> str:
    value = environment.get(name, "")
    if not value:
        raise UsageError(f"{name} is not set", do=_DO)
    if form.fullmatch(value) is None or set(value) == {"."} or value == "..":
        raise UsageError(f"{name} has a value that Bitbucket never writes", do=_DO)
    return value


def _uuid(environment: Mapping[str, str]) -> str | None:
    value = environment.get("BITBUCKET_REPO_UUID", "")
    if value and not is_uuid(value):
        raise UsageError("BITBUCKET_REPO_UUID has a value that Bitbucket never writes", do=_DO)
    return value or None


def _number(environment: Mapping[str, str], name: str) -> int | None:
    value = environment.get(name, "")
    if value and _NUMBER.fullmatch(value) is None:
        raise UsageError(f"{name} has a value that Bitbucket never writes", do=_DO)
    return int(value) if value else None
