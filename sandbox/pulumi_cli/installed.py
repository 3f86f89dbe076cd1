"""Whether the Pulumi CLI is on this machine, and with what it runs a Python program."""

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import yaml

from oidc.errors import SandboxError

LANGUAGE_HOST = "pulumi-language-python"
_CLI = "pulumi"
_INSTALL = "install it as https://www.pulumi.com/docs/iac/download-install/ says, or take --engine builtin"


@dataclass(frozen=True, slots=True)
class InstalledCli:
    """The Pulumi CLI of this machine.

    Attributes:
        path: Of its executable.
        has_language_host: Whether its ``pulumi-language-python`` is here: it comes with Pulumi's own download, and not
            with a CLI that Go has built.
    """

    path: Path
    has_language_host: bool


def installed_cli(search_path: str | None = None) -> InstalledCli | None:
    """Return the CLI, or ``None`` where it is not on ``PATH``.

    The CLI looks for its language host on ``PATH`` and beside itself (``GetPluginPath`` in ``sdk/go/common/workspace``
    of Pulumi).

    Args:
        search_path: As ``PATH``, which it is where it is left out.
    """
    cli = shutil.which(_CLI, path=search_path)
    if cli is None:
        return None
    beside = str(Path(cli).resolve().parent)
    hosts = (shutil.which(LANGUAGE_HOST, path=path) for path in (search_path, beside))
    return InstalledCli(Path(cli).absolute(), any(hosts))


def find_cli(search_path: str | None = None) -> InstalledCli:
    """Return the CLI.

    Raises:
        SandboxError: It is not on ``PATH``.
    """
    cli = installed_cli(search_path)
    if cli is None:
        raise SandboxError(f"the Pulumi CLI cannot run here: {_CLI} is not on PATH", do=_INSTALL)
    return cli


def program_python(project_folder: Path) -> Path:
    """Return the Python that runs a program: that of the virtual environment in ``Pulumi.yaml``, else this one.

    Raises:
        SandboxError: It is not there, as in a clone where ``make setup`` was not run yet.
    """
    project = yaml.safe_load((project_folder / "Pulumi.yaml").read_text(encoding="utf-8"))
    runtime = project.get("runtime")
    options = runtime.get("options") or {} if isinstance(runtime, dict) else {}
    name = options.get("virtualenv")
    if not name:
        return Path(sys.executable)
    python: Path = project_folder / name / "bin" / "python"
    if not python.exists():
        what = f"the Pulumi CLI runs the program with {project_folder / name}, as Pulumi.yaml says, and it is not there"
        raise SandboxError(what, do=f"run make setup in {project_folder}, or take --engine builtin")
    return python
