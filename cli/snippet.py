"""bitbucket-oidc snippet: the bitbucket-pipelines.yml of a repository, with the roles that its steps may assume."""

from collections.abc import Iterable
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path

import click

from access.compile import compile_plan
from access.pipeline_roles import pipeline_roles
from access.plan import AccessPlan
from access.selection import Narrowed, Selection
from cli.inventory import exit_code, inventory_argument, loaded, quiet_option, show_briefly, strict_option
from cli.selection import filter_options, narrowed
from config.declared import some_of
from config.findings import one_line
from config.models.inventory import Inventory
from oidc.errors import UsageError
from review.snippets import Style, pipeline


@click.command("snippet")
@inventory_argument
@filter_options()
@click.option("--style", type=click.Choice([style.value for style in Style]), default="web-identity", show_default=True)
@strict_option
@quiet_option
def command(inventory: Path, selection: Selection, style: str, *, strict: bool) -> int:
    """Print the bitbucket-pipelines.yml of a repository: a step for each deployment environment, with its role.

    Filters narrow the roles to choose from; --repository may be left out if they trust only one. If a step may assume
    several roles, a comment names the choice. A pair is shown with both roles, the plan role on pull requests. No step
    prints a token or credentials.
    """
    read = loaded(inventory)
    result = compile_plan(read)
    show_briefly(result.findings)
    if result.plan is not None:
        click.echo(_snippet(narrowed(result.plan, selection), read.inventory, Style(style)), nl=False)
    return exit_code(result.findings, strict=strict)


def _snippet(part: Narrowed, inventory: Inventory, style: Style) -> str:
    selection = part.selection
    repository = _repository(part.plan, selection.repositories, inventory)
    asked = selection.environments
    declared = _declared_environments(inventory, repository) | set(filter(_is_name, asked))
    environments = {name for name in declared if not asked or _matches(name, asked)}
    roles = pipeline_roles(part.whole, part.plan, repository, environments, datetime.now(UTC).date(), outside=not asked)
    if roles.without_role and not (selection.accounts or selection.roles or selection.owners):
        click.echo(f"note: no role trusts steps of {repository} in {one_line(some_of(roles.without_role))}", err=True)
    if not roles.main:
        hint = "name a deployment environment without wildcards"
        raise UsageError(f"{repository} has no deployment environment that matches {selection}", do=hint)
    return pipeline(roles, style)


def _repository(plan: AccessPlan, asked: tuple[str, ...], inventory: Inventory) -> str:
    """Return the only repository that is asked for, or that the roles trust.

    Raises:
        UsageError: There are several, or it is not said which one of a workspace.
    """
    lines = [line for account in plan.accounts for role in account.roles for line in role.trust if not line.renamed_to]
    if not lines:
        raise UsageError("these accounts have no roles", do="name another account, or declare a role")
    named = {f"{line.workspace}/{line.repository}" for line in lines if line.repository is not None}
    known = {name for name in named if not asked or _matches(name, asked)} | set(filter(_is_name, asked))
    if not known:
        hint = f"add --repository {lines[0].workspace}/REPOSITORY: the role trusts each of this workspace"
        raise UsageError("which repository?", do=hint)
    if len(known) > 1:
        raise UsageError("which repository?", do=f"add --repository: {one_line(some_of(known))}")
    repository = known.pop()
    workspace, _, slug = repository.partition("/")
    if workspace not in inventory.workspaces:
        present = next(slug for slug, each in inventory.workspaces.items() if workspace in each.previous_slugs)
        raise UsageError(f"{workspace} is now {present}", do=f"write --repository {present}/{one_line(slug)}")
    return repository


def _declared_environments(inventory: Inventory, repository: str) -> set[str]:
    workspace, _, slug = repository.partition("/")
    declared = inventory.workspaces[workspace].repositories.get(slug)
    return set(declared.environments) if declared is not None else set()


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(name == pattern or fnmatchcase(name, pattern) for pattern in patterns)


def _is_name(pattern: str) -> bool:
    return not set(pattern) & set("*?")
