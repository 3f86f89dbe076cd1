"""Plugins of the CLI that exist for the sandbox's runs alone: our AWS provider, and a language host if there is none.

NOTE: intentional: never in a folder that is on anybody's ``PATH``, such as ``.venv/bin``: a real ``pulumi up`` would
take them in place of the official ones.
"""

import shlex
import sys
from pathlib import Path

from sandbox.pulumi_cli.installed import LANGUAGE_HOST, InstalledCli, program_python


def ambient_folders(cli: InstalledCli, folder: Path, project_folder: Path, *, our_aws: bool = True) -> list[Path]:
    """Write the plugins of a run and return their folders, which go first on its ``PATH``.

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
