"""Trust: everything that it names is declared, once, with a UUID."""

from config.cross_record.accounts import report_unlocked
from config.cross_record.context import Context
from config.declared import unknown_environment, unknown_repository, unknown_workspace
from config.findings import did_you_mean
from config.models.inventory import Inventory
from config.models.role import Role
from config.models.trust import TrustEntry
from config.models.workspace import Repository, Workspace
from config.yaml_document import Path
from oidc.identifiers import BitbucketUuid
from oidc.issuer import default_audience


def check_trust(context: Context) -> None:
    """Report unknown names, names without UUID, audiences that are not declared, and entries twice."""
    for key, role in context.inventory.roles.items():
        seen: dict[tuple[object, ...], Path] = {}
        for index, entry in enumerate(role.trust):
            at: Path = ("roles", key, "trust", index)
            if not _is_answered(context.inventory, entry):
                _check_entry(context, at, entry)
            _check_twice(context, at, entry, seen)


def check_further_audiences(context: Context) -> None:
    """Report workspaces that declare audiences besides their own: a step that asks for one gets both.

    STS refuses a token with several audiences and no ``azp`` (seen of real AWS, three independent reports). That
    Bitbucket adds what a step asks for to the workspace's own audience is what others report
    (https://www.atlassian.com/blog/bitbucket/bitbucket-pipelines-oidc-now-supports-multiple-audiences says "multiple
    audiences"); no decoded token of such a step was seen, so this is a warning.
    """
    for slug, workspace in context.inventory.workspaces.items():
        own = default_audience(BitbucketUuid(workspace.uuid)) if workspace.uuid else None
        if any(audience != own for audience in workspace.audiences):
            message = "a step that asks for a further audience gets a token with two, most likely, which STS refuses"
            hint = "remove them; or look at the claims of such a step, and accept it: `allow: {further-audiences: WHY}`"
            context.report("further-audiences", ("workspaces", slug, "audiences"), message, hint)


def _is_answered(inventory: Inventory, entry: TrustEntry) -> bool:
    """Tell at once what is true of nearly every entry: all that it names is declared, with its UUID."""
    workspace = inventory.workspaces.get(entry.workspace)
    if workspace is None or workspace.uuid is None or entry.audiences:
        return False
    if entry.repository_slug is None:
        return True
    repository = workspace.repositories.get(entry.repository_slug)
    if repository is None or repository.uuid is None:
        return False
    known = repository.environments
    return all(name in known and known[name].uuid for name in entry.environments or ())


def _check_entry(context: Context, at: Path, entry: TrustEntry) -> None:
    slug = entry.workspace
    where = (*at, "repository") if entry.repository else (*at, "dangerously_whole_workspace", "workspace")
    if (problem := unknown_workspace(context.sources.data, slug)) is not None:
        context.report(problem.rule, where, problem.message, problem.hint)
        return
    workspace = context.inventory.workspaces.get(slug)
    if workspace is None:
        return
    if workspace.uuid is None:
        report_unlocked(context, ("workspaces", slug), f"workspace {slug}")
    _check_audiences(context, at, entry, workspace)
    name = entry.repository_slug
    if name is None:
        return
    if (problem := unknown_repository(context.sources.data, slug, name)) is not None:
        context.report(problem.rule, where, problem.message, problem.hint)
    elif name in workspace.repositories:
        _check_repository(context, at, entry, workspace.repositories[name])


def _check_repository(context: Context, at: Path, entry: TrustEntry, repository: Repository) -> None:
    declared = ("workspaces", entry.workspace, "repositories", entry.repository_slug or "")
    if repository.uuid is None:
        report_unlocked(context, declared, f"repository {entry.repository}")
    data, slugs = context.sources.data, (entry.workspace, entry.repository_slug or "")
    for index, name in enumerate(entry.environments or ()):
        where = (*at, "environments", index)
        if (problem := unknown_environment(data, *slugs, name)) is not None:
            context.report(problem.rule, where, problem.message, problem.hint)
        elif name in repository.environments and repository.environments[name].uuid is None:
            report_unlocked(context, (*declared, "environments", name), f"environment {name} of {entry.repository}")


def _check_audiences(context: Context, at: Path, entry: TrustEntry, workspace: Workspace) -> None:
    own = [default_audience(BitbucketUuid(workspace.uuid))] if workspace.uuid else []
    declared = [*own, *workspace.audiences]
    for index, audience in enumerate(entry.audiences):
        if audience not in declared:
            hint = did_you_mean(audience, declared, f"declare it under `workspaces.{entry.workspace}.audiences`")
            message = f"workspace {entry.workspace} does not declare the audience {audience}"
            context.report("unknown-audience", (*at, "audiences", index), message, hint)


def _check_twice(context: Context, at: Path, entry: TrustEntry, seen: dict[tuple[object, ...], Path]) -> None:
    base = (entry.workspace, entry.repository_slug, frozenset(entry.audiences))
    for index, name in enumerate(entry.environments or ()):
        if (*base, name) in seen:
            message = (
                f"environment {name} of {entry.repository} is trusted already, at {context.where(seen[*base, name])}"
            )
            context.report("duplicate", (*at, "environments", index), message, "remove one of the two")
        # Paths, not places: only a finding is worth looking a place up for.
        seen.setdefault((*base, name), (*at, "environments", index))
    if entry.environments is None:
        if (*base, entry.steps) in seen:
            message = f"the same trust stands at {context.where(seen[*base, entry.steps])}"
            context.report("duplicate", at, message, "remove one of the two")
        seen.setdefault((*base, entry.steps), at)


def check_whole_workspace(context: Context) -> None:
    """Report trust of a whole workspace that does not end, or that comes with admin access."""
    for key, role in context.inventory.roles.items():
        for index, entry in enumerate(role.trust):
            if entry.dangerously_whole_workspace is not None:
                _check_whole(context, ("roles", key, "trust", index, "dangerously_whole_workspace"), role)


def _check_whole(context: Context, at: Path, role: Role) -> None:
    if role.expires is None:
        message = "trust of a whole workspace has no end"
        context.report("whole-workspace-expires", at, message, "add `expires: YYYY-MM-DD` to the role")
    if role.dangerously_allow_admin is not None:
        message = "trust of a whole workspace and admin access stand together"
        context.report(
            "whole-workspace-admin", at, message, "name the repositories, or give the role narrower permissions"
        )
