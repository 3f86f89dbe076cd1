"""A step as the inventory names it, and its UUIDs."""

from collections.abc import Iterable
from dataclasses import dataclass

from config.findings import did_you_mean, one_line
from config.models.inventory import Inventory
from oidc.errors import UsageError
from oidc.identifiers import BitbucketUuid, WorkspaceSlug


@dataclass(frozen=True, slots=True)
class NamedStep:
    """Whose step it is.

    Attributes:
        workspace: ``acme``.
        workspace_uuid: ``{0b3ff4a1-…}``.
        repository_uuid: ``{9a6d6bde-…}``.
        environment_uuid: Of the deployment environment that the step names, or ``None``.
    """

    workspace: WorkspaceSlug
    workspace_uuid: BitbucketUuid
    repository_uuid: BitbucketUuid
    environment_uuid: BitbucketUuid | None


def named_step(inventory: Inventory, repository: str, environment: str | None) -> NamedStep:
    """Return the UUIDs of a step.

    Args:
        inventory: With the UUIDs of what it names.
        repository: ``acme/payments``.
        environment: The deployment environment that the step names, or ``None``.

    Raises:
        UsageError: The inventory has no such name, or no UUID for it.
    """
    shown = one_line(repository)
    slug, slash, name = repository.partition("/")
    if not slash:
        raise UsageError(f"a repository is WORKSPACE/REPOSITORY, not `{shown}`", do="write acme/payments")
    workspace = inventory.workspace_called(slug)
    if workspace is None:
        raise _unknown("workspace", slug, inventory.workspaces)
    found = workspace.repositories.get(name)
    if found is None:
        raise _unknown(f"repository in workspace {one_line(slug)}", name, workspace.repositories)
    if environment is not None and environment not in found.environments:
        raise _unknown(f"deployment environment in repository {shown}", environment, found.environments)
    return NamedStep(
        WorkspaceSlug(slug),
        _known(workspace.uuid, f"workspace {one_line(slug)}"),
        _known(found.uuid, f"repository {shown}"),
        None
        if environment is None
        else _known(found.environments[environment].uuid, f"deployment environment {one_line(environment)}"),
    )


def _unknown(kind: str, name: str, known: Iterable[str]) -> UsageError:
    names = sorted(known)
    otherwise = f"known: {', '.join(names)}" if names else "the inventory has none"
    return UsageError(f"there is no {kind} named `{one_line(name)}`", do=did_you_mean(name, names, otherwise))


def _known(uuid: str | None, what: str) -> BitbucketUuid:
    if uuid is None:
        raise UsageError(f"{what} has no UUID in the inventory", do="write it there, or into inventory.lock.yaml")
    return BitbucketUuid(uuid)
