"""Where Pulumi keeps the states of stacks: a folder or a bucket of S3 is read directly, any other through the CLI."""

from collections.abc import Mapping
from pathlib import Path

from config.project_file import PROJECT
from facts.aws.state_bucket import S3Bucket, parse_bucket_url
from fleet.backend.by_cli import ByCli
from fleet.backend.folder import SCHEME, Folder, absolute_url
from fleet.backend.locks import StackLock, is_dead
from fleet.backend.records import Backend, StackRecord
from fleet.backend.self_managed import SelfManaged
from fleet.machine import Machine
from fleet.pulumi_cli.stack_states import StackStates
from oidc.errors import UsageError

__all__ = ["Backend", "StackLock", "StackRecord", "backend_url", "is_dead", "open_backend", "stack_states"]

_VARIABLE = "PULUMI_BACKEND_URL"
"""https://www.pulumi.com/docs/iac/cli/environment-variables/"""

_NO_CLI = "install it as https://www.pulumi.com/docs/iac/download-install/ says"


def backend_url(environment: Mapping[str, str], cli: Path | None, folder: Path) -> str:
    """Return the URL of the backend that the Pulumi CLI would use.

    Args:
        environment: ``PULUMI_BACKEND_URL`` counts before the backend of ``pulumi login``.
        cli: The Pulumi CLI, if it is on ``PATH``.
        folder: The absolute path of the folder where the CLI would run; paths in the URL are relative to it.

    Raises:
        UsageError: The environment names none, and there is no CLI to ask.
        OutsideWorldError: The CLI fails, for example without a login.
    """
    if environment.get(_VARIABLE):
        return absolute_url(environment[_VARIABLE], folder)
    if cli is None:
        raise UsageError("the backend of the states is not known", do=f"set {_VARIABLE}, or {_NO_CLI}")
    return absolute_url(StackStates(cli, environment).backend_url(), folder)


def open_backend(machine: Machine) -> Backend:
    """Open the backend of a run.

    Args:
        machine: Of the run; its backend is an absolute URL, as ``backend_url`` returns it.

    Raises:
        UsageError: The Pulumi CLI is needed, and is not on ``PATH``.
        OutsideWorldError: The backend cannot be read.
    """
    url = machine.backend
    if url.startswith(SCHEME):
        return SelfManaged(Folder(url), PROJECT)
    bucket = parse_bucket_url(url)
    if bucket is None:
        return ByCli(stack_states(machine))
    return SelfManaged(S3Bucket(bucket), PROJECT)


def stack_states(machine: Machine) -> StackStates:
    """Return the states of a run's stacks through the Pulumi CLI.

    Raises:
        UsageError: The CLI is not on ``PATH``.
    """
    if machine.cli is None:
        raise UsageError(f"the Pulumi CLI is not on PATH, and {machine.backend} needs it", do=_NO_CLI)
    return StackStates(machine.cli, {**machine.environment, _VARIABLE: machine.backend})
