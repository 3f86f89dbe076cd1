"""The plugins and environment variables of the sandbox's runs of the CLI."""

import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from fleet.pulumi_cli.installed_cli import LANGUAGE_HOST, InstalledCli
from oidc.errors import SandboxError


def program_python(project_folder: Path) -> Path:
    """Return the Python that runs a program: that of the virtual environment in ``Pulumi.yaml``, else this one.

    Raises:
        SandboxError: The virtual environment is missing, as in a clone before ``make setup``.
    """
    project = yaml.safe_load((project_folder / "Pulumi.yaml").read_text(encoding="utf-8"))
    runtime = project.get("runtime")
    options = runtime.get("options") or {} if isinstance(runtime, dict) else {}
    name = options.get("virtualenv")
    if not name:
        return Path(sys.executable)
    python: Path = project_folder / name / "bin" / "python"
    if not python.exists():
        what = f"Pulumi.yaml names the virtual environment {project_folder / name}, which does not exist"
        raise SandboxError(what, do=f"run make setup in {project_folder}, or take --engine builtin")
    return python


_PASSPHRASE = "sandbox"  # noqa: S105 - for a state on this machine, without secrets


def cli_environment(
    folder: Path, plugin_folders: Sequence[Path], endpoints: Mapping[str, str], inherited: Mapping[str, str]
) -> dict[str, str]:
    """Return all environment variables of a run.

    Sources of the names: https://www.pulumi.com/docs/iac/cli/environment-variables/ and
    https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html. The official AWS plugin checks its
    credentials before it reads its input ``endpoints``; only the environment tells that check where STS is.

    Args:
        folder: The sandbox's folder for the CLI; an absolute path.
        plugin_folders: Folders with executables such as ``pulumi-resource-aws``, which the CLI prefers. It looks for
            other plugins in the run's separate ``PULUMI_HOME``.
        endpoints: The endpoints of the emulated AWS by service.
        inherited: The environment variables of this process.
    """
    variables = {name: value for name, value in inherited.items() if not name.startswith("PULUMI_")}
    for service, url in endpoints.items():
        # Without a service: all others go to the emulated AWS too, which refuses them.
        variables |= {f"AWS_ENDPOINT_URL_{service.upper()}": url, "AWS_ENDPOINT_URL": url}
    return variables | {
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "false",
        "PATH": ":".join([*map(str, plugin_folders), inherited.get("PATH", "")]),
        "PULUMI_BACKEND_URL": f"file://{folder}",
        "PULUMI_HOME": str(home_folder(folder)),
        "PULUMI_CONFIG_PASSPHRASE": _PASSPHRASE,
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        # Without it, a preview prints one document at its end instead of its events.
        "PULUMI_ENABLE_STREAMING_JSON_PREVIEW": "true",
    }


def home_folder(folder: Path) -> Path:
    """Return the folder that replaces ``~/.pulumi``: without the user's credentials and plugins."""
    return folder / "home"


def ambient_folders(cli: InstalledCli, folder: Path, project_folder: Path, *, our_aws: bool = True) -> list[Path]:
    """Write the plugins of a run, and return their folders, to be put first on its ``PATH``.

    NOTE: intentional: they are in no folder of the user's ``PATH``, such as ``.venv/bin``, since a real ``pulumi up``
    would use them instead of the official ones.

    Args:
        cli: The CLI; its own language host is used if it has one.
        folder: The sandbox's folder for the CLI.
        project_folder: The folder of the program.
        our_aws: Whether to use the sandbox's AWS provider.

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
    # With -P the program cannot import from the folder of the script.
    return _executable(folder, LANGUAGE_HOST, f"exec {shlex.quote(str(python))} -P {shlex.quote(str(script))}")


def _executable(folder: Path, name: str, command: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    file.write_text(f'#!/bin/sh\n{command} "$@"\n', encoding="utf-8")
    file.chmod(0o755)
    return folder


_AWS_PLUGIN = "pulumi-resource-aws"


def use_official_plugin(folder: Path, version: str, inherited: Mapping[str, str]) -> None:
    """Link the user's plugin into the run's ``PULUMI_HOME``.

    Plugins are in ``plugins/resource-aws-vVERSION`` of ``PULUMI_HOME``, by default ``~/.pulumi``.
    Source: https://www.pulumi.com/docs/iac/concepts/plugins/

    Args:
        folder: The sandbox's folder for the CLI.
        version: The version of ``pulumi_aws``, such as ``7.51.1``.
        inherited: The environment variables of this process.

    Raises:
        SandboxError: This version is not installed.
    """
    users_home = Path(inherited.get("PULUMI_HOME") or Path.home() / ".pulumi")
    name = f"resource-aws-v{version}"
    installed = users_home / "plugins" / name
    if not os.access(installed / _AWS_PLUGIN, os.X_OK):
        what = f"the official AWS plugin {version} is not installed: {installed} has no {_AWS_PLUGIN}"
        raise SandboxError(what, do=f"run pulumi plugin install resource aws {version}, or take --aws-plugin ours")
    known = home_folder(folder) / "plugins" / name
    # A real folder with a link to the executable: the CLI does not follow a link in place of the folder.
    known.mkdir(parents=True, exist_ok=True)
    executable = known / _AWS_PLUGIN
    executable.unlink(missing_ok=True)
    executable.symlink_to((installed / _AWS_PLUGIN).resolve())
