"""What a run of the CLI finds on this machine: the CLI itself, its plugins, its environment variables."""

import os
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from oidc.errors import SandboxError

LANGUAGE_HOST = "pulumi-language-python"
_EXECUTABLE = "pulumi"
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
    cli = shutil.which(_EXECUTABLE, path=search_path)
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
        raise SandboxError(f"the Pulumi CLI cannot run here: {_EXECUTABLE} is not on PATH", do=_INSTALL)
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


_PASSPHRASE = "sandbox"  # noqa: S105 - of a state on this machine that holds no secret


def cli_environment(folder: Path, plugin_folders: Sequence[Path], inherited: Mapping[str, str]) -> dict[str, str]:
    """Return all environment variables of a run.

    Source of the names: https://www.pulumi.com/docs/iac/cli/environment-variables/

    Args:
        folder: Where this sandbox keeps what belongs to the CLI; an absolute path.
        plugin_folders: Hold executables such as ``pulumi-resource-aws`` that the CLI takes before any other; what is
            not in them it looks for in the run's own ``PULUMI_HOME``.
        inherited: Of this process.
    """
    passed_on = {name: value for name, value in inherited.items() if not name.startswith("PULUMI_")}
    return passed_on | {
        "PATH": ":".join([*map(str, plugin_folders), inherited.get("PATH", "")]),
        "PULUMI_BACKEND_URL": f"file://{folder}",
        "PULUMI_HOME": str(home_folder(folder)),
        "PULUMI_CONFIG_PASSPHRASE": _PASSPHRASE,
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        # Without it a preview prints one document at its end in place of its events.
        "PULUMI_ENABLE_STREAMING_JSON_PREVIEW": "true",
    }


def home_folder(folder: Path) -> Path:
    """Return what the run has in place of ``~/.pulumi``: no credentials, no plugins of anybody."""
    return folder / "home"


def ambient_folders(cli: InstalledCli, folder: Path, project_folder: Path, *, our_aws: bool = True) -> list[Path]:
    """Write the plugins of a run and return their folders, which go first on its ``PATH``.

    NOTE: intentional: they are in no folder of anybody's own ``PATH``, such as ``.venv/bin``: a real ``pulumi up``
    would take them in place of the official ones.

    Args:
        cli: Whose own language host is taken where it has one.
        folder: Where the sandbox keeps what belongs to the CLI.
        project_folder: Of the program.
        our_aws: Whether the AWS provider is ours.

    Raises:
        SandboxError: The virtual environment that Pulumi.yaml names is missing.
    """
    python = program_python(project_folder)
    own_aws = [_aws_plugin(folder / "ambient-plugin", project_folder)] if our_aws else []
    return own_aws if cli.has_language_host else [*own_aws, _language_host(folder / "language-host", python)]


def _aws_plugin(folder: Path, project_folder: Path) -> Path:
    command = f"{shlex.quote(sys.executable)} -m sandbox.aws_provider --as-platform-engineer"
    path = f'PYTHONPATH={shlex.quote(str(project_folder))}"${{PYTHONPATH:+:$PYTHONPATH}}"'
    return _executable(folder, "pulumi-resource-aws", f"{path} exec {command}")


def _language_host(folder: Path, python: Path) -> Path:
    script = Path(__file__).with_name("language_host.py")
    # With -P the program does not import from the folder of the script.
    return _executable(folder, LANGUAGE_HOST, f"exec {shlex.quote(str(python))} -P {shlex.quote(str(script))}")


def _executable(folder: Path, name: str, command: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    file.write_text(f'#!/bin/sh\n{command} "$@"\n', encoding="utf-8")
    file.chmod(0o755)
    return folder


_AWS_PLUGIN = "pulumi-resource-aws"


def use_official_plugin(folder: Path, version: str, inherited: Mapping[str, str]) -> None:
    """Make the user's plugin known in the run's own ``PULUMI_HOME``.

    Plugins stand in ``plugins/resource-aws-vVERSION`` of ``PULUMI_HOME``, which is ``~/.pulumi`` where it is not set.
    Source: https://www.pulumi.com/docs/iac/concepts/plugins/

    Args:
        folder: Where the sandbox keeps what belongs to the CLI.
        version: Of ``pulumi_aws``, such as ``7.51.1``.
        inherited: Environment variables of this process.

    Raises:
        SandboxError: It is not installed in this version.
    """
    users_home = Path(inherited.get("PULUMI_HOME") or Path.home() / ".pulumi")
    name = f"resource-aws-v{version}"
    installed = users_home / "plugins" / name
    if not os.access(installed / _AWS_PLUGIN, os.X_OK):
        what = f"the official AWS plugin {version} is not installed: {installed} holds no {_AWS_PLUGIN}"
        raise SandboxError(what, do=f"run pulumi plugin install resource aws {version}, or take --aws-plugin ours")
    known = home_folder(folder) / "plugins" / name
    # A folder of its own with a link to the executable in it: a link in place of the folder is not seen by the CLI.
    known.mkdir(parents=True, exist_ok=True)
    executable = known / _AWS_PLUGIN
    executable.unlink(missing_ok=True)
    executable.symlink_to((installed / _AWS_PLUGIN).resolve())
