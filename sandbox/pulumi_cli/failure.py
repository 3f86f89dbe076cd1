"""What a run that failed says to its user."""

import re

from oidc.errors import SandboxError
from sandbox.pulumi_cli.process import Finished

_SAYS_NOTHING = re.compile(
    r"(?:update|preview|refresh|destroy|resource operation|previewing|updating) failed"
    r"|an unhandled error occurred: program exited with non-zero exit code: \d+"
)
"""What the CLI adds to every failure; worth reading only where it says nothing else."""

_ERROR_LINE = re.compile(r"^error: (.*)$", re.MULTILINE)
_SHOWN = 5


def failure(errors: list[str], finished: Finished) -> SandboxError:
    """Return the error of a run.

    Args:
        errors: What its events said.
        finished: How the command ended; what it wrote to standard error counts where no event says anything.
    """
    telling = [text for text in errors if not _SAYS_NOTHING.fullmatch(text)]
    said = telling or [line.strip() for line in _ERROR_LINE.findall(finished.said)] or errors
    if not said:
        return SandboxError(f"the Pulumi CLI failed with exit code {finished.code}")
    further = [f"and {len(said) - _SHOWN} more errors"] if len(said) > _SHOWN else []
    return SandboxError("\n".join([*said[:_SHOWN], *further]))
