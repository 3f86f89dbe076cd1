"""Parse a starter's values from the command line with the inventory's validators."""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError

from config.findings import did_you_mean, fault_in, one_line
from config.models.aws_values import AccountIdText, Region
from config.models.bitbucket_values import EnvironmentName, Uuid, WorkspaceSlugText
from config.models.scalars import Slug
from oidc.errors import UsageError
from onboarding.starter import Starter, StarterEnvironment, StarterRepository

WORKSPACE: TypeAdapter[str] = TypeAdapter(WorkspaceSlugText)
SLUG: TypeAdapter[str] = TypeAdapter(Slug)
ENVIRONMENT: TypeAdapter[str] = TypeAdapter(EnvironmentName)
UUID: TypeAdapter[str] = TypeAdapter(Uuid)
ACCOUNT_ID: TypeAdapter[str] = TypeAdapter(AccountIdText)
REGION: TypeAdapter[str] = TypeAdapter(Region)


def checked(what: str, text: str, form: TypeAdapter[str]) -> str:
    """Return a value after the inventory's validator has accepted it.

    Args:
        what: Its origin for messages: ``--workspace``.
        text: The value that the user gave.
        form: The validator, such as ``WORKSPACE``.

    Raises:
        UsageError: The value is not valid in an inventory.
    """
    try:
        return form.validate_python(text.strip("\"'") if form is UUID else text)  # pasted from YAML
    except ValidationError as error:
        fault = fault_in(error.errors(include_url=False)[0].get("ctx"))
        message, hint = (fault.message, fault.hint) if fault is not None else ("not a valid value", "")
        raise UsageError(f"{what}: {_printable(message)}", do=_unquoted(hint)) from None


def named(what: str, text: str, form: TypeAdapter[str]) -> tuple[str, str | None]:
    """Parse ``NAME`` or ``NAME={UUID}`` at the last equals sign; nothing after it means that the UUID is missing.

    Raises:
        UsageError: The name or the UUID is not valid in an inventory.
    """
    name, equals, uuid = text.rpartition("=")
    if not equals:
        return checked(what, text, form), None
    return checked(what, name, form), checked(what, uuid, UUID) if uuid else None


def _unquoted(hint: str) -> str:
    """Return the hint without YAML's quotes, which a command line or a prompt does not need."""
    return hint.replace(", quoted", "").replace('"', "")


def _printable(text: str) -> str:
    """Return a message with each unprintable character replaced."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


_STACK_NAME_CHARS = 100
"""Length of the name of a Pulumi stack (https://www.pulumi.com/docs/iac/concepts/stacks/)."""


@dataclass(frozen=True, slots=True)
class StarterOptions:
    """The options as the user typed them.

    Attributes:
        workspace: ``acme`` or ``acme={UUID}``.
        repositories: ``shop`` or ``shop={UUID}``.
        environments: ``shop/production`` or ``shop/production={UUID}``; ``production`` if there is one repository.
        accounts: ``prod=222222222222``.
        deploys: ``shop/production=prod``; ``production=prod`` if there is one repository.
        region: ``eu-west-1``, or ``None``.
    """

    workspace: str | None
    repositories: tuple[str, ...]
    environments: tuple[str, ...]
    accounts: tuple[str, ...]
    deploys: tuple[str, ...]
    region: str | None


def starter_of(given: StarterOptions) -> Starter:
    """Return the starter for the options.

    Raises:
        UsageError: An option is missing, given twice, or unknown, or its value is not valid in an inventory.
    """
    if given.workspace is None:
        raise UsageError("which workspace?", do="add --workspace with its slug, as in bitbucket.org/SLUG")
    workspace, uuid = named("--workspace", given.workspace, WORKSPACE)
    slugs = repositories_of(given.repositories)
    environments = environments_of(given.environments, list(slugs))
    accounts = accounts_of(given.accounts)
    deploys = _deploys(given.deploys, environments, [key for key, _ in accounts])
    region = None if given.region is None else checked("--region", given.region, REGION)
    repositories = tuple(
        StarterRepository(slug, slugs[slug], tuple(_environments(slug, environments, deploys, accounts)))
        for slug in slugs
    )
    return Starter(workspace, uuid, repositories, accounts, region)


def accounts_of(given: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Parse ``KEY=ID``, each key once.

    Raises:
        UsageError: The list is empty, or an item does not have this form.
    """
    if not given:
        raise UsageError("which accounts?", do="add --account KEY=ID, such as prod=222222222222")
    accounts: dict[str, str] = {}
    for text in given:
        key, equals, number = text.partition("=")
        if not equals:
            raise UsageError(f"--account: no id in {one_line(text)}", do="write KEY=ID, such as prod=222222222222")
        key = checked("--account", key, SLUG)
        if len(key) > _STACK_NAME_CHARS:
            do = f"use at most {_STACK_NAME_CHARS} characters: it is also the stack's name"
            raise UsageError(f"--account: the name has {len(key)} characters", do=do)
        _once("--account", key, accounts)
        accounts[key] = checked("--account", number, ACCOUNT_ID)
    return tuple(accounts.items())


def repositories_of(given: Sequence[str]) -> dict[str, str | None]:
    """Parse ``SLUG[={UUID}]``: UUIDs by slug, each once.

    Raises:
        UsageError: The list is empty, or an item does not have this form.
    """
    if not given:
        raise UsageError("which repositories?", do="add --repository with a slug, as in bitbucket.org/WORKSPACE/SLUG")
    uuids: dict[str, str | None] = {}
    for text in given:
        slug, uuid = named("--repository", text, SLUG)
        _once("--repository", slug, uuids)
        uuids[slug] = uuid
    return uuids


def environments_of(given: Sequence[str], slugs: Sequence[str]) -> dict[tuple[str, str], str | None]:
    """Parse ``REPOSITORY/NAME[={UUID}]``: UUIDs by repository and name; every repository has one.

    Raises:
        UsageError: A repository has no environment, or an item does not have this form.
    """
    uuids: dict[tuple[str, str], str | None] = {}
    for text in given:
        slug, value = _split("--environment", text, slugs)
        name, uuid = named("--environment", value, ENVIRONMENT)
        _once("--environment", f"{slug}/{name}", [f"{repository}/{known}" for repository, known in uuids])
        uuids[slug, name] = uuid
    for slug in slugs:
        if slug not in {repository for repository, _ in uuids}:
            what = f"repository {slug} has no deployment environment, so its role would not be bound to one"
            do = f"add --environment {slug}/NAME; or write a role for all steps of a repository by hand"
            raise UsageError(what, do=do)
    return uuids


def _split(option: str, text: str, slugs: Sequence[str]) -> tuple[str, str]:
    """Split ``shop/production`` after a known repository, since names of environments may have slashes."""
    slug, slash, value = text.partition("/")
    if slash and slug in slugs:
        return slug, value
    if len(slugs) == 1:
        return slugs[0], text
    what = f"{option}: which repository has {one_line(text)}?"
    raise UsageError(what, do=did_you_mean(slug, list(slugs), f"write {slugs[0]}/{one_line(text)}"))


def _deploys(
    given: Sequence[str], environments: dict[tuple[str, str], str | None], accounts: Sequence[str]
) -> dict[tuple[str, str], list[str]]:
    slugs = sorted({slug for slug, _ in environments})
    targets: dict[tuple[str, str], list[str]] = {}
    for text in given:
        slug, value = _split("--deploys", text, slugs)
        name, equals, key = value.rpartition("=")
        if not equals:
            raise UsageError(f"--deploys: no account in {one_line(text)}", do="write REPOSITORY/NAME=KEY")
        if (slug, name) not in environments:
            known = [environment for repository, environment in environments if repository == slug]
            what = f"--deploys: repository {slug} has no environment `{one_line(name)}`"
            raise UsageError(what, do=did_you_mean(name, known, f"it has {', '.join(known)}"))
        if key not in accounts:
            what = f"--deploys: there is no account `{one_line(key)}`"
            raise UsageError(what, do=did_you_mean(key, list(accounts), f"the accounts are {', '.join(accounts)}"))
        _once("--deploys", key, targets.setdefault((slug, name), []))
        targets[slug, name].append(key)
    return targets


def _environments(
    slug: str,
    environments: dict[tuple[str, str], str | None],
    deploys: dict[tuple[str, str], list[str]],
    accounts: Sequence[tuple[str, str]],
) -> list[StarterEnvironment]:
    return [
        StarterEnvironment(name, uuid, tuple(deploys.get((slug, name)) or [the_account(slug, name, accounts)]))
        for (repository, name), uuid in environments.items()
        if repository == slug
    ]


def the_account(slug: str, name: str, accounts: Sequence[tuple[str, str]]) -> str:
    """Return the default account of an environment: the only account, or the account of the same name.

    Raises:
        UsageError: There are several accounts, and none has that name.
    """
    keys = [key for key, _ in accounts]
    if len(keys) == 1 or name in keys:
        return keys[0] if len(keys) == 1 else name
    what = f"which account does {one_line(name)} of {slug} deploy to?"
    raise UsageError(what, do=f"add --deploys '{slug}/{one_line(name)}=KEY': {', '.join(keys)}")


def _once(option: str, key: str, known: Sequence[str] | dict[str, str] | dict[str, str | None]) -> None:
    if key.lower() in {name.lower() for name in known}:
        raise UsageError(f"{option}: {one_line(key)} is given twice", do="remove one")
