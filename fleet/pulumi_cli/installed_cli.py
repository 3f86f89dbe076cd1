"""The Pulumi CLI of this machine."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from oidc.errors import EngineError

LANGUAGE_HOST = "pulumi-language-python"
_EXECUTABLE = "pulumi"
INSTALL = "install it as https://www.pulumi.com/docs/iac/download-install/ says"


@dataclass(frozen=True, slots=True)
class InstalledCli:
    """The Pulumi CLI of this machine.

    Attributes:
        path: The path of the executable.
        has_language_host: Whether ``pulumi-language-python`` is installed. Pulumi's download has it; a CLI built with
            Go does not.
    """

    path: Path
    has_language_host: bool


def installed_cli(search_path: str | None = None) -> InstalledCli | None:
    """Return the CLI, or ``None`` if it is not on ``PATH``.

    The CLI looks for its language host on ``PATH`` and in its own folder (``GetPluginPath`` in
    ``sdk/go/common/workspace``
    of Pulumi).

    Args:
        search_path: Used instead of ``PATH``.
    """
    cli = shutil.which(_EXECUTABLE, path=search_path)
    if cli is None:
        return None
    beside = str(Path(cli).resolve().parent)
    hosts = (shutil.which(LANGUAGE_HOST, path=path) for path in (search_path, beside))
    return InstalledCli(Path(cli).absolute(), any(hosts))


def find_cli(search_path: str | None = None, *, instead: str = "") -> InstalledCli:
    """Return the CLI.

    Args:
        search_path: Used instead of ``PATH``.
        instead: What else a user can do, for the message: ``take --engine builtin``.

    Raises:
        EngineError: It is not on ``PATH``.
    """
    cli = installed_cli(search_path)
    if cli is None:
        do = f"{INSTALL}, or {instead}" if instead else INSTALL
        raise EngineError(f"the Pulumi CLI cannot run here: {_EXECUTABLE} is not on PATH", do=do)
    return cli
