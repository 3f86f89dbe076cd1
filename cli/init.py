"""What `init` asks on a terminal, each answer judged at once."""

import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import click

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

_WHERE = "UUIDs are on the page Repository settings > OpenID Connect of a repository; left empty, `lock` finds them."


def ask_what_is_missing(given: StarterOptions) -> StarterOptions:
    """Ask for what no option says.

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
    slug = _ask(
        "Workspace, as in bitbucket.org/SLUG", lambda text: starter_options.checked("", text, starter_options.WORKSPACE)
    )
    return _with_uuid(slug, "of the workspace")


def _repositories() -> Sequence[str]:
    found: list[str] = []
    while slug := _ask(
        "Repository, as in bitbucket.org/WORKSPACE/SLUG" + (", or nothing" if found else ""),
        lambda text: starter_options.checked("", text, starter_options.SLUG),
        may_be_empty=bool(found),
        taken=found,
    ):
        found.append(_with_uuid(slug, f"of {slug}"))
    return found


def _environments(slug: str) -> Sequence[str]:
    found: list[str] = []
    while name := _ask(
        f"Deployment environment of {slug}" + (", or nothing" if found else ""),
        lambda text: starter_options.checked("", text, starter_options.ENVIRONMENT),
        may_be_empty=bool(found),
        taken=[text.partition("/")[2] for text in found],
    ):
        found.append(_with_uuid(f"{slug}/{name}", f"of {name}"))
    return found


def _accounts() -> Sequence[str]:
    found: list[str] = []
    while key := _ask(
        "Name of an AWS account, such as prod" + (", or nothing" if found else ""),
        lambda text: starter_options.checked("", text, starter_options.SLUG),
        may_be_empty=bool(found),
        taken=found,
    ):
        number = _ask(
            f"Its id, 12 digits ({key})", lambda text: starter_options.checked("", text, starter_options.ACCOUNT_ID)
        )
        found.append(f"{key}={number}")
    return found


def _deploys(given: StarterOptions, slugs: Sequence[str]) -> Sequence[str]:
    accounts = accounts_of(given.accounts)
    keys = [key for key, _ in accounts]
    found = []
    for slug, name in environments_of(given.environments, slugs):
        try:
            the_account(slug, name, accounts)
        except UsageError:
            asked = f"Account that {name} of {slug} deploys to"
            found.append(f"{slug}/{name}={click.prompt(asked, type=click.Choice(keys), err=True)}")
    return found


def _with_uuid(name: str, whose: str) -> str:
    uuid = _ask(
        f"UUID {whose}, or nothing",
        lambda text: starter_options.checked("", text, starter_options.UUID),
        may_be_empty=True,
    )
    return f"{name}={uuid}"


def _ask(question: str, judge: Callable[[str], str], *, may_be_empty: bool = False, taken: Sequence[str] = ()) -> str:
    """Ask until the answer is one; the empty text where there may be none."""
    while True:
        answer: str = click.prompt(question, default="", show_default=False, err=True).strip()
        if not answer and may_be_empty:
            return ""
        try:
            found = judge(answer)
        except UsageError as error:
            click.echo(str(error).removeprefix(": "), err=True)
            continue
        if found.lower() not in {text.rpartition("=")[0].lower() or text.lower() for text in taken}:
            return found
        click.echo(f"{found} is there already", err=True)


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
    refuse_taken(folder, (INVENTORY, PIPELINES))  # before anything is asked
    try:
        starter = starter_of(ask_what_is_missing(given) if sys.stdin and sys.stdin.isatty() else given)
        _prove_sound(starter)
        files = starter_files(starter)
        write_new(folder, files)
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped; nothing was written", err=True)
        return _STOPPED
    for name in sorted(files):
        click.echo(folder / name)
    _say_what_is_next(folder, starter)
    return 0


def _prove_sound(starter: Starter) -> None:
    """Validate the inventory, with made-up UUIDs for missing ones."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"{INVENTORY}.yaml")
        path.write_text(inventory_text(starter.with_made_up_uuids()), encoding="utf-8")
        findings = compile_plan(load_inventory(path)).findings
    if findings:
        found = findings[0]
        raise UsageError(f"the inventory would have a finding, {found.rule}: {found.message}", do=found.hint)


def _say_what_is_next(folder: Path, starter: Starter) -> None:
    missing = starter.without_uuid()
    inventory = folder / INVENTORY
    if missing:
        shown = ", ".join(missing)
        click.echo(f"without a UUID yet: {shown}", err=True)
        click.echo(
            f"next: `bitbucket-oidc lock {inventory}` looks them up; `validate` says needs-lock until then", err=True
        )
    else:
        click.echo(f"next: `bitbucket-oidc validate {inventory}`, and `bitbucket-oidc plan {inventory}`", err=True)
    role = next(iter(role_keys(starter).values()))
    then = f"`bitbucket-oidc snippet {inventory} --role {role}` prints the step that gets in"
    click.echo(f"then: `bitbucket-oidc bootstrap {inventory}` for the accounts, and {then}", err=True)
