"""bitbucket-oidc init: the first inventory, its stacks and pipelines, from answers or from options."""

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import click

from access.compile import compile_plan
from access.starter.files import INVENTORY, PIPELINES, starter_files
from access.starter.inventory_text import inventory_text, role_keys
from access.starter.options import StarterOptions, starter_of
from access.starter.starter import Starter
from cli.init_questions import ask_what_is_missing
from cli.new_files import refuse_taken, write_new
from config.load import load_inventory
from oidc.errors import UsageError

_STOPPED = 130


@click.command("init")
@click.argument("folder", default=".", type=click.Path(path_type=Path, file_okay=False))
@click.option("--workspace", metavar="SLUG[={UUID}]", help="As in bitbucket.org/SLUG.")
@click.option("--repository", "repositories", metavar="SLUG[={UUID}]", multiple=True, help="As often as you like.")
@click.option("--environment", "environments", metavar="REPOSITORY/NAME[={UUID}]", multiple=True,
              help="A deployment environment, and a role for it. With one repository NAME is enough.")  # fmt: skip
@click.option("--account", "accounts", metavar="KEY=ID", multiple=True, help="An AWS account: prod=222222222222.")
@click.option("--deploys", "deploys", metavar="REPOSITORY/NAME=KEY", multiple=True,
              help="Which account an environment deploys to, where there are several.")  # fmt: skip
@click.option("--region", metavar="REGION", help="For {{region}} and the AWS provider; IAM has none.")
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

    On a terminal it asks for what no option says. UUIDs may be left out: `bitbucket-oidc lock` finds them. What is
    there already is never touched.
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
    """Judge the inventory as `validate` will, with made-up UUIDs where there are none yet."""
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
            f"next: `bitbucket-oidc lock {inventory}` finds them; `validate` says needs-lock until then", err=True
        )
    else:
        click.echo(f"next: `bitbucket-oidc validate {inventory}`, and `bitbucket-oidc plan {inventory}`", err=True)
    role = next(iter(role_keys(starter).values()))
    then = f"`bitbucket-oidc snippet {inventory} --role {role}` prints the step that gets in"
    click.echo(f"then: `bitbucket-oidc bootstrap {inventory}` for the accounts, and {then}", err=True)
