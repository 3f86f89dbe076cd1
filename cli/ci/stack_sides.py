"""The stacks of a project, as they are and in a revision: each stack file with what its inventory comes to."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from access.stacks import TakenStack, take
from cli.revisions import CompiledSide, compiled_beside, compiled_path, compiled_revision
from config.findings import Finding, one_line
from config.inventory_files import GUARDRAILS_NAME
from config.project_file import (
    PROJECT_FILE_NAME,
    SETTINGS_FILE,
    ProjectFile,
    parse_project_file,
    refuse_other_endings,
    refuse_other_project,
)
from config.stack_file import FILE_NAME, STACK_NAME, StackFile, parse_stack_file, removed_stack
from config.yaml.text import is_there
from facts.git import GitRepository
from facts.git_conversions import untracked_files
from oidc.errors import ConversionError, UsageError


@dataclass(frozen=True, slots=True)
class Stacks:
    """All stacks of one side.

    Attributes:
        taken: By name, what each takes.
        errors: Findings of level error in their inventories, each once.
        untracked: Files that they are read from, and that are in no revision.
    """

    taken: Mapping[str, TakenStack]
    errors: tuple[Finding, ...]
    untracked: tuple[Path, ...] = ()


def stacks_here(project: Path, *, is_compared: bool, before: Collection[str] = ()) -> Stacks:
    """Return the stacks as they are; one whose file is removed is taken with the defaults, as ``up`` takes it.

    Args:
        project: The folder of the stack files.
        is_compared: Whether they are compared with a revision, so that git must show what is read.
        before: Names of the stacks of that revision.

    Raises:
        UsageError: A stack file or the project file cannot be read, or names what is outside the project, or an
            account that is not there.
        ConversionError: Git shows of a file something else than is read of it.
        OutsideWorldError: git fails.
    """
    files = stack_files(project)
    repository = GitRepository.around(project / "inventory") if is_compared else None

    def compile_here(inventory: Path, guardrails: Path | None) -> CompiledSide:
        if repository is None:
            return compiled_path(inventory, guardrails)
        return compiled_beside(repository, inventory, guardrails)

    compiled = _Compiled(project, compile_here)
    sides = {file.stack: compiled.of(file) for file in files}
    errors = tuple(dict.fromkeys(error for side in sides.values() for error in side.errors))
    taken = {file.stack: take(file, plan) for file in files if (plan := sides[file.stack].plan) is not None}
    untracked = [path for side in sides.values() for path in side.untracked]
    read = [*_stack_paths(project), *(path for path in [project / PROJECT_FILE_NAME] if is_there(path))]
    untracked += untracked_files(repository.top, (), read) if repository else ()
    for name in sorted(set(before) - {file.stack for file in files}):
        file = removed_stack(name, str(project / f"Pulumi.{name}.yaml"), project_file(project))
        taken[name] = _as_far_as_it_goes(file, compiled)
    return Stacks(taken, errors, tuple(dict.fromkeys(untracked)))


def stack_files(project: Path) -> list[StackFile]:
    """Return the stack files of a project as they are, sorted by name, with the defaults of its project file.

    Raises:
        UsageError: One of them cannot be read, or Pulumi takes other files than those.
    """
    known = project_file(project)
    return [parse_stack_file(path.name, _read(path), str(path), known) for path in _stack_paths(project)]


def project_file(project: Path) -> ProjectFile:
    """Return what the project file in a folder decides; nothing where there is none, as beside a ready image.

    Raises:
        UsageError: It cannot be read or is another project's, or Pulumi takes other files than those that are read.
    """
    refuse_other_endings((path.name for path in project.iterdir()), f"{project}/")
    path = project / PROJECT_FILE_NAME
    return _project_file(_read(path) if is_there(path) else None, str(path))


def _project_file(text: bytes | None, shown: str) -> ProjectFile:
    if text is None:
        return ProjectFile()
    found = parse_project_file(text, shown)
    refuse_other_project(found, shown)
    return found


def _stack_paths(project: Path) -> list[Path]:
    return [path for path in sorted(project.iterdir()) if FILE_NAME.fullmatch(path.name)]


def stacks_at(project: Path, base: str) -> Stacks:
    """Return the stacks of a revision; what is wrong there is no reason not to look at what is to mend it.

    Raises:
        UsageError: The revision is none, or Pulumi takes other files there than those that are read.
        ConversionError: A checkout of the revision would change one of its files.
        OutsideWorldError: git failed.
    """
    repository = GitRepository.around(project / "inventory")
    commit = repository.commit(base)

    def compile_there(inventory: Path, guardrails: Path | None) -> CompiledSide:
        around = GitRepository.around(inventory)
        if around.top != repository.top:
            what = f"{one_line(str(inventory))[:200]} is in another git repository than the stack files"
            raise ConversionError(what, do="keep stack files and inventory in one repository")
        return compiled_revision(around, base, commit, inventory, guardrails)

    compiled = _Compiled(project, compile_there)
    taken: dict[str, TakenStack] = {}
    files = repository.files_beside(commit, project, SETTINGS_FILE)
    refuse_other_endings(files, f"{base}:")
    known = _project_file(files.pop(PROJECT_FILE_NAME, None), f"{base}:{PROJECT_FILE_NAME}")
    for name, text in sorted(files.items()):
        shown, stack = f"{base}:{name}", FILE_NAME.sub(r"\1", name)
        try:
            taken[stack] = _as_far_as_it_goes(parse_stack_file(name, text, shown, known), compiled)
        except ConversionError:
            raise
        except UsageError as error:
            if STACK_NAME.fullmatch(stack) is not None:  # else there is no stack of this name
                taken[stack] = TakenStack(StackFile(stack, one_line(shown)[:300], {}, (), {}), None, (), error.what)
    return Stacks(taken, ())


def _as_far_as_it_goes(file: StackFile, compiled: "_Compiled") -> TakenStack:
    try:
        side = compiled.of(file)
        if side.plan is not None:
            return take(file, side.plan)
        fault = str(side.errors[0]) if side.errors else "there is no inventory"
    except ConversionError:
        raise  # nothing that is wrong there: what there is cannot be known
    except UsageError as error:
        fault = error.what
    return TakenStack(file, None, (), fault)


class _Compiled:
    """Inventories of one side; one that several stacks share is compiled once."""

    def __init__(self, project: Path, compile_it: Callable[[Path, Path | None], CompiledSide]) -> None:
        self._project = project
        self._compile = compile_it
        self._known: dict[tuple[Path, Path | None], CompiledSide] = {}

    def of(self, file: StackFile) -> CompiledSide:
        """Compile the inventory of a stack; raises UsageError where it is not in the project."""
        guardrails = None if file.guardrails is None else inside(self._project, file.guardrails, file)
        where = inside(self._project, file.inventory, file), guardrails
        if where not in self._known:
            self._known[where] = self._compile(*where)
        return self._known[where]


def inside(project: Path, path: str, file: StackFile) -> Path:
    """Return a path that a stack file names; what a branch brings may lead nowhere else than into the project.

    Raises:
        UsageError: It leads out of it.
    """
    found = project / path
    if not found.resolve().is_relative_to(project.resolve()):
        raise UsageError(f"{file.file}: {one_line(path)[:200]} leads out of the project", do="name a path inside")
    return found


def refuse_what_nobody_reviewed(stacks: Stacks, project: Path, inventory: Path, guardrails: Path | None) -> None:
    """Refuse a stack that takes something else than what is reviewed: no comparison would show what it brings.

    Args:
        stacks: As they are.
        project: The folder of the stack files.
        inventory: What is reviewed.
        guardrails: Of that inventory, or ``None`` for those in it.

    Raises:
        UsageError: A stack takes another inventory, or other guardrails.
    """
    expected = inventory.resolve(), (guardrails or inventory / GUARDRAILS_NAME).resolve()
    for taken in stacks.taken.values():
        file = taken.file
        if file.is_removed:
            continue  # named as such, and its preview shows what the defaults come to
        found = project / file.inventory
        rules = found / GUARDRAILS_NAME if file.guardrails is None else project / file.guardrails
        for key, path, reviewed in zip(("inventory", "guardrails"), (found, rules), expected, strict=True):
            if path.resolve() != reviewed:
                what = f"{file.file}: the stack takes {one_line(str(path))[:200]} as its {key}"
                raise UsageError(what, do=f"take what is reviewed, {one_line(str(reviewed))[:200]}")


def _read(path: Path) -> bytes:
    if path.is_symlink() or not path.is_file():
        raise UsageError(f"{one_line(str(path))} is no file", do="put the stack file itself there")
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{one_line(str(path))} cannot be read: {error.strerror}") from error
