"""The stacks of a project, in the working tree and in a revision, each with the plan of its inventory."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from access.plan import AccessPlan
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
from config.yaml.text import exists
from facts.git import GitRepository
from facts.git_conversions import untracked_files
from oidc.errors import ConversionError, UsageError


@dataclass(frozen=True, slots=True)
class ProjectStacks:
    """All stacks of the working tree or of a revision.

    Attributes:
        taken: The stacks by name, each with its part of the plan.
        errors: Findings of level error in their inventories, without repetition.
        untracked: Files of the working tree that they are read from and that are in no revision.
        in_no_stack: Keys of accounts with roles or OIDC providers that no stack of their inventory takes.
    """

    taken: Mapping[str, TakenStack]
    errors: tuple[Finding, ...]
    untracked: tuple[Path, ...] = ()
    in_no_stack: tuple[str, ...] = ()


def stacks_here(project: Path, *, is_compared: bool, before: Collection[str] = ()) -> ProjectStacks:
    """Return the stacks of the working tree; a stack whose file is removed gets the defaults, as ``up`` gives it.

    Args:
        project: The folder of the stack files.
        is_compared: Whether they are compared with a revision; git must then show the files as they are read.
        before: Names of the stacks in that revision.

    Raises:
        UsageError: A stack file or the project file cannot be read, or names a path outside the project or an account
            that the inventory does not have.
        ConversionError: Git shows other text for a file than the text that is read.
        OutsideWorldError: git fails.
    """
    files = stack_files(project)
    repository = GitRepository.around(project / "inventory") if is_compared else None

    def compile_working_tree(inventory: Path, guardrails: Path | None) -> CompiledSide:
        if repository is None:
            return compiled_path(inventory, guardrails)
        return compiled_beside(repository, inventory, guardrails)

    compiled = _CompiledInventories(project, compile_working_tree)
    sides = {file.stack: compiled.of(file) for file in files}
    errors = tuple(dict.fromkeys(error for side in sides.values() for error in side.errors))
    taken = {file.stack: take(file, plan) for file in files if (plan := sides[file.stack].plan) is not None}
    untracked = [path for side in sides.values() for path in side.untracked]
    read = [*_stack_paths(project), *(path for path in [project / PROJECT_FILE_NAME] if exists(path))]
    untracked += untracked_files(repository.top, (), read) if repository else ()
    missed = _in_no_stack(files, sides, taken)
    for name in sorted(set(before) - {file.stack for file in files}):
        file = removed_stack(name, str(project / f"Pulumi.{name}.yaml"), project_file(project))
        taken[name] = _taken_or_fault(file, compiled)
    return ProjectStacks(taken, errors, tuple(dict.fromkeys(untracked)), missed)


def in_no_stack(plan: AccessPlan, stacks: Collection[TakenStack]) -> tuple[str, ...]:
    """Return the keys of accounts with roles or OIDC providers that none of the stacks takes; none without stacks."""
    taken = {key for stack in stacks for key in stack.accounts}
    used = (account.key for account in plan.accounts if account.roles or account.oidc_providers)
    return tuple(key for key in used if key not in taken) if stacks else ()


def _in_no_stack(
    files: Sequence[StackFile], sides: Mapping[str, CompiledSide], taken: Mapping[str, TakenStack]
) -> tuple[str, ...]:
    """Return the accounts of each inventory that none of its stacks takes."""
    missed: dict[str, None] = {}
    for inventory in dict.fromkeys(file.inventory for file in files):
        own = [file.stack for file in files if file.inventory == inventory]
        if (plan := sides[own[0]].plan) is not None:
            missed |= dict.fromkeys(in_no_stack(plan, [taken[name] for name in own if name in taken]))
    return tuple(missed)


def stack_files(project: Path) -> list[StackFile]:
    """Return the stack files of the working tree, sorted by name, with the defaults of the project file.

    Raises:
        UsageError: A stack file cannot be read, or Pulumi would read another file in its place.
    """
    known = project_file(project)
    return [parse_stack_file(path.name, _read(path), str(path), known) for path in _stack_paths(project)]


def project_file(project: Path) -> ProjectFile:
    """Return the settings of the project file in a folder; empty without one, as in a repository that uses the image.

    Raises:
        UsageError: It cannot be read, belongs to another project, or Pulumi would read another file in its place.
    """
    refuse_other_endings((path.name for path in project.iterdir()), f"{project}/")
    path = project / PROJECT_FILE_NAME
    return _project_file(_read(path) if exists(path) else None, str(path))


def _project_file(text: bytes | None, shown: str) -> ProjectFile:
    if text is None:
        return ProjectFile()
    file = parse_project_file(text, shown)
    refuse_other_project(file, shown)
    return file


def _stack_paths(project: Path) -> list[Path]:
    return [path for path in sorted(project.iterdir()) if FILE_NAME.fullmatch(path.name)]


def stacks_at(project: Path, base: str) -> ProjectStacks:
    """Return the stacks of a revision; a fault in one of its files is kept in that stack and not raised.

    So a change that repairs a stack can still be compared.

    Raises:
        UsageError: The revision does not exist, or Pulumi would read another file there in place of a read one.
        ConversionError: A checkout of the revision would change one of its files.
        OutsideWorldError: git fails.
    """
    repository = GitRepository.around(project / "inventory")
    commit = repository.commit(base)

    def compile_at_revision(inventory: Path, guardrails: Path | None) -> CompiledSide:
        around = GitRepository.around(inventory)
        if around.top != repository.top:
            what = f"{one_line(str(inventory))[:200]} is in another git repository than the stack files"
            raise ConversionError(what, do="keep stack files and inventory in one repository")
        return compiled_revision(around, base, commit, inventory, guardrails, is_before=True)

    compiled = _CompiledInventories(project, compile_at_revision)
    taken: dict[str, TakenStack] = {}
    files = repository.files_beside(commit, project, SETTINGS_FILE)
    refuse_other_endings(files, f"{base}:")
    known = _project_file(files.pop(PROJECT_FILE_NAME, None), f"{base}:{PROJECT_FILE_NAME}")
    for name, text in sorted(files.items()):
        shown, stack = f"{base}:{name}", FILE_NAME.sub(r"\1", name)
        try:
            taken[stack] = _taken_or_fault(parse_stack_file(name, text, shown, known), compiled)
        except ConversionError:
            raise
        except UsageError as error:
            if STACK_NAME.fullmatch(stack) is not None:  # else Pulumi refuses the name of the stack
                taken[stack] = TakenStack(StackFile(stack, one_line(shown)[:300], {}, (), {}), None, (), error.what)
    return ProjectStacks(taken, ())


def _taken_or_fault(file: StackFile, compiled: "_CompiledInventories") -> TakenStack:
    try:
        side = compiled.of(file)
        if side.plan is not None:
            return take(file, side.plan)
        fault = str(side.errors[0]) if side.errors else "there is no inventory"
    except ConversionError:
        raise  # not a fault of the revision: its content is unknown
    except UsageError as error:
        fault = error.what
    return TakenStack(file, None, (), fault)


class _CompiledInventories:
    """The inventories of one side, each compiled once, also if several stacks share it."""

    def __init__(self, project: Path, compile_inventory: Callable[[Path, Path | None], CompiledSide]) -> None:
        self._project = project
        self._compile = compile_inventory
        self._known: dict[tuple[Path, Path | None], CompiledSide] = {}

    def of(self, file: StackFile) -> CompiledSide:
        """Compile the inventory of a stack; raise UsageError if its path leads out of the project."""
        guardrails = None if file.guardrails is None else path_in_project(self._project, file.guardrails, file)
        key = path_in_project(self._project, file.inventory, file), guardrails
        if key not in self._known:
            self._known[key] = self._compile(*key)
        return self._known[key]


def path_in_project(project: Path, path: str, file: StackFile) -> Path:
    """Return the path that a stack file names; a branch must not lead the program to files outside the project.

    Raises:
        UsageError: The path leads out of the project.
    """
    named = project / path
    if not named.resolve().is_relative_to(project.resolve()):
        raise UsageError(f"{file.file}: {one_line(path)[:200]} leads out of the project", do="name a path inside")
    return named


def refuse_unreviewed_inventory(stacks: ProjectStacks, project: Path, inventory: Path, guardrails: Path | None) -> None:
    """Refuse a stack that uses another inventory than the reviewed one: no comparison would show its access.

    Args:
        stacks: The stacks of the working tree.
        project: The folder of the stack files.
        inventory: The reviewed inventory.
        guardrails: The reviewed guardrails file, or ``None`` for the file in that inventory.

    Raises:
        UsageError: A stack uses another inventory or other guardrails.
    """
    expected = inventory.resolve(), (guardrails or inventory / GUARDRAILS_NAME).resolve()
    for taken in stacks.taken.values():
        file = taken.file
        if file.is_removed:
            continue  # its removal is reported, and its preview shows the access of the defaults
        used = project / file.inventory
        rules = used / GUARDRAILS_NAME if file.guardrails is None else project / file.guardrails
        for key, path, reviewed in zip(("inventory", "guardrails"), (used, rules), expected, strict=True):
            if path.resolve() != reviewed:
                what = f"{file.file}: the stack uses {one_line(str(path))[:200]} as its {key}"
                raise UsageError(what, do=f"use the reviewed one, {one_line(str(reviewed))[:200]}")


def _read(path: Path) -> bytes:
    if path.is_symlink() or not path.is_file():
        raise UsageError(f"{one_line(str(path))} is not a regular file", do="put the stack file itself there")
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{one_line(str(path))} cannot be read: {error.strerror}") from error
