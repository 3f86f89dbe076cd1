"""Turn trust entries of the inventory into lines of trust, and lines into statements of a trust policy."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import partial

from access.plan import TrustPlan
from config.models.trust import Steps, TrustEntry
from config.models.workspace import Workspace
from oidc.bitbucket import (
    Grade,
    SubjectPattern,
    all_steps_pattern,
    default_audience,
    environment_pattern,
    outside_environments_pattern,
    whole_workspace_pattern,
)
from oidc.iam.trust_policy import TrustedIssuer
from oidc.identifiers import BitbucketUuid, WorkspaceSlug

WHOLE_WORKSPACE = Steps.ALL_INCLUDING_ENVIRONMENTS
"""The steps shown for trust of a whole workspace."""


def trust_lines(
    entries: Sequence[TrustEntry], workspaces: Mapping[str, Workspace], as_is_until: date | None = None
) -> tuple[TrustPlan, ...] | None:
    """Return the lines of trust of a role, sorted; ``None`` if a name or UUID is missing in the inventory.

    The missing value has a finding already (``config.rules``).

    Args:
        entries: As declared.
        workspaces: Of the inventory, with the UUIDs of the lock.
        as_is_until: For a role adopted as is, the last day on which its whole workspaces are trusted.
    """
    lines: list[TrustPlan] = []
    for entry in entries:
        workspace = workspaces.get(entry.workspace)
        if workspace is None or workspace.uuid is None:
            return None
        entry_lines = _lines(entry, workspace, BitbucketUuid(workspace.uuid), as_is_until)
        if entry_lines is None:
            return None
        lines += entry_lines
        if workspace.previous_slugs:
            lines += _under_previous_slugs(entry_lines, workspace)
    return tuple(sorted(lines, key=_order))


def _under_previous_slugs(lines: Sequence[TrustPlan], workspace: Workspace) -> Iterator[TrustPlan]:
    """Yield the same lines for each slug that the workspace had before.

    A whole workspace has no such lines; it is an error (``whole-workspace-renamed``). Somebody else may take a former
    slug, and only UUIDs of repositories exclude their tokens.
    """
    for slug, previous in workspace.previous_slugs.items():
        for line in lines:
            if line.repository is not None:
                yield replace(line, workspace=WorkspaceSlug(slug), renamed_to=line.workspace, last_day=previous.expires)


def _order(line: TrustPlan) -> tuple[str, ...]:
    return (line.workspace, line.repository or "", line.environment or "", line.steps or "", *line.audiences)


def _lines(
    entry: TrustEntry, workspace: Workspace, uuid: BitbucketUuid, as_is_until: date | None
) -> list[TrustPlan] | None:
    """Return the lines of one entry, or ``None`` if a UUID is missing."""
    own, slug = (default_audience(uuid),), entry.repository_slug
    line = partial(
        TrustPlan,
        workspace=WorkspaceSlug(entry.workspace),
        repository=slug,
        audiences=tuple(sorted(set(entry.audiences))) or own,
        default_audiences=own,
    )
    if entry.dangerously_whole_workspace is not None:
        whole = line(
            repository_uuid=None, environment=None, environment_uuid=None, steps=WHOLE_WORKSPACE.value,
            subject_pattern=whole_workspace_pattern(), grade=Grade.WORKSPACE_WIDE,
            reason=entry.dangerously_whole_workspace.reason, last_day=as_is_until,
        )  # fmt: skip
        return [whole]
    repository = workspace.repositories.get(slug or "")
    if repository is None or repository.uuid is None:
        return None
    owner = BitbucketUuid(repository.uuid)
    if entry.steps is not None:
        pattern = _STEPS_PATTERN[entry.steps](owner)
        outside = line(
            repository_uuid=owner, environment=None, environment_uuid=None, steps=entry.steps.value,
            subject_pattern=pattern, grade=Grade.REPOSITORY_WIDE,
        )  # fmt: skip
        return [outside]
    lines = []
    for name in entry.environments or ():
        known = repository.environments.get(name)
        if known is None or known.uuid is None:
            return None
        environment = BitbucketUuid(known.uuid)
        bound = line(
            repository_uuid=owner, environment=name, environment_uuid=environment, steps=None,
            subject_pattern=environment_pattern(owner, environment), grade=Grade.ENVIRONMENT_BOUND,
            restrictions_checked=known.restrictions_checked,
        )  # fmt: skip
        lines.append(bound)
    return lines


_STEPS_PATTERN = {
    Steps.OUTSIDE_ENVIRONMENTS: outside_environments_pattern,
    Steps.ALL_INCLUDING_ENVIRONMENTS: all_steps_pattern,
}


def trusted_issuers(lines: Sequence[TrustPlan]) -> tuple[TrustedIssuer, ...]:
    """Group lines by issuer and set of accepted audiences: one statement of the trust policy for each."""
    groups: dict[tuple[WorkspaceSlug, tuple[str, ...], date | None], set[SubjectPattern]] = {}
    for line in lines:
        groups.setdefault((line.workspace, line.audiences, line.last_day), set()).add(line.subject_pattern)
    issuers = [
        TrustedIssuer(workspace, audiences, tuple(sorted(patterns)), last_day)
        for (workspace, audiences, last_day), patterns in groups.items()
    ]
    return tuple(sorted(issuers, key=lambda issuer: (issuer.workspace, issuer.audiences, issuer.subject_patterns)))
