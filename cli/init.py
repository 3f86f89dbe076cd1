"""bitbucket-oidc init: write a whole repository of data, from options or from answers on a terminal."""

import os
import shlex
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import click
from pydantic import TypeAdapter

from access.compile import compile_plan
from config.load import load_inventory
from oidc.errors import UsageError
from onboarding import starter_values as values
from onboarding.new_files import refuse_taken, write_new
from onboarding.starter import INVENTORY, PIPELINES, SETUP, Starter
from onboarding.starter_files import inventory_files, starter_files
from onboarding.starter_options import (
    StarterOptions,
    accounts_of,
    missing_options,
    repositories_of,
    starter_of,
    undecided,
)
from onboarding.starter_pipelines import BESIDE, what_to_add
from onboarding.starter_steps import before_the_steps, setup_steps

_PROJECT_FILES = ("Pulumi.yaml", "Pulumi.yml", "Pulumi.json")


def ask_what_is_missing(given: StarterOptions, folder: Path) -> StarterOptions:
    """Ask for the missing options; UUIDs are left to the lock.

    Raises:
        click.Abort: Ctrl-C, or the end of the input.
    """
    if given.workspace is None:
        given = replace(given, workspace=_ask("Workspace, as in bitbucket.org/SLUG", _valid(values.WORKSPACE)))
    if given.own is None:
        asked = "Repository of this inventory, as in bitbucket.org/WORKSPACE/SLUG"
        given = replace(given, own=_ask(asked, _repository, default=folder.resolve().name))
    if not given.repositories:
        asked = "Repository whose pipelines get roles"
        given = replace(given, repositories=tuple(_several(asked, _repository, [given.own or ""])))
    if not given.environments:
        slugs = repositories_of(given)
        given = replace(given, environments=tuple(text for slug in slugs for text in _environments(slug)))
    if not given.accounts:
        given = replace(given, accounts=tuple(_accounts()))
    if not given.deploys:
        given = replace(given, deploys=tuple(_deploys(given)))
    return _ask_about_this_repository(given)


def _ask_about_this_repository(given: StarterOptions) -> StarterOptions:
    keys = list(accounts_of(given))
    if given.hub is None and len(keys) > 1:
        asked = "Account for the state of Pulumi and the roles of these pipelines"
        given = replace(given, hub=click.prompt(asked, type=click.Choice(keys), err=True))
    if not given.stacks and len(keys) > 1:
        asked = "Accounts that share a stack, as NAME=KEY,KEY, or nothing: every other account has a stack of its name"
        given = replace(given, stacks=tuple(_several(asked, _stacks(keys, given.hub or ""), (), may_be_empty=True)))
    if given.region is None:
        given = replace(given, region=_ask("Region, such as eu-west-1", _valid(values.REGION)))
    if given.bucket is None:
        workspace = (given.workspace or "").partition("=")[0]
        given = replace(
            given, bucket=_ask("Bucket of the state", values.bucket_of, default=f"{workspace}-access-state")
        )
    if given.organization is None:
        asked = "Id of your AWS organization, or none"
        given = replace(given, organization=_ask(asked, values.organization_of))
    if given.image is None:
        asked = "Image of the pipelines, NAME@sha256:DIGEST, or nothing if you have none yet"
        given = replace(given, image=_ask(asked, values.image_of, may_be_empty=True) or None)
    return given


def _several(
    asked: str, form: Callable[[str], str], taken: Sequence[str], *, may_be_empty: bool = False
) -> Iterator[str]:
    """Ask until the answer is empty, at least once."""
    answers: list[str] = []
    while answer := _ask(
        asked if may_be_empty or not answers else f"{asked}, or nothing",
        form,
        may_be_empty=may_be_empty or bool(answers),
        taken=[*taken, *answers],
    ):
        answers.append(answer)
        yield answer


def _environments(slug: str) -> Iterator[str]:
    for name in _several(f"Deployment environment of {slug}", _valid(values.ENVIRONMENT), ()):
        yield f"{slug}/{name}="  # a name may have an equals sign


def _accounts() -> Iterator[str]:
    for key in _several("Name of an AWS account, such as prod", partial(values.account_key, ""), ()):
        number = _ask(f"Its id, 12 digits ({key})", _valid(values.ACCOUNT_ID))
        yield f"{key}={number}"


def _deploys(given: StarterOptions) -> Iterator[str]:
    for slug, name in undecided(given):
        asked = f"Account that {name} of {slug} deploys to"
        yield f"{slug}/{name}={click.prompt(asked, type=click.Choice(list(accounts_of(given))), err=True)}"


def _ask(
    question: str,
    form: Callable[[str], str],
    *,
    default: str = "",
    may_be_empty: bool = False,
    taken: Sequence[str] = (),
) -> str:
    """Ask until the answer has the form; return an empty text if ``may_be_empty``."""
    while True:
        answer: str = click.prompt(question, default=default, show_default=bool(default), err=True).strip()
        if not answer and may_be_empty:
            return ""
        try:
            value = form(answer)
        except UsageError as error:
            click.echo(str(error).removeprefix(": "), err=True)
            continue
        if value.lower() not in {text.partition("=")[0].lower() for text in taken}:
            return value
        click.echo(f"{value} is given already", err=True)


def _repository(text: str) -> str:
    return values.repository_of("", text)[0]


def _stacks(accounts: Sequence[str], hub: str) -> Callable[[str], str]:
    """Return the form of an answer, which also judges it by the answers before."""
    answers: list[str] = []

    def form(text: str) -> str:
        values.stacks_of([*answers, text], accounts, hub)
        answers.append(text)
        return text

    return form


def _valid(form: TypeAdapter[str]) -> Callable[[str], str]:
    return lambda text: values.checked("", text, form)


_STOPPED = 130


@click.command("init")
@click.argument("folder", default=".", type=click.Path(path_type=Path, file_okay=False))
@click.option("--workspace", metavar="SLUG[={UUID}]", help="The workspace, as in bitbucket.org/SLUG.")
@click.option("--inventory-repository", "own", metavar="SLUG[={UUID}]",
              help="The repository that gets these files.")  # fmt: skip
@click.option("--repository", "repositories", metavar="SLUG[={UUID}]", multiple=True,
              help="A repository whose pipelines get roles; may be repeated, as the next four.")  # fmt: skip
@click.option("--environment", "environments", metavar="REPOSITORY/NAME[={UUID}]", multiple=True,
              help="A deployment environment that gets a role. NAME is enough for one repository.")  # fmt: skip
@click.option("--account", "accounts", metavar="KEY=ID", multiple=True, help="An AWS account: prod=222222222222.")
@click.option("--deploys", "deploys", metavar="REPOSITORY/NAME=KEY", multiple=True,
              help="The account that an environment deploys to, if there are several.")  # fmt: skip
@click.option("--stack", "stacks", metavar="NAME=KEY,KEY", multiple=True,
              help="Accounts that share a stack: keys or globs.  [default: one stack for each account]")  # fmt: skip
@click.option("--hub", metavar="KEY",
              help="The account with the state and the roles of these pipelines.")  # fmt: skip
@click.option("--region", metavar="REGION", help="Region for {{region}}, the AWS provider and the bucket.")
@click.option("--state-bucket", "bucket", metavar="NAME", help="The bucket of Pulumi's state, in the hub account.")
@click.option("--organization", metavar="o-…", help="The organization of the accounts, or `none`.")
@click.option("--image", metavar="NAME@sha256:…",
              help="The image of the pipelines.  [default: a name to replace]")  # fmt: skip
def command(folder: Path, **options: Any) -> int:  # noqa: ANN401 - click's
    """Write a repository of data into FOLDER: inventory, stack files, bitbucket-pipelines.yml.

    Its pipelines comment on pull requests, preview and guard them, and deploy what is merged. SETUP.md has the commands
    that are left to do. On a terminal init asks for missing options. UUIDs may be left out: `bitbucket-oidc lock` looks
    them up. Existing files are never changed.
    """
    given = StarterOptions(**options)
    _refuse_programs(folder)
    refuse_taken(folder, (INVENTORY, SETUP))  # before the first question
    try:
        asks = sys.stdin and sys.stdin.isatty() and missing_options(given)
        starter = starter_of(ask_what_is_missing(given, folder) if asks else given)
        _check_sound(starter)
        files = starter_files(starter)
        kept = os.path.lexists(folder / PIPELINES)
        if kept:
            files[BESIDE] = files.pop(PIPELINES)
        write_new(folder, files)
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped; nothing was written", err=True)
        return _STOPPED
    for name in sorted(files):
        click.echo(folder / name)
    if kept:
        _show_what_to_add(folder)
    _show_steps(folder, starter)
    return 0


def _refuse_programs(folder: Path) -> None:
    """Refuse a folder with a program, such as a clone of this one: `bitbucket-oidc pulumi` would not run there."""
    for name in _PROJECT_FILES:
        if os.path.lexists(folder / name):
            what = f"{folder / name} exists: this folder has a program, and a repository of data has none"
            raise UsageError(what, do="name another folder, such as the clone of a new repository: ../access")


def _check_sound(starter: Starter) -> None:
    """Validate the inventory, with made-up UUIDs for missing ones."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in inventory_files(starter.with_made_up_uuids()).items():
            Path(folder, name).write_text(text, encoding="utf-8")
        findings = compile_plan(load_inventory(Path(folder))).findings
    if findings:
        finding = findings[0]
        raise UsageError(f"the inventory would have a finding, {finding.rule}: {finding.message}", do=finding.hint)


def _show_what_to_add(folder: Path) -> None:
    try:
        existing = (folder / PIPELINES).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        existing = ""
    click.echo(f"{PIPELINES} is unchanged. Add to it from {BESIDE}:", err=True)
    for line in what_to_add(existing):
        click.echo(f"- {line}", err=True)


def _show_steps(folder: Path, starter: Starter) -> None:
    cd = "" if folder == Path() else f" (cd {shlex.quote(str(folder))})"
    click.echo(f"\n{before_the_steps(starter)}\n{SETUP} has these steps, too{cd}.", err=True)
    for number, step in enumerate(setup_steps(starter), 1):
        click.echo(f"\n{number}. {step.what}", err=True)
        for line in step.commands:
            click.echo(f"   {line}", err=True)
