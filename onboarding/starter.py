"""The content of a first inventory, and the text of its files."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count

from config.yaml.text import scalar


@dataclass(frozen=True, slots=True)
class StarterEnvironment:
    """A deployment environment and the accounts that it deploys to.

    Attributes:
        name: As Bitbucket shows it: ``production``.
        uuid: Or ``None``: left to the lock.
        accounts: Keys of accounts.
    """

    name: str
    uuid: str | None
    accounts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StarterRepository:
    """A repository with its environments; it has at least one, since each role is bound to one.

    Attributes:
        slug: ``shop``.
        uuid: Or ``None``: left to the lock.
        environments: At least one.
    """

    slug: str
    uuid: str | None
    environments: tuple[StarterEnvironment, ...]


@dataclass(frozen=True, slots=True)
class Starter:
    """All of it.

    Attributes:
        workspace: Its slug: ``acme``.
        workspace_uuid: Or ``None``: left to the lock.
        repositories: At least one.
        accounts: Ids by key, at least one.
        region: ``eu-west-1``, or ``None``.
    """

    workspace: str
    workspace_uuid: str | None
    repositories: tuple[StarterRepository, ...]
    accounts: tuple[tuple[str, str], ...]
    region: str | None

    def without_uuid(self) -> tuple[str, ...]:
        """Return what lacks a UUID: ``workspace acme``, ``environment production of acme/shop``."""
        missing = [] if self.workspace_uuid else [f"workspace {self.workspace}"]
        for repository in self.repositories:
            place = f"{self.workspace}/{repository.slug}"
            missing += [] if repository.uuid else [f"repository {place}"]
            missing += [f"environment {found.name} of {place}" for found in repository.environments if not found.uuid]
        return tuple(missing)

    def with_made_up_uuids(self) -> "Starter":
        """Return it with made-up UUIDs for missing ones, to validate the rest."""
        numbers = count(1)

        def some(uuid: str | None) -> str:
            return uuid or f"{{00000000-0000-4000-8000-{next(numbers):012d}}}"

        return replace(
            self,
            workspace_uuid=some(self.workspace_uuid),
            repositories=tuple(
                replace(
                    repository,
                    uuid=some(repository.uuid),
                    environments=tuple(replace(found, uuid=some(found.uuid)) for found in repository.environments),
                )
                for repository in self.repositories
            ),
        )


BOUNDARY = "ci-boundary"
"""The permissions boundary of all roles, which `bootstrap` makes."""

DEPLOYING_ROLE = "PulumiDeploy"
"""The deploying role in every account, which `bootstrap` makes."""

_KEY_CHARS = 64
"""A role's name is its key, and IAM takes 64 characters."""


def inventory_text(starter: Starter) -> str:
    """Return the whole file."""
    return "\n".join(_lines(starter)) + "\n"


def role_keys(starter: Starter) -> dict[tuple[str, str], str]:
    """Return a unique role key for each repository and environment: ``shop-production``."""
    keys: dict[tuple[str, str], str] = {}
    for repository in starter.repositories:
        for environment in repository.environments:
            wanted = re.sub(r"[^A-Za-z0-9_.-]+", "-", f"{repository.slug}-{environment.name}", flags=re.ASCII)
            keys[repository.slug, environment.name] = _free(wanted.strip("-."), {key.lower() for key in keys.values()})
    return keys


def _free(wanted: str, taken: set[str]) -> str:
    """Return a unique name, ignoring case as IAM does."""
    name, number = wanted[:_KEY_CHARS].strip("-.") or "role", 1
    while name.lower() in taken:
        number += 1
        end = f"-{number}"
        name = f"{wanted[: _KEY_CHARS - len(end)]}{end}"
    return name


def _lines(starter: Starter) -> Iterator[str]:
    yield from _HEAD
    if starter.region:
        yield f"  region: {scalar(starter.region)}"
    yield from _DEFAULTS
    yield ""
    yield "workspaces:"
    yield f"  {scalar(starter.workspace)}: # as in bitbucket.org/{starter.workspace}"
    yield _uuid("    ", starter.workspace_uuid)
    yield "    repositories:"
    for repository in starter.repositories:
        yield from _repository(repository)
    yield ""
    yield "accounts:"
    for key, number in starter.accounts:
        yield f'  {scalar(key)}: {{id: "{number}"}}'
    yield ""
    yield from _ROLES
    keys = role_keys(starter)
    for repository in starter.repositories:
        for environment in repository.environments:
            yield from _role(starter, repository, environment, keys[repository.slug, environment.name])


_HEAD = (
    "# Who gets from Bitbucket Pipelines into which AWS account, as which role; nobody else does.",
    "#",
    "#     bitbucket-oidc validate inventory    every mistake in it, with its line",
    "#     bitbucket-oidc plan inventory        who may assume what",
    "#",
    "# docs/reference/inventory.md of bitbucket-aws-oidc explains every key. More files may stand beside this one.",
    "version: 1",
    "",
    "defaults:",
)
_DEFAULTS = (
    "  # The role that Pulumi assumes in each account. `bitbucket-oidc bootstrap` makes it.",
    f'  deploy_role: "arn:{{{{partition}}}}:iam::{{{{account_id}}}}:role/{DEPLOYING_ROLE}"',
    "  # Limits what any role below can ever do. `bitbucket-oidc bootstrap` makes it too.",
    f"  permissions_boundary: account:{BOUNDARY}",
)
_ROLES = (
    "# One role for each environment of a repository: steps with that `deployment:` get in, and nothing else does.",
    "# AWS sees no branches: before you trust an environment, restrict it (Repository settings > Deployments).",
    "roles:",
)


_NONE_YET = "# no UUID yet: `bitbucket-oidc lock` finds it"


def _repository(repository: StarterRepository) -> Iterator[str]:
    yield f"      {scalar(repository.slug)}:"
    yield _uuid("        ", repository.uuid)
    yield "        environments:"
    for environment in repository.environments:
        value = f' "{environment.uuid}"' if environment.uuid else f" {_NONE_YET}"
        yield f"          {scalar(environment.name)}:{value}"


def _uuid(indent: str, uuid: str | None) -> str:
    return f'{indent}uuid: "{uuid}"' if uuid else f"{indent}{_NONE_YET}"


def _role(starter: Starter, repository: StarterRepository, environment: StarterEnvironment, key: str) -> Iterator[str]:
    place = scalar(f"{starter.workspace}/{repository.slug}")
    yield f"  {scalar(key)}:"
    yield f"    accounts: [{', '.join(scalar(account) for account in environment.accounts)}]"
    yield "    trust:"
    yield f"      - {{repository: {place}, environments: [{_flow(environment.name)}]}}"
    yield "    # What the pipeline may do. This policy only reads: replace it with what the pipeline needs."
    yield '    managed_policies: ["aws:job-function/ViewOnlyAccess"]'


def _flow(text: str) -> str:
    """Return a scalar for a flow sequence, where commas and brackets have a meaning."""
    plain = scalar(text)
    return plain if plain.startswith("'") or not re.search(r"[,\[\]{}]", plain) else f"'{text}'"


INVENTORY = "inventory"
PIPELINES = "bitbucket-pipelines.yml"
"""The folder of the inventory, and the file in it."""


def starter_files(starter: Starter) -> dict[str, str]:
    """Return the text of each file: the inventory, a stack for each account, the pipelines of their repository."""
    stacks = {f"Pulumi.{key}.yaml": _stack_text(key) for key, _ in starter.accounts}
    return {f"{INVENTORY}/{INVENTORY}.yaml": inventory_text(starter), **stacks, PIPELINES: _PIPELINES}


def _stack_text(account: str) -> str:
    return f"""\
# The stack of the account {account}: `pulumi preview --stack {account}`, `pulumi up --stack {account}`.
config:
  bitbucket-aws-oidc:inventory: {INVENTORY}
  bitbucket-aws-oidc:accounts: [{scalar(account)}]
"""


_PIPELINES = f"""\
# The pipelines of the repository that holds the inventory: what a pull request changes is checked before it is merged.
# docs/ci.md of bitbucket-aws-oidc says what each line is for, and shows how previews and deployments go on from here.
# To be replaced: the image, which holds that program at a commit that you have reviewed. No step here gets into AWS;
# with BITBUCKET_ACCESS_TOKEN as a secured variable the pull request gets a comment.
image: registry.example.com/platform/bitbucket-aws-oidc@sha256:{"0" * 64}

pipelines:
  pull-requests:
    "**":
      - step:
          name: Check
          script:
            - git fetch --quiet --depth 1 origin "+refs/heads/main:refs/remotes/origin/main"
            - bitbucket-oidc ci insights {INVENTORY}
            - bitbucket-oidc ci comment {INVENTORY} --base origin/main
            - bitbucket-oidc validate {INVENTORY}
            - bitbucket-oidc diff origin/main --inventory {INVENTORY}
"""
