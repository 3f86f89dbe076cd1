"""The content of a first repository: workspaces, accounts, stacks, and the roles of its pipelines."""

import re
from dataclasses import dataclass, replace
from itertools import count

INVENTORY = "inventory"
PIPELINES = "bitbucket-pipelines.yml"
SETUP = "SETUP.md"
"""The folder of the inventory, the file of the pipelines, and the file with what is left to do."""

BOUNDARY = "ci-boundary"
"""The permissions boundary of all roles; `bootstrap` creates it."""

DEPLOYING_ROLE = "PulumiDeploy"
READING_ROLE = f"{DEPLOYING_ROLE}-reading"
"""The deploying and the reading role in every account; `bootstrap` creates them."""

PREVIEW_ROLE = "access-preview"
"""The role of this repository's previews, in the hub account."""

NO_IMAGE = f"registry.example.com/platform/bitbucket-aws-oidc@sha256:{'0' * 64}"
"""Written if there is no image yet."""

_KEY_CHARS = 64
"""A role's key is its name, and IAM allows 64 characters."""


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
    """The content of a first repository.

    Attributes:
        workspace: The slug: ``acme``.
        workspace_uuid: ``None`` if the lock has it.
        own: The repository of the inventory. Each of its environments is a stack of the same name.
        repositories: At least one, without that one.
        accounts: Ids by key, at least one.
        hub: The key of the account with the state and the roles of the pipelines; it has a stack for itself.
        region: ``eu-west-1``.
        bucket: The bucket of Pulumi's state.
        organization: ``o-a1b2c3d4e5``, or ``none``.
        image: The image of the pipelines with its digest.
    """

    workspace: str
    workspace_uuid: str | None
    own: StarterRepository
    repositories: tuple[StarterRepository, ...]
    accounts: tuple[tuple[str, str], ...]
    hub: str
    region: str
    bucket: str
    organization: str
    image: str

    @property
    def stacks(self) -> tuple[StarterEnvironment, ...]:
        """The stacks in the order in which they are deployed; the hub's is the last."""
        return self.own.environments

    @property
    def hub_id(self) -> str:
        """The hub's account id."""
        return dict(self.accounts)[self.hub]

    @property
    def state_url(self) -> str:
        """The bucket as ``PULUMI_BACKEND_URL`` takes it."""
        return f"s3://{self.bucket}?region={self.region}"

    def with_made_up_uuids(self) -> "Starter":
        """Return a copy with made-up UUIDs for missing ones, to validate everything else."""
        numbers = count(1)

        def some(uuid: str | None) -> str:
            return uuid or f"{{00000000-0000-4000-8000-{next(numbers):012d}}}"

        def complete(repository: StarterRepository) -> StarterRepository:
            return replace(
                repository,
                uuid=some(repository.uuid),
                environments=tuple(
                    replace(environment, uuid=some(environment.uuid)) for environment in repository.environments
                ),
            )

        return replace(
            self,
            workspace_uuid=some(self.workspace_uuid),
            own=complete(self.own),
            repositories=tuple(map(complete, self.repositories)),
        )


def deploy_role(stack: str) -> str:
    """Return the key of the role that deploys a stack, in the hub account: ``access-deploy-production``."""
    return f"access-deploy-{stack}"


def hub_role_arn(starter: Starter, role: str) -> str:
    """Return the ARN of a role of the pipelines, which have the default path."""
    return f"arn:aws:iam::{starter.hub_id}:role/bitbucket/{role}"


def role_keys(starter: Starter) -> dict[tuple[str, str], str]:
    """Return a unique role key for each repository and environment: ``shop-production``."""
    keys: dict[tuple[str, str], str] = {}
    taken = {PREVIEW_ROLE, *(deploy_role(stack.name).lower() for stack in starter.stacks)}
    for repository in starter.repositories:
        for environment in repository.environments:
            wanted = re.sub(r"[^A-Za-z0-9_.-]+", "-", f"{repository.slug}-{environment.name}", flags=re.ASCII)
            key = _free(wanted.strip("-."), taken)
            taken.add(key.lower())
            keys[repository.slug, environment.name] = key
    return keys


def _free(wanted: str, taken: set[str]) -> str:
    """Return a unique name, ignoring case as IAM does."""
    name, number = wanted[:_KEY_CHARS].strip("-.") or "role", 1
    while name.lower() in taken:
        number += 1
        end = f"-{number}"
        name = f"{wanted[: _KEY_CHARS - len(end)]}{end}"
    return name
