"""bitbucket-oidc init: write a first inventory, from options or from answers on a terminal."""

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click
from pydantic import TypeAdapter

from access.compile import compile_plan
from config.load import load_inventory
from oidc.errors import UsageError
from onboarding import starter_options
from onboarding.new_files import refuse_taken, write_new
from onboarding.starter import INVENTORY, PIPELINES, Starter, inventory_text, role_keys, starter_files
from onboarding.starter_options import (
    StarterOptions,
    accounts_of,
    environments_of,
    repositories_of,
    starter_of,
    the_account,
)

_WHERE = (
    "The UUIDs are on a repository's page Repository settings > OpenID Connect. Leave them empty for `lock` to look up."
)


def ask_what_is_missing(given: StarterOptions) -> StarterOptions:
    """Ask for the missing options.

    Raises:
        click.Abort: Ctrl-C, or the end of the input.
    """
    if given.workspace is None:
        given = replace(given, workspace=_workspace())
    if not given.repositories:
        given = replace(given, repositories=tuple(_repositories()))
    slugs = list(repositories_of(given.repositories))
    if not given.environments:
        given = replace(given, environments=tuple(text for slug in slugs for text in _environments(slug)))
    if not given.accounts:
        given = replace(given, accounts=tuple(_accounts()))
    return given if given.deploys else replace(given, deploys=tuple(_deploys(given, slugs)))


def _workspace() -> str:
    click.echo(_WHERE, err=True)
    slug = _ask("Workspace, as in bitbucket.org/SLUG", starter_options.WORKSPACE)
    return _with_uuid(slug, "of the workspace")


def _repositories() -> Sequence[str]:
    repositories: list[str] = []
    while slug := _ask(
        "Repository, as in bitbucket.org/WORKSPACE/SLUG" + (", or nothing" if repositories else ""),
        starter_options.SLUG,
        may_be_empty=bool(repositories),
        taken=repositories,
    ):
        repositories.append(_with_uuid(slug, f"of {slug}"))
    return repositories


def _environments(slug: str) -> Sequence[str]:
    environments: list[str] = []
    while name := _ask(
        f"Deployment environment of {slug}" + (", or nothing" if environments else ""),
        starter_options.ENVIRONMENT,
        may_be_empty=bool(environments),
        taken=[text.partition("/")[2] for text in environments],
    ):
        environments.append(_with_uuid(f"{slug}/{name}", f"of {name}"))
    return environments


def _accounts() -> Sequence[str]:
    accounts: list[str] = []
    while key := _ask(
        "Name of an AWS account, such as prod" + (", or nothing" if accounts else ""),
        starter_options.SLUG,
        may_be_empty=bool(accounts),
        taken=accounts,
    ):
        number = _ask(f"Its id, 12 digits ({key})", starter_options.ACCOUNT_ID)
        accounts.append(f"{key}={number}")
    return accounts


def _deploys(given: StarterOptions, slugs: Sequence[str]) -> Sequence[str]:
    accounts = accounts_of(given.accounts)
    keys = [key for key, _ in accounts]
    answers = []
    for slug, name in environments_of(given.environments, slugs):
        try:
            the_account(slug, name, accounts)
        except UsageError:
            asked = f"Account that {name} of {slug} deploys to"
            answers.append(f"{slug}/{name}={click.prompt(asked, type=click.Choice(keys), err=True)}")
    return answers


def _with_uuid(name: str, whose: str) -> str:
    uuid = _ask(
        f"UUID {whose}, or nothing",
        starter_options.UUID,
        may_be_empty=True,
    )
    return f"{name}={uuid}"


def _ask(question: str, form: TypeAdapter[str], *, may_be_empty: bool = False, taken: Sequence[str] = ()) -> str:
    """Ask until the answer has the form; return an empty text if ``may_be_empty``."""
    while True:
        answer: str = click.prompt(question, default="", show_default=False, err=True).strip()
        if not answer and may_be_empty:
            return ""
        try:
            value = starter_options.checked("", answer, form)
        except UsageError as error:
            click.echo(str(error).removeprefix(": "), err=True)
            continue
        if value.lower() not in {text.rpartition("=")[0].lower() or text.lower() for text in taken}:
            return value
        click.echo(f"{value} is given already", err=True)


_STOPPED = 130


@click.command("init")
@click.argument("folder", default=".", type=click.Path(path_type=Path, file_okay=False))
@click.option("--workspace", metavar="SLUG[={UUID}]", help="The workspace, as in bitbucket.org/SLUG.")
@click.option(
    "--repository", "repositories", metavar="SLUG[={UUID}]", multiple=True, help="A repository; may be repeated."
)
@click.option("--environment", "environments", metavar="REPOSITORY/NAME[={UUID}]", multiple=True,
              help="A deployment environment that gets a role. NAME is enough for one repository.")  # fmt: skip
@click.option("--account", "accounts", metavar="KEY=ID", multiple=True, help="An AWS account: prod=222222222222.")
@click.option("--deploys", "deploys", metavar="REPOSITORY/NAME=KEY", multiple=True,
              help="The account that an environment deploys to, if there are several.")  # fmt: skip
@click.option("--region", metavar="REGION", help="Region for {{region}} and the AWS provider.")
def command(
    folder: Path,
    *,
    workspace: str | None,
    repositories: Sequence[str],
    environments: Sequence[str],
    accounts: Sequence[str],
    deploys: Sequence[str],
    region: str | None,
) -> int:
    """Write a first inventory into FOLDER, a stack file for each account, and a bitbucket-pipelines.yml.

    On a terminal it asks for missing options. UUIDs may be left out: `bitbucket-oidc lock` looks them up. Existing
    files are never changed.
    """
    given = StarterOptions(workspace, tuple(repositories), tuple(environments), tuple(accounts), tuple(deploys), region)
    refuse_taken(folder, (INVENTORY, PIPELINES))  # before the first question
    try:
        starter = starter_of(ask_what_is_missing(given) if sys.stdin and sys.stdin.isatty() else given)
        _check_sound(starter)
        files = starter_files(starter)
        write_new(folder, files)
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped; nothing was written", err=True)
        return _STOPPED
    for name in sorted(files):
        click.echo(folder / name)
    _show_next_steps(folder, starter)
    return 0


def _check_sound(starter: Starter) -> None:
    """Validate the inventory, with made-up UUIDs for missing ones."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"{INVENTORY}.yaml")
        path.write_text(inventory_text(starter.with_made_up_uuids()), encoding="utf-8")
        findings = compile_plan(load_inventory(path)).findings
    if findings:
        finding = findings[0]
        raise UsageError(f"the inventory would have a finding, {finding.rule}: {finding.message}", do=finding.hint)


def _show_next_steps(folder: Path, starter: Starter) -> None:
    missing = starter.without_uuid()
    inventory = folder / INVENTORY
    if missing:
        shown = ", ".join(missing)
        click.echo(f"UUIDs missing: {shown}", err=True)
        click.echo(
            f"next: `bitbucket-oidc lock {inventory}` looks them up; before that, `validate` reports needs-lock",
            err=True,
        )
    else:
        click.echo(f"next: `bitbucket-oidc validate {inventory}`, and `bitbucket-oidc plan {inventory}`", err=True)
    role = next(iter(role_keys(starter).values()))
    then = f"`bitbucket-oidc snippet {inventory} --role {role}` for the step that assumes the role"
    click.echo(f"then: `bitbucket-oidc bootstrap {inventory}` for the accounts, and {then}", err=True)
