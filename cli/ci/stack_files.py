"""The stack files and the project file of the working tree."""

from pathlib import Path

from config.findings import one_line
from config.project_file import (
    PROJECT_FILE_NAME,
    ProjectFile,
    parse_project_file,
    refuse_other_endings,
    refuse_other_project,
)
from config.stack_file import FILE_NAME, StackFile, parse_stack_file
from config.yaml.text import exists
from oidc.errors import UsageError


def stack_files(project: Path) -> list[StackFile]:
    """Return the stack files of the working tree, sorted by name, with the defaults of the project file.

    Raises:
        UsageError: A stack file cannot be read, or Pulumi would read another file in its place.
    """
    known = project_file(project)
    return [parse_stack_file(path.name, _read(path), str(path), known) for path in stack_paths(project)]


def project_file(project: Path) -> ProjectFile:
    """Return the settings of the project file in a folder; empty without one, as in a repository that uses the image.

    Raises:
        UsageError: It cannot be read, belongs to another project, or Pulumi would read another file in its place.
    """
    refuse_other_endings((path.name for path in project.iterdir()), f"{project}/")
    path = project / PROJECT_FILE_NAME
    return parsed_project_file(_read(path) if exists(path) else None, str(path))


def parsed_project_file(text: bytes | None, shown: str) -> ProjectFile:
    """Return the settings of a project file with this content; ``None`` for no file. Raises as ``project_file``."""
    if text is None:
        return ProjectFile()
    file = parse_project_file(text, shown)
    refuse_other_project(file, shown)
    return file


def stack_paths(project: Path) -> list[Path]:
    """Return the paths of the stack files, sorted."""
    return [path for path in sorted(project.iterdir()) if FILE_NAME.fullmatch(path.name)]


def path_in_project(project: Path, path: str, file: StackFile) -> Path:
    """Return the path that a stack file names; a branch must not lead the program to files outside the project.

    Raises:
        UsageError: The path leads out of the project.
    """
    named = project / path
    if not named.resolve().is_relative_to(project.resolve()):
        raise UsageError(f"{file.file}: {one_line(path)[:200]} leads out of the project", do="name a path inside")
    return named


def _read(path: Path) -> bytes:
    if path.is_symlink() or not path.is_file():
        raise UsageError(f"{one_line(str(path))} is not a regular file", do="put the stack file itself there")
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{one_line(str(path))} cannot be read: {error.strerror}") from error
