"""An HTTPS server on loopback that stands for api.bitbucket.org, and signs step tokens as Bitbucket Pipelines does."""

from sandbox.emulated_bitbucket.emulated_bitbucket import EmulatedBitbucket
from sandbox.emulated_bitbucket.workspaces import EmulatedWorkspace, PipelineStep, step_claims

__all__ = ["EmulatedBitbucket", "EmulatedWorkspace", "PipelineStep", "step_claims"]
