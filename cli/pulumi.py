"""bitbucket-oidc pulumi: run the Pulumi CLI on this program, for the stacks of the current folder."""

import hashlib
import os
import re
import shutil
import sys
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import click

from config.findings import one_line
from config.program import FOLDER_VARIABLE, program_folder, write_project
from oidc.errors import OutsideWorldError, UsageError

_INSTALL = "install it as https://www.pulumi.com/docs/iac/download-install/ says"
_PROJECT_FILES = ("Pulumi.yaml", "Pulumi.yml", "Pulumi.json")
_ANOTHER_FOLDER = re.compile(r"--cwd(=.*)?|-[A-Za-z]*C.*", re.DOTALL)
"""Pulumi's option for another folder, alone or after other letters: ``-C``, ``-yC``, ``--cwd=access``."""

_LINK = "repository"
"""A link to the folder of the stacks, in the folder of the project."""


@click.command(
    "pulumi",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(arguments: tuple[str, ...]) -> NoReturn:
    """Run the Pulumi CLI on this program: bitbucket-oidc pulumi preview --stack prod.

    The folder where you call it has the inventory and the stack files, and needs no Pulumi.yaml and no code. All
    arguments go to Pulumi, which uses your backend and environment variables; its exit code is returned.
    """
    cli = shutil.which("pulumi")
    if cli is None:
        raise OutsideWorldError("the Pulumi CLI is not on PATH", do=_INSTALL)
    folder = Path.cwd()
    environment = dict(os.environ)
    if folder != program_folder():
        _refuse_other_projects(folder, arguments)
        environment |= {"PWD": str(_project(folder) / _LINK), FOLDER_VARIABLE: str(folder)}
    # The CLI replaces this process: it gets the terminal and all signals, and its exit code is that of the command.
    try:
        os.execve(cli, ["pulumi", *arguments], environment)  # noqa: S606 - the CLI that the user has installed
    except OSError as error:
        raise OutsideWorldError(f"the Pulumi CLI {cli} cannot be started: {error.strerror}", do=_INSTALL) from error


def _refuse_other_projects(folder: Path, arguments: tuple[str, ...]) -> None:
    """Refuse what would make Pulumi run another program than this one."""
    for name in _PROJECT_FILES:
        if os.path.lexists(folder / name):
            what = f"{name} in this folder is another project, and Pulumi would run its program"
            raise UsageError(what, do="remove it: the program brings its project file with it")
    for argument in arguments:
        if _ANOTHER_FOLDER.fullmatch(argument):
            what = f"{one_line(argument)}: Pulumi would look for another project there"
            raise UsageError(what, do="call bitbucket-oidc pulumi in the folder of the stack files")


def _project(folder: Path) -> Path:
    """Write the project for this folder, and return its folder: always the same, so that Pulumi knows it again.

    Pulumi looks for the project file in ``PWD`` and then upwards from it, and takes ``PWD`` for its working folder if
    both are one folder (https://pkg.go.dev/os#Getwd). So ``PWD`` is a link to the current folder beside the project
    file, and relative paths in arguments and variables stay relative to the current folder.

    Raises:
        OutsideWorldError: The cache cannot be written.
    """
    named = "\0".join((str(folder), str(program_folder()), sys.prefix))
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    project = cache.absolute() / "bitbucket-aws-oidc" / "projects" / hashlib.sha256(named.encode()).hexdigest()[:16]
    link = project / _LINK
    try:
        write_project(project, stack_files=_LINK)
        with suppress(FileExistsError):
            link.symlink_to(folder)
        if link.resolve() == folder:
            return project
    except OSError as error:
        raise OutsideWorldError(f"{project} cannot be written: {error.strerror}", do="set XDG_CACHE_HOME") from error
    raise OutsideWorldError(f"{link} does not lead to {folder}", do=f"remove {project}")
