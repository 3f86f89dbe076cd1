"""What workspaces of the emulated Bitbucket hold."""

from dataclasses import dataclass


@dataclass(frozen=True)
class EmulatedEnvironment:
    """A deployment environment.

    Attributes:
        name: As a step names it.
        uuid: With braces.
        admin_only: Whether only admins may deploy to it.
    """

    name: str
    uuid: str
    admin_only: bool = False


@dataclass(frozen=True)
class EmulatedRepository:
    """A repository.

    Attributes:
        slug: As in ``bitbucket.org/acme/SLUG``.
        uuid: With braces.
        environments: That it has.
        pull_requests: Numbers of those that are open.
        former_slugs: Names that it had; whoever asks for one is redirected, as long as nothing else has that name.
    """

    slug: str
    uuid: str
    environments: tuple[EmulatedEnvironment, ...] = ()
    former_slugs: tuple[str, ...] = ()
    pull_requests: tuple[int, ...] = ()
