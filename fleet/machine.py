"""What a run of the fleet needs of its machine: the Pulumi CLI, its environment, and where states are."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Machine:
    """What a run needs of its machine.

    Attributes:
        cli: The Pulumi CLI; ``None`` if it is not on ``PATH``. Reading states of files or S3 needs none.
        environment: All environment variables of CLI processes.
        backend: The URL of the states: ``file:///home/me/states``, ``s3://acme-states``, ``https://api.pulumi.com``.
        project_config: Further stack config, by key without prefix: ``{}``, or ``awsEndpoint`` and ``issuerConnect`` of
            the sandbox.
        endpoint: The endpoint of emulated AWS, ``http://127.0.0.1:4566``; ``None`` for AWS.
    """

    cli: Path | None
    environment: Mapping[str, str]
    backend: str
    project_config: Mapping[str, Any]
    endpoint: str | None = None
