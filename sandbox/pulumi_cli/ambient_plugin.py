"""The sandbox's own AWS provider as a plugin of the CLI: an executable that exists for the sandbox's runs alone."""

import shlex
import sys
from pathlib import Path

_NAME = "pulumi-resource-aws"


def write_ambient_plugin(folder: Path, project_folder: Path) -> Path:
    """Write an executable ``pulumi-resource-aws`` and return its folder, which goes first on the run's ``PATH``.

    NOTE: intentional: never in a folder that is on anybody's ``PATH``, such as ``.venv/bin``: a real ``pulumi up``
    would take it in place of the official one.

    Args:
        folder: Where the sandbox keeps what belongs to the CLI.
        project_folder: On whose module path the provider is.
    """
    plugin_folder = folder / "ambient-plugin"
    plugin_folder.mkdir(parents=True, exist_ok=True)
    plugin = plugin_folder / _NAME
    command = f"{shlex.quote(sys.executable)} -m sandbox.aws_provider --as-platform-engineer"
    path = f'PYTHONPATH={shlex.quote(str(project_folder))}"${{PYTHONPATH:+:$PYTHONPATH}}"'
    plugin.write_text(f'#!/bin/sh\n{path} exec {command} "$@"\n', encoding="utf-8")
    plugin.chmod(0o755)
    return plugin_folder
