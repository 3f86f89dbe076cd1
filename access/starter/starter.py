"""What a first inventory is to hold."""

from dataclasses import dataclass, replace
from itertools import count


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
    """A repository with its environments; one without any is in no starter: each role is bound to one.

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
        """Name what has no UUID yet: ``workspace acme``, ``environment production of acme/shop``."""
        missing = [] if self.workspace_uuid else [f"workspace {self.workspace}"]
        for repository in self.repositories:
            place = f"{self.workspace}/{repository.slug}"
            missing += [] if repository.uuid else [f"repository {place}"]
            missing += [f"environment {found.name} of {place}" for found in repository.environments if not found.uuid]
        return tuple(missing)

    def with_made_up_uuids(self) -> "Starter":
        """Return it with some UUID wherever there is none yet, to judge all the rest of it."""
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
