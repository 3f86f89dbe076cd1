"""Whether the Pulumi CLI is on this machine, with what it needs to run a Python program."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from oidc.errors import SandboxError

_CLI = "pulumi"
_LANGUAGE_HOST = "pulumi-language-python"
_INSTALL = "install it as https://www.pulumi.com/docs/iac/download-install/ says, or take --engine builtin"


@dataclass(frozen=True, slots=True)
class InstalledCli:
    """The Pulumi CLI of this machine; ``path`` is that of its executable."""

    path: Path


def missing_part(search_path: str | None = None) -> str | None:
    """Name the executable that is not there: ``pulumi``, ``pulumi-language-python``, or ``None`` when both are.

    The CLI looks for its language host on ``PATH`` and beside itself (``GetPluginPath`` in ``sdk/go/common/workspace``
    of Pulumi).

    Args:
        search_path: As ``PATH``, which it is where it is left out.
    """
    cli = shutil.which(_CLI, path=search_path)
    if cli is None:
        return _CLI
    beside = str(Path(cli).resolve().parent)
    if shutil.which(_LANGUAGE_HOST, path=search_path) is None and shutil.which(_LANGUAGE_HOST, path=beside) is None:
        return _LANGUAGE_HOST
    return None


def find_cli(search_path: str | None = None) -> InstalledCli:
    """Return the CLI.

    Raises:
        SandboxError: It, or its Python language host, is not on ``PATH``.
    """
    missing = missing_part(search_path)
    cli = shutil.which(_CLI, path=search_path)
    if missing is not None or cli is None:
        raise SandboxError(f"the Pulumi CLI cannot run here: {missing} is not on PATH", do=_INSTALL)
    return InstalledCli(Path(cli).absolute())
