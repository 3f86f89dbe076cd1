"""Which engine a sandbox has: the Pulumi CLI or the built-in one. Each keeps a state of its own.

Both work on the same emulated accounts, so what one has made only that one can change: the sandbox remembers it.
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
    """The one of this project, in this process."""


AUTO = "auto"
"""Asks for the engine that the sandbox was brought up with; else the Pulumi CLI where it is, else the built-in one."""


class EngineMark:
    """The file of a sandbox that says which engine brought it up; absent when nothing is up.

    Args:
        folder: Of the sandbox.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / "engine"

    def read(self) -> EngineName | None:
        """Return the engine, or ``None`` when nothing is up.

        Raises:
            SandboxError: The file cannot be read.
        """
        try:
            return EngineName(self._file.read_text(encoding="utf-8").strip())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            what = f"{self._file}, which says what engine brought this sandbox up, cannot be read: {error}"
            raise SandboxError(what, do=f"write {EngineName.PULUMI} or {EngineName.BUILTIN} into it") from error

    def set(self, engine: EngineName) -> None:
        """Say that this engine brings the sandbox up.

        Raises:
            SandboxError: The file cannot be written.
        """
        try:
            self._file.write_text(f"{engine}\n", encoding="utf-8")
        except OSError as error:
            raise SandboxError(f"{self._file} cannot be written: {error.strerror}") from error

    def clear(self) -> None:
        """Say that nothing is up any more."""
        self._file.unlink(missing_ok=True)


def choose_engine(asked: str, made_by: EngineName | None, cli_is_here: Callable[[], bool]) -> EngineName:
    """Decide which engine a run takes.

    Args:
        asked: The option ``--engine``: ``auto``, ``pulumi`` or ``builtin``.
        made_by: The engine that brought the sandbox up, if anything is up.
        cli_is_here: Says whether the Pulumi CLI can run on this machine.

    Raises:
        SandboxError: The sandbox was brought up by another engine than the one asked for.
    """
    if asked == AUTO:
        return made_by or (EngineName.PULUMI if cli_is_here() else EngineName.BUILTIN)
    wanted = EngineName(asked)
    if made_by not in {None, wanted}:
        raise SandboxError(
            f"the engine {made_by} brought this sandbox up, and {wanted} knows nothing of what it made",
            do=f"go on with --engine {made_by}, or first run `bitbucket-oidc sandbox destroy --engine {made_by}`",
        )
    return wanted
