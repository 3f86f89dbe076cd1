"""The engine of a sandbox: the Pulumi CLI, the built-in one, or the fleet's runs of the CLI. Each has its own state.

All work on the same emulated accounts, and only the engine that created a resource can change it. So the sandbox
remembers its engine.
"""

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

from oidc.errors import SandboxError


class EngineName(StrEnum):
    """An engine."""

    PULUMI = "pulumi"
    """The Pulumi CLI."""
    BUILTIN = "builtin"
    """This project's engine, in this process."""
    FLEET = "fleet"
    """The Pulumi CLI, with one stack for each account: `sandbox fleet`."""


AUTO = "auto"
"""Chooses the engine of the last ``up``, else the Pulumi CLI if it is on ``PATH``, else the built-in one."""


class EngineMark:
    """The file of a sandbox that names the engine of the last ``up``; absent if nothing is up.

    Args:
        folder: The folder of the sandbox.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / "engine"

    def read(self) -> EngineName | None:
        """Return the engine; ``None`` if nothing is up.

        Raises:
            SandboxError: The file cannot be read.
        """
        try:
            return EngineName(self._file.read_text(encoding="utf-8").strip())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            what = f"{self._file}, which names the engine of this sandbox, cannot be read: {error}"
            raise SandboxError(what, do="write pulumi, builtin or fleet into it") from error

    def set(self, engine: EngineName) -> None:
        """Record the engine of an ``up``.

        Raises:
            SandboxError: The file cannot be written.
        """
        try:
            self._file.write_text(f"{engine}\n", encoding="utf-8")
        except OSError as error:
            raise SandboxError(f"{self._file} cannot be written: {error.strerror}") from error

    def clear(self) -> None:
        """Record that nothing is up."""
        self._file.unlink(missing_ok=True)


def choose_engine(asked: str, made_by: EngineName | None, cli_is_here: Callable[[], bool]) -> EngineName:
    """Choose the engine of a run.

    Args:
        asked: The option ``--engine``: ``auto``, ``pulumi`` or ``builtin``.
        made_by: The engine of the last ``up``; ``None`` if nothing is up.
        cli_is_here: Tells whether the Pulumi CLI can run on this machine.

    Raises:
        SandboxError: The last ``up`` used another engine, or the Pulumi CLI, which cannot run here; or it was that of
            the fleet.
    """
    if made_by is EngineName.FLEET:
        raise SandboxError(
            "stacks for each account have the resources of this sandbox; one stack of all accounts cannot change them",
            do="go on with `bitbucket-oidc sandbox fleet`, or first run `bitbucket-oidc sandbox fleet destroy`",
        )
    if made_by is EngineName.PULUMI and not cli_is_here():
        what = "the Pulumi CLI created the resources of this sandbox, and cannot run here: it is not on PATH"
        install = "install it as https://www.pulumi.com/docs/iac/download-install/ says"
        raise SandboxError(what, do=f"{install}, or remove the folder of this sandbox in .sandbox/ to begin anew")
    if asked == AUTO:
        return made_by or (EngineName.PULUMI if cli_is_here() else EngineName.BUILTIN)
    wanted = EngineName(asked)
    if made_by not in {None, wanted}:
        raise SandboxError(
            f"the engine {made_by} created the resources of this sandbox; {wanted} cannot change them",
            do=f"go on with --engine {made_by}, or first run `bitbucket-oidc sandbox destroy --engine {made_by}`",
        )
    return wanted
