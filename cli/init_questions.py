"""What `init` asks on a terminal, each answer judged at once."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import click

from access.starter import values
from access.starter.options import (
    StarterOptions,
    accounts_of,
    environments_of,
    repositories_of,
    the_account,
)
from oidc.errors import UsageError

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
    slug = _ask("Workspace, as in bitbucket.org/SLUG", lambda text: values.checked("", text, values.WORKSPACE))
    return _with_uuid(slug, "of the workspace")


def _repositories() -> Sequence[str]:
    found: list[str] = []
    while slug := _ask(
        "Repository, as in bitbucket.org/WORKSPACE/SLUG" + (", or nothing" if found else ""),
        lambda text: values.checked("", text, values.SLUG),
        may_be_empty=bool(found),
        taken=found,
    ):
        found.append(_with_uuid(slug, f"of {slug}"))
    return found


def _environments(slug: str) -> Sequence[str]:
    found: list[str] = []
    while name := _ask(
        f"Deployment environment of {slug}" + (", or nothing" if found else ""),
        lambda text: values.checked("", text, values.ENVIRONMENT),
        may_be_empty=bool(found),
        taken=[text.partition("/")[2] for text in found],
    ):
        found.append(_with_uuid(f"{slug}/{name}", f"of {name}"))
    return found


def _accounts() -> Sequence[str]:
    found: list[str] = []
    while key := _ask(
        "Name of an AWS account, such as prod" + (", or nothing" if found else ""),
        lambda text: values.checked("", text, values.SLUG),
        may_be_empty=bool(found),
        taken=found,
    ):
        number = _ask(f"Its id, 12 digits ({key})", lambda text: values.checked("", text, values.ACCOUNT_ID))
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
    uuid = _ask(f"UUID {whose}, or nothing", lambda text: values.checked("", text, values.UUID), may_be_empty=True)
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
