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
        uuid: ``None`` if the lock has it.
        accounts: Keys of accounts.
    """

    name: str
    uuid: str | None
    accounts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StarterRepository:
    """A repository with its deployment environments. It has at least one, since each role is bound to one.

    Attributes:
        slug: ``shop``.
        uuid: ``None`` if the lock has it.
        environments: At least one.
    """

    slug: str
    uuid: str | None
    environments: tuple[StarterEnvironment, ...]


@dataclass(frozen=True, slots=True)
class Starter:
    """The content of a first inventory.

    Attributes:
        workspace: The slug: ``acme``.
        workspace_uuid: ``None`` if the lock has it.
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
        """Return the names without a UUID: ``workspace acme``, ``environment production of acme/shop``."""
        missing = [] if self.workspace_uuid else [f"workspace {self.workspace}"]
        for repository in self.repositories:
            place = f"{self.workspace}/{repository.slug}"
            missing += [] if repository.uuid else [f"repository {place}"]
            missing += [
                f"environment {environment.name} of {place}"
                for environment in repository.environments
                if not environment.uuid
            ]
        return tuple(missing)

    def with_made_up_uuids(self) -> "Starter":
        """Return a copy with made-up UUIDs for missing ones, to validate everything else."""
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
                    environments=tuple(
                        replace(environment, uuid=some(environment.uuid)) for environment in repository.environments
                    ),
                )
                for repository in self.repositories
            ),
        )


BOUNDARY = "ci-boundary"
"""The permissions boundary of all roles; `bootstrap` creates it."""

DEPLOYING_ROLE = "PulumiDeploy"
"""The deploying role in every account; `bootstrap` creates it."""

_KEY_CHARS = 64
"""A role's key is its name, and IAM allows 64 characters."""


def inventory_text(starter: Starter) -> str:
    """Return the text of the inventory file."""
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
    "# Which steps of Bitbucket Pipelines may assume which roles in which AWS accounts; nobody else may.",
    "#",
    "#     bitbucket-oidc validate inventory    shows every mistake with its line",
    "#     bitbucket-oidc plan inventory        shows who may assume what",
    "#",
    "# docs/reference/inventory.md of bitbucket-aws-oidc explains every key. This folder may have more files.",
    "version: 1",
    "",
    "defaults:",
)
_DEFAULTS = (
    "  # The role that Pulumi assumes in each account. `bitbucket-oidc bootstrap` creates it.",
    f'  deploy_role: "arn:{{{{partition}}}}:iam::{{{{account_id}}}}:role/{DEPLOYING_ROLE}"',
    "  # The limit of every role below. `bitbucket-oidc bootstrap` creates it too.",
    f"  permissions_boundary: account:{BOUNDARY}",
)
_ROLES = (
    "# One role for each environment of a repository. Only steps with that `deployment:` may assume it.",
    "# AWS does not see branches: before you trust an environment, restrict it (Repository settings > Deployments).",
    "roles:",
)


_NONE_YET = "# no UUID yet: `bitbucket-oidc lock` looks it up"


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
    """Return a scalar for a flow sequence; quote commas and brackets."""
    plain = scalar(text)
    return plain if plain.startswith("'") or not re.search(r"[,\[\]{}]", plain) else f"'{text}'"


INVENTORY = "inventory"
PIPELINES = "bitbucket-pipelines.yml"
"""The folder of the inventory and the name of its file, and the file of the pipelines."""


def starter_files(starter: Starter) -> dict[str, str]:
    """Return the text of each file by path: the inventory, a stack file for each account, the pipelines."""
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
# The pipelines of the inventory's repository: they check a pull request before it is merged.
# docs/guides/ci.md of bitbucket-aws-oidc explains each line, and shows how to add previews and deployments.
# Replace the image with one that has that program at a commit that you have reviewed. No step here has access to AWS.
# With the secured variable BITBUCKET_ACCESS_TOKEN, the pull request gets a comment.
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
