"""bitbucket-oidc snippet: the part of a bitbucket-pipelines.yml that gets a role's credentials."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import click

from access.plan import AccessPlan, AccountPlan, RolePlan
from cli.inventory import compiled, exit_code, inventory_argument, quiet_option, show_briefly, strict_option
from config.findings import did_you_mean, one_line
from config.models.family import plan_key
from oidc.errors import UsageError
from review.snippets import Style, pair_snippet


@click.command("snippet")
@inventory_argument
@click.option("--role", metavar="KEY", help="The role; optional if there is only one.")
@click.option("--account", metavar="KEY", help="The account; optional if the role is in only one.")
@click.option("--repository", metavar="WORKSPACE/SLUG", help="The repository; optional if the role trusts only one.")
@click.option("--style", type=click.Choice([style.value for style in Style]), default="web-identity", show_default=True)
@strict_option
@quiet_option
def command(
    inventory: Path, role: str | None, account: str | None, repository: str | None, style: str, *, strict: bool
) -> int:
    """Print steps of bitbucket-pipelines.yml for a role: one for each deployment environment that it trusts.

    A pair is shown with both roles, the plan role on pull requests. No step prints a token or credentials.
    """
    result = compiled(inventory)
    show_briefly(result.findings)
    if result.plan is not None:
        click.echo(_snippet(result.plan, role, account, repository, Style(style)), nl=False)
    return exit_code(result.findings, strict=strict)


def _snippet(plan: AccessPlan, role: str | None, account: str | None, repository: str | None, style: Style) -> str:
    roles = _by_account(plan, _chosen("--role", "role", role, _roles(plan, asked=role is not None)))
    key = _chosen("--account", "account of this role", account, [holder.key for holder, _ in roles])
    place, chosen = next(pair for pair in roles if pair[0].key == key)
    which = _chosen("--repository", "repository that this role trusts", repository, _repositories(chosen, repository))
    plan_role_key = plan_key(chosen.key)
    plan_role = next((other for other in place.roles if other.key == plan_role_key and other.is_plan_role), None)
    return pair_snippet(plan_role, chosen, place, which, style)


def _roles(plan: AccessPlan, *, asked: bool) -> set[str]:
    """Return the keys of all roles; a plan role is shown with its role unless `--role` names it."""
    every = (role for account in plan.accounts for role in account.roles)
    return {role.key for role in every if asked or not role.is_plan_role}


def _by_account(plan: AccessPlan, key: str) -> list[tuple[AccountPlan, RolePlan]]:
    return [(account, role) for account in plan.accounts for role in account.roles if role.key == key]


def _repositories(role: RolePlan, asked: str | None) -> Iterable[str]:
    """Return the repositories that a role trusts; of a wholly trusted workspace, only the one that is asked for."""
    workspaces = {line.workspace for line in role.trust if line.repository is None}
    whole = {asked} if asked and asked.partition("/")[0] in workspaces and asked.partition("/")[2] else set()
    named = (line for line in role.trust if line.repository and line.renamed_to is None)
    return {f"{line.workspace}/{line.repository}" for line in named} | whole


def _chosen(option: str, kind: str, asked: str | None, known: Iterable[str]) -> str:
    names: Sequence[str] = sorted(known)
    listed = ", ".join(names) or "none"
    if asked is None:
        if len(names) == 1:
            return names[0]
        raise UsageError(f"which {kind}?", do=f"add {option}: {listed}")
    if asked not in names:
        what = f"{option}: there is no {kind} named `{one_line(asked)}`"
        raise UsageError(what, do=did_you_mean(asked, list(names), f"known: {listed}"))
    return asked
