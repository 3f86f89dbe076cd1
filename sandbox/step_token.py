"""The token of a step that is named by what the inventory calls things."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from config.findings import did_you_mean, one_line
from config.models.inventory import Inventory
from oidc.errors import UsageError
from sandbox.emulated_bitbucket.emulated_bitbucket import EmulatedBitbucket
from sandbox.emulated_bitbucket.step import EmulatedWorkspace, Step, step_claims


def named_step(inventory: Inventory, repository: str, environment: str | None, *, branch: str = "main") -> Step:
    """Return one run of a step.

    Args:
        inventory: With the UUIDs of what it names.
        repository: ``acme/shop``.
        environment: The deployment environment that the step names, or ``None``.
        branch: The branch it runs on.

    Raises:
        UsageError: The inventory has no such name, or no UUID for it.
    """
    slug, slash, name = repository.partition("/")
    if not slash:
        raise UsageError(f"a repository is WORKSPACE/REPOSITORY, not `{one_line(repository)}`", do="write acme/shop")
    workspace = inventory.workspace_called(slug)
    if workspace is None:
        raise _unknown("workspace", slug, inventory.workspaces)
    found = workspace.repositories.get(name)
    if found is None:
        raise _unknown(f"repository in workspace {slug}", name, workspace.repositories)
    if environment is not None and environment not in found.environments:
        raise _unknown(f"environment in repository {repository}", environment, found.environments)
    return Step(
        EmulatedWorkspace(slug, _known(workspace.uuid, f"workspace {slug}")),
        _known(found.uuid, f"repository {repository}"),
        None if environment is None else _known(found.environments[environment], f"environment {environment}"),
        branch=branch,
    )


def signed(bitbucket: EmulatedBitbucket, step: Step, audiences: Sequence[str], *, now: datetime | None = None) -> str:
    """Return the signed token of a step, valid for an hour.

    Args:
        bitbucket: Signs it.
        step: The step.
        audiences: ``aud`` in place of the workspace's own: one as a text, several as a list. Bitbucket always puts the
            workspace's own first, and how STS reads a list is not documented; one alone is what the proof presents.
        now: When it is issued, aware; by default now.
    """
    claims = step_claims(step, issued_at=now or datetime.now(UTC))
    if audiences:
        claims["aud"] = audiences[0] if len(audiences) == 1 else list(audiences)
    return bitbucket.sign(claims)


def _unknown(kind: str, name: str, known: Iterable[str]) -> UsageError:
    names = sorted(known)
    otherwise = f"known: {', '.join(names)}" if names else "the inventory has none"
    return UsageError(f"there is no {kind} named `{one_line(name)}`", do=did_you_mean(name, names, otherwise))


def _known(uuid: str | None, what: str) -> str:
    if uuid is None:
        raise UsageError(f"{what} has no UUID in the inventory", do="write it there, or into inventory.lock.yaml")
    return uuid
