"""The token of a step, named by workspace, repository and environment of the inventory."""

from collections.abc import Sequence
from datetime import UTC, datetime

from access.explanation.claims import named_step as of_inventory
from config.models.inventory import Inventory
from oidc.errors import SandboxError
from sandbox.emulated_bitbucket.emulated_bitbucket import EmulatedBitbucket
from sandbox.emulated_bitbucket.workspaces import EmulatedWorkspace, PipelineStep, step_claims
from sandbox.emulator_inputs import workspaces_of
from sandbox.session import BITBUCKET_FOLDER, SandboxInventory


def named_step(inventory: Inventory, repository: str, environment: str | None, *, branch: str = "main") -> PipelineStep:
    """Return one run of a step.

    Args:
        inventory: With the UUIDs of what it names.
        repository: ``acme/shop``.
        environment: The deployment environment that the step names, or ``None``.
        branch: The branch it runs on.

    Raises:
        UsageError: The inventory has no such name, or no UUID for it.
    """
    found = of_inventory(inventory, repository, environment)
    workspace = EmulatedWorkspace(found.workspace, found.workspace_uuid)
    return PipelineStep(workspace, found.repository_uuid, found.environment_uuid, branch=branch)


def signing_bitbucket(subject: SandboxInventory) -> EmulatedBitbucket:
    """Return the emulated Bitbucket of a sandbox to sign tokens with; it does not serve.

    Raises:
        SandboxError: The sandbox has never been up, so there is no key.
    """
    folder = subject.folder.resolve() / BITBUCKET_FOLDER
    if not folder.exists():
        raise SandboxError(
            "nothing is up in this sandbox", do="run `bitbucket-oidc sandbox up` with the same inventory first"
        )
    return EmulatedBitbucket(folder, workspaces_of(subject.inventory))


def signed(
    bitbucket: EmulatedBitbucket, step: PipelineStep, audiences: Sequence[str], *, now: datetime | None = None
) -> str:
    """Return the signed token of a step, valid for an hour.

    Args:
        bitbucket: Signs it.
        step: The step.
        audiences: ``aud`` in place of the workspace's own: one as a text, several as a list. Bitbucket puts the
            workspace's own first, and STS refuses a list of several.
        now: When it is issued, aware; by default now.
    """
    claims = step_claims(step, issued_at=now or datetime.now(UTC))
    if audiences:
        claims["aud"] = audiences[0] if len(audiences) == 1 else list(audiences)
    return bitbucket.sign(claims)
