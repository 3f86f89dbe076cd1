"""The token of a step that is named by what the inventory calls things."""

from collections.abc import Sequence
from datetime import UTC, datetime

from access.explanation.claims import named_step as of_inventory
from config.models.inventory import Inventory
from sandbox.emulated_bitbucket.emulated_bitbucket import EmulatedBitbucket
from sandbox.emulated_bitbucket.step import EmulatedWorkspace, PipelineStep, step_claims


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
