"""A starter from the words of a command line."""

from collections.abc import Sequence
from dataclasses import dataclass

from access.starter import values
from access.starter.starter import Starter, StarterEnvironment, StarterRepository
from config.findings import did_you_mean, one_line
from oidc.errors import UsageError

_STACK_NAME_CHARS = 100
"""Length of the name of a Pulumi stack (https://www.pulumi.com/docs/iac/concepts/stacks/)."""


@dataclass(frozen=True, slots=True)
class StarterOptions:
    """What was given, as it was typed.

    Attributes:
        workspace: ``acme`` or ``acme={UUID}``.
        repositories: ``shop`` or ``shop={UUID}``.
        environments: ``shop/production`` or ``shop/production={UUID}``; without the repository where it is one.
        accounts: ``prod=222222222222``.
        deploys: ``shop/production=prod``; without the repository where it is one.
        region: ``eu-west-1``, or ``None``.
    """

    workspace: str | None
    repositories: tuple[str, ...]
    environments: tuple[str, ...]
    accounts: tuple[str, ...]
    deploys: tuple[str, ...]
    region: str | None


def starter_of(given: StarterOptions) -> Starter:
    """Return the starter that the options say.

    Raises:
        UsageError: Something is missing, given twice, unknown, or nothing that the inventory would take.
    """
    if given.workspace is None:
        raise UsageError("which workspace?", do="add --workspace with its slug, as in bitbucket.org/SLUG")
    workspace, uuid = values.named("--workspace", given.workspace, values.WORKSPACE)
    slugs = repositories_of(given.repositories)
    environments = environments_of(given.environments, list(slugs))
    accounts = accounts_of(given.accounts)
    deploys = _deploys(given.deploys, environments, [key for key, _ in accounts])
    region = None if given.region is None else values.checked("--region", given.region, values.REGION)
    repositories = tuple(
        StarterRepository(slug, slugs[slug], tuple(_environments(slug, environments, deploys, accounts)))
        for slug in slugs
    )
    return Starter(workspace, uuid, repositories, accounts, region)


def accounts_of(given: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Parse ``KEY=ID``, each key once.

    Raises:
        UsageError: There is none, or one is not of this form.
    """
    if not given:
        raise UsageError("which accounts?", do="add --account KEY=ID, such as prod=222222222222")
    found: dict[str, str] = {}
    for text in given:
        key, equals, number = text.partition("=")
        if not equals:
            raise UsageError(f"--account: no id in {one_line(text)}", do="write KEY=ID, such as prod=222222222222")
        key = values.checked("--account", key, values.SLUG)
        if len(key) > _STACK_NAME_CHARS:
            do = f"use at most {_STACK_NAME_CHARS} characters: a stack is named like it"
            raise UsageError(f"--account: a name of {len(key)} characters", do=do)
        _once("--account", key, found)
        found[key] = values.checked("--account", number, values.ACCOUNT_ID)
    return tuple(found.items())


def repositories_of(given: Sequence[str]) -> dict[str, str | None]:
    """Parse ``SLUG[={UUID}]``: UUIDs by slug, each once.

    Raises:
        UsageError: There is none, or one is not of this form.
    """
    if not given:
        raise UsageError("which repositories?", do="add --repository with a slug, as in bitbucket.org/WORKSPACE/SLUG")
    found: dict[str, str | None] = {}
    for text in given:
        slug, uuid = values.named("--repository", text, values.SLUG)
        _once("--repository", slug, found)
        found[slug] = uuid
    return found


def environments_of(given: Sequence[str], slugs: Sequence[str]) -> dict[tuple[str, str], str | None]:
    """Parse ``REPOSITORY/NAME[={UUID}]``: UUIDs by repository and name; every repository has one.

    Raises:
        UsageError: A repository has none, or one is not of this form.
    """
    found: dict[tuple[str, str], str | None] = {}
    for text in given:
        slug, rest = _split("--environment", text, slugs)
        name, uuid = values.named("--environment", rest, values.ENVIRONMENT)
        _once("--environment", f"{slug}/{name}", [f"{one}/{other}" for one, other in found])
        found[slug, name] = uuid
    for slug in slugs:
        if slug not in {one for one, _ in found}:
            what = f"repository {slug} has no deployment environment, and its role would be bound to nothing"
            do = f"add --environment {slug}/NAME; a role for every step of a repository is better written by hand"
            raise UsageError(what, do=do)
    return found


def _split(option: str, text: str, slugs: Sequence[str]) -> tuple[str, str]:
    """Part ``shop/production``; names of environments may hold slashes, so a known repository counts alone."""
    slug, slash, rest = text.partition("/")
    if slash and slug in slugs:
        return slug, rest
    if len(slugs) == 1:
        return slugs[0], text
    what = f"{option}: of which repository is {one_line(text)}?"
    raise UsageError(what, do=did_you_mean(slug, list(slugs), f"write {slugs[0]}/{one_line(text)}"))


def _deploys(
    given: Sequence[str], environments: dict[tuple[str, str], str | None], accounts: Sequence[str]
) -> dict[tuple[str, str], list[str]]:
    slugs = sorted({slug for slug, _ in environments})
    found: dict[tuple[str, str], list[str]] = {}
    for text in given:
        slug, rest = _split("--deploys", text, slugs)
        name, equals, key = rest.rpartition("=")
        if not equals:
            raise UsageError(f"--deploys: no account in {one_line(text)}", do="write REPOSITORY/NAME=KEY")
        if (slug, name) not in environments:
            known = [other for one, other in environments if one == slug]
            what = f"--deploys: repository {slug} has no environment `{one_line(name)}`"
            raise UsageError(what, do=did_you_mean(name, known, f"it has {', '.join(known)}"))
        if key not in accounts:
            what = f"--deploys: there is no account `{one_line(key)}`"
            raise UsageError(what, do=did_you_mean(key, list(accounts), f"the accounts are {', '.join(accounts)}"))
        _once("--deploys", key, found.setdefault((slug, name), []))
        found[slug, name].append(key)
    return found


def _environments(
    slug: str,
    environments: dict[tuple[str, str], str | None],
    deploys: dict[tuple[str, str], list[str]],
    accounts: Sequence[tuple[str, str]],
) -> list[StarterEnvironment]:
    return [
        StarterEnvironment(name, uuid, tuple(deploys.get((one, name)) or [the_account(one, name, accounts)]))
        for (one, name), uuid in environments.items()
        if one == slug
    ]


def the_account(slug: str, name: str, accounts: Sequence[tuple[str, str]]) -> str:
    """Return the account that an environment deploys to where nobody says: the only one, or that of the same name.

    Raises:
        UsageError: There are several.
    """
    keys = [key for key, _ in accounts]
    if len(keys) == 1 or name in keys:
        return keys[0] if len(keys) == 1 else name
    what = f"which account does {one_line(name)} of {slug} deploy to?"
    raise UsageError(what, do=f"add --deploys '{slug}/{one_line(name)}=KEY': {', '.join(keys)}")


def _once(option: str, key: str, known: Sequence[str] | dict[str, str] | dict[str, str | None]) -> None:
    if key.lower() in {one.lower() for one in known}:
        raise UsageError(f"{option}: {one_line(key)} is given twice", do="leave one of the two out")
