"""The folder of the Pulumi program, and the project file with which Pulumi runs it from another folder."""

import sys
from pathlib import Path

import yaml

from config.project_file import PROJECT_FILE_NAME
from config.yaml.text import write_whole

FOLDER_VARIABLE = "BITBUCKET_OIDC_FOLDER"
"""The environment variable with the folder that paths in the stack config are relative to. ``bitbucket-oidc pulumi``
sets it to the folder where it is called; without it, they are relative to the program's folder, a clone."""

_ROOMS = Path(__file__).resolve().parents[1]
_INSTALLED = _ROOMS / "bitbucket_aws_oidc"
"""Where a wheel has ``Pulumi.yaml`` and ``__main__.py`` (``force-include`` in pyproject.toml), beside the rooms."""


def installed_program() -> Path | None:
    """Return the folder of the installed program, or ``None`` in a clone."""
    return _INSTALLED if (_INSTALLED / PROJECT_FILE_NAME).is_file() else None


def program_folder() -> Path:
    """Return the folder of ``Pulumi.yaml`` and ``__main__.py``: that of the installed program, or of the clone."""
    return installed_program() or _ROOMS


def write_project(folder: Path, *, stack_files: str = "") -> None:
    """Write a project file that runs the program with this Python; its other settings are those of the program.

    The keys: https://www.pulumi.com/docs/iac/concepts/projects/project-file/.

    Args:
        folder: The folder of the project file; created if necessary.
        stack_files: The folder of the stack files, relative to that folder; empty for the folder itself.

    Raises:
        OSError: The folder cannot be made.
        OutsideWorldError: The file cannot be written.
    """
    project = yaml.safe_load((program_folder() / PROJECT_FILE_NAME).read_text(encoding="utf-8"))
    project["main"] = str(program_folder())
    project["runtime"]["options"]["virtualenv"] = sys.prefix
    if stack_files:
        project["stackConfigDir"] = stack_files
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / PROJECT_FILE_NAME, yaml.safe_dump(project, sort_keys=False).encode())
