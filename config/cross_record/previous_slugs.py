"""Workspaces that were renamed: slugs that they had before, whose issuers are trusted until a day.

The issuer of a token has the slug of its workspace, so a rename makes another issuer; audience and subject, which have
UUIDs alone, stay. Nothing says that a slug that was given up stays free
(https://support.atlassian.com/bitbucket-cloud/docs/change-a-workspace-id/): whoever takes it would have its issuer.
"""

from config.cross_record.context import Context
from config.cross_record.permissions import report_last_day
from config.yaml_document import Path, show_path


def check_previous_slugs(context: Context) -> None:
    """Report a previous slug that is a workspace's already, and one past its last day or near it."""
    taken: dict[str, Path] = {slug: ("workspaces", slug) for slug in context.names("workspaces")}
    for slug, workspace in context.inventory.workspaces.items():
        for previous, told in workspace.previous_slugs.items():
            at: Path = ("workspaces", slug, "previous_slugs", previous)
            if (first := taken.setdefault(previous, at)) != at:
                _report_taken(context, at, first)
                continue
            report_last_day(
                context, (*at, "expires"), told.expires,
                ends=f"no token of the previous slug {previous} is taken after it",
                over="remove the previous slug, and its OIDC provider goes; or give it another day",
            )  # fmt: skip


def _report_taken(context: Context, at: Path, first: Path) -> None:
    where = context.sources.place(first, of_key=True)
    message = f"{at[-1]} is {show_path(first)} already, at {where.file}:{where.line}: an issuer has one workspace"
    hint = "leave it to the one that it was the slug of"
    if len(first) == len(("workspaces", "acme")):
        hint = f"move what stands there to workspaces.{at[1]}, or name the slug that it really had before"
    if first == at[:2]:
        message, hint = f"{at[-1]} is the workspace's slug of today", "write the one that it had before"
    context.sources.report("duplicate", at, message, hint, of_key=True)


def check_whole_workspaces(context: Context) -> None:
    """Report trust of a whole workspace that was renamed.

    Who else may take the previous slug could ask for any audience, the workspace's own included, and no UUID of a
    repository would keep the token out.
    """
    for key, role in context.inventory.roles.items():
        for index, entry in enumerate(role.trust):
            if entry.dangerously_whole_workspace is None:
                continue
            workspace = context.inventory.workspaces.get(entry.workspace)
            if workspace is None or not workspace.previous_slugs:
                continue
            previous = " and ".join(workspace.previous_slugs)
            message = f"no UUID of a repository would keep out whoever takes the slug {previous}, which was given up"
            hint = f"name repositories of {entry.workspace} here, or remove its `previous_slugs` first"
            at = ("roles", key, "trust", index, "dangerously_whole_workspace")
            context.report("whole-workspace-renamed", at, message, hint)
