"""Parse a starter's values from the command line with the inventory's validators."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from config.findings import did_you_mean, one_line
from oidc.errors import UsageError
from onboarding.starter import NO_IMAGE, Starter, StarterEnvironment, StarterRepository
from onboarding.starter_values import (
    ACCOUNT_ID,
    ENVIRONMENT,
    NO_ORGANIZATION,
    REGION,
    WORKSPACE,
    account_key,
    bucket_of,
    checked,
    image_of,
    known_account,
    named,
    once,
    organization_of,
    repository_of,
    stacks_of,
)


@dataclass(frozen=True, slots=True)
class StarterOptions:
    """The options as the user typed them.

    Attributes:
        workspace: ``acme`` or ``acme={UUID}``.
        own: The repository of the inventory: ``access`` or ``access={UUID}``.
        repositories: ``shop`` or ``shop={UUID}``.
        environments: ``shop/production`` or ``shop/production={UUID}``; ``production`` if there is one repository.
            ``access/prod={UUID}`` gives the UUID of a stack's environment.
        accounts: ``prod=222222222222``.
        deploys: ``shop/production=prod``; ``production=prod`` if there is one repository.
        stacks: ``production=prod,shop-*``: the accounts of a stack. Every other account has a stack of its name.
        hub: ``tools``; not needed for a single account.
        region: ``eu-west-1``.
        bucket: ``acme-access-state``.
        organization: ``o-a1b2c3d4e5``, or ``none``.
        image: With its digest, or ``None`` if there is none yet.
    """

    workspace: str | None = None
    own: str | None = None
    repositories: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    deploys: tuple[str, ...] = ()
    stacks: tuple[str, ...] = ()
    hub: str | None = None
    region: str | None = None
    bucket: str | None = None
    organization: str | None = None
    image: str | None = None


def starter_of(given: StarterOptions) -> Starter:
    """Return the starter for the options.

    Raises:
        UsageError: Options are missing, given twice, or unknown, or a value is not valid in an inventory. The message
            names all missing options.
    """
    workspace, workspace_uuid = named("--workspace", given.workspace, WORKSPACE) if given.workspace else ("", None)
    own, own_uuid = own_of(given)
    slugs = repositories_of(given)
    environments = environments_of(given)
    accounts = accounts_of(given)
    region = checked("--region", given.region, REGION) if given.region else ""
    bucket = bucket_of(given.bucket) if given.bucket else ""
    organization = organization_of(given.organization or NO_ORGANIZATION)
    image = image_of(given.image or NO_IMAGE)
    if missing := missing_options(given):
        do = "add these options; on a terminal init asks for them"
        raise UsageError(f"missing: {', '.join(missing)}", do=do)
    deploys = _deploys(given, environments, list(accounts))
    repositories = tuple(
        StarterRepository(slug, uuid, tuple(_environments(slug, environments, deploys, accounts)))
        for slug, uuid in slugs.items()
    )
    hub = known_account("--hub", given.hub, list(accounts)) if given.hub else next(iter(accounts))
    stacks = _own_environments(own, environments, stacks_of(given.stacks, list(accounts), hub))
    own_repository = StarterRepository(own, own_uuid, stacks)
    return Starter(workspace, workspace_uuid, own_repository, repositories, tuple(accounts.items()), hub, region,
                   bucket, organization, image)  # fmt: skip


def missing_options(given: StarterOptions) -> tuple[str, ...]:
    """Return every option that is still missing, with the form of its value.

    Raises:
        UsageError: An option that is given has no valid value.
    """
    return tuple(_missing(given))


def _missing(given: StarterOptions) -> Iterator[str]:
    slugs, accounts, environments = repositories_of(given), accounts_of(given), environments_of(given)
    yield from [] if given.workspace else ["--workspace SLUG"]
    yield from [] if given.own else ["--inventory-repository SLUG"]
    yield from [] if slugs else ["--repository SLUG", "--environment REPOSITORY/NAME"]
    have_one = {repository for repository, _ in environments}
    yield from (f"--environment {slug}/NAME" for slug in slugs if slug not in have_one)
    yield from [] if accounts else ["--account KEY=ID"]
    yield from (f"--deploys '{slug}/{name}=KEY'" for slug, name in undecided(given))
    yield from [] if given.hub or len(accounts) == 1 else ["--hub KEY"]
    yield from [] if given.region else ["--region REGION"]
    yield from [] if given.bucket else ["--state-bucket NAME"]
    yield from [] if given.organization else ["--organization o-…, or none"]


def undecided(given: StarterOptions) -> tuple[tuple[str, str], ...]:
    """Return repository and name of each environment without an account.

    The default account is the only account, or the account of the environment's name.
    """
    accounts, environments = accounts_of(given), environments_of(given)
    decided = _deploys(given, environments, list(accounts))
    slugs = repositories_of(given)
    return tuple(
        (slug, name)
        for slug, name in environments
        if slug in slugs and accounts and (slug, name) not in decided and not _default_account(name, list(accounts))
    )


def _default_account(name: str, keys: Sequence[str]) -> str | None:
    return keys[0] if len(keys) == 1 else name if name in keys else None


def accounts_of(given: StarterOptions) -> dict[str, str]:
    """Parse ``KEY=ID``: ids by key.

    Raises:
        UsageError: An item does not have this form, or is given twice.
    """
    accounts: dict[str, str] = {}
    for text in given.accounts:
        key, equals, number = text.partition("=")
        if not equals:
            raise UsageError(f"--account: no id in {one_line(text)}", do="write KEY=ID, such as prod=222222222222")
        key = account_key("--account", key)
        once("--account", key, accounts)
        accounts[key] = checked("--account", number, ACCOUNT_ID)
    return accounts


def own_of(given: StarterOptions) -> tuple[str, str | None]:
    """Parse the repository of the inventory; its slug is empty if it is missing. Raises UsageError as ``named``."""
    return repository_of("--inventory-repository", given.own) if given.own else ("", None)


def repositories_of(given: StarterOptions) -> dict[str, str | None]:
    """Parse ``SLUG[={UUID}]``: UUIDs by slug.

    Raises:
        UsageError: An item does not have this form, or is given twice.
    """
    own, _ = own_of(given)
    uuids: dict[str, str | None] = {}
    for text in given.repositories:
        slug, uuid = repository_of("--repository", text)
        once("--repository", slug, uuids)
        if slug.lower() == own.lower():
            what = f"--repository: {slug} is the repository of the inventory, whose roles are written anyway"
            raise UsageError(what, do="remove one")
        uuids[slug] = uuid
    return uuids


def environments_of(given: StarterOptions) -> dict[tuple[str, str], str | None]:
    """Parse ``REPOSITORY/NAME[={UUID}]``: UUIDs by repository and name; none before there is a repository.

    Raises:
        UsageError: An item does not have this form, or is given twice.
    """
    own, _ = own_of(given)
    slugs = list(repositories_of(given))
    uuids: dict[tuple[str, str], str | None] = {}
    for text in given.environments if slugs else ():
        slug, value = _split("--environment", text, slugs, own)
        name, uuid = named("--environment", value, ENVIRONMENT)
        once("--environment", f"{slug}/{name}", [f"{repository}/{known}" for repository, known in uuids])
        uuids[slug, name] = uuid
    return uuids


def _split(option: str, text: str, slugs: Sequence[str], own: str = "") -> tuple[str, str]:
    """Split ``shop/production`` after a known repository, since names of environments may have slashes."""
    slug, slash, value = text.partition("/")
    if slash and slug in {*slugs, own}:
        return slug, value
    if len(slugs) == 1:
        return slugs[0], text
    what = f"{option}: which repository has {one_line(text)}?"
    example = slugs[0] if slugs else "REPOSITORY"
    raise UsageError(what, do=did_you_mean(slug, list(slugs), f"write {example}/{one_line(text)}"))


def _deploys(
    given: StarterOptions, environments: dict[tuple[str, str], str | None], accounts: Sequence[str]
) -> dict[tuple[str, str], list[str]]:
    slugs = list(repositories_of(given))
    targets: dict[tuple[str, str], list[str]] = {}
    for text in given.deploys if slugs and accounts else ():
        slug, value = _split("--deploys", text, slugs)
        name, equals, key = value.rpartition("=")
        if not equals:
            raise UsageError(f"--deploys: no account in {one_line(text)}", do="write REPOSITORY/NAME=KEY")
        if (slug, name) not in environments:
            known = [environment for repository, environment in environments if repository == slug]
            what = f"--deploys: repository {slug} has no environment `{one_line(name)}`"
            raise UsageError(what, do=did_you_mean(name, known, f"it has {', '.join(known)}"))
        known_account("--deploys", key, accounts)
        once("--deploys", key, targets.setdefault((slug, name), []))
        targets[slug, name].append(key)
    return targets


def _environments(
    slug: str,
    environments: dict[tuple[str, str], str | None],
    deploys: dict[tuple[str, str], list[str]],
    accounts: dict[str, str],
) -> Iterator[StarterEnvironment]:
    for (repository, name), uuid in environments.items():
        if repository == slug:
            chosen = deploys.get((slug, name)) or [_default_account(name, list(accounts)) or ""]
            yield StarterEnvironment(name, uuid, tuple(chosen))


def _own_environments(
    own: str, environments: dict[tuple[str, str], str | None], stacks: dict[str, tuple[str, ...]]
) -> tuple[StarterEnvironment, ...]:
    """Return the environments of the repository of the inventory: one for each stack."""
    for slug, name in environments:
        if slug == own and name not in stacks:
            what = f"--environment: {own} has an environment for each stack, and `{one_line(name)}` is no stack"
            raise UsageError(what, do=did_you_mean(name, list(stacks), f"the stacks are {', '.join(stacks)}"))
    return tuple(StarterEnvironment(name, environments.get((own, name)), keys) for name, keys in stacks.items())
