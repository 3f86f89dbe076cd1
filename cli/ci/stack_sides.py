"""The stacks of a project, in the working tree and in a revision, each with the plan of its inventory."""

import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from access.plan import AccessPlan
from access.stacks import TakenStack
from cli.ci.project_inventories import ProjectFleet, ProjectInventories
from cli.ci.stack_files import parsed_project_file, path_in_project, project_file, stack_files, stack_paths
from cli.revisions import CompiledSide, compiled_beside, compiled_path, compiled_revision
from config.findings import Finding, one_line
from config.inventory_files import GUARDRAILS_NAME
from config.project_file import PROJECT_FILE_NAME, SETTINGS_FILE, ProjectFile, refuse_other_endings
from config.stack_file import FILE_NAME, STACK_NAME, StackFile, fleet_stack, parse_stack_file, removed_stack
from config.yaml.text import exists
from facts.git import GitRepository
from facts.git_conversions import untracked_files
from oidc.errors import ConversionError, UsageError


@dataclass(frozen=True, slots=True)
class ProjectStacks:
    """All stacks of the working tree or of a revision: those with a file, and one for each account of a fleet.

    Attributes:
        taken: The stacks by name, each with its part of the plan.
        errors: Findings of level error in their inventories, without repetition.
        untracked: Files of the working tree that they are read from and that are in no revision.
        in_no_stack: Keys of accounts with roles or OIDC providers that no stack of their inventory takes.
        guardrails: The file that ``rollout`` names, by the path of the inventory; links in both are resolved.
        by_fleet: Digests of the stacks that have a file and that ``fleet``, which does not read it, applies otherwise.
        fault: Why an inventory of the revision cannot be compiled, so that it may be a fleet, or the empty string.
    """

    taken: Mapping[str, TakenStack]
    errors: tuple[Finding, ...]
    untracked: tuple[Path, ...] = ()
    in_no_stack: tuple[str, ...] = ()
    guardrails: Mapping[Path, Path] = field(default_factory=dict)
    by_fleet: Mapping[str, str] = field(default_factory=dict)
    fault: str = ""

    @property
    def in_two_stacks(self) -> Mapping[str, tuple[str, ...]]:
        """The names of the stacks of each account that another stack than that of the fleet takes too, by its key."""
        keys = {key for stack in self.taken.values() if stack.file.is_of_fleet for key in stack.accounts}
        holders: dict[str, list[str]] = {key: [] for key in sorted(keys)}
        for name, stack in sorted(self.taken.items()):
            for key in () if stack.file.is_removed else stack.accounts:
                if key in keys:
                    holders[key].append(name)
        return {key: tuple(names) for key, names in holders.items() if len(names) > 1}


def stacks_here(
    project: Path, *, is_compared: bool, before: Collection[str] = (), inventory: Path | None = None
) -> ProjectStacks:
    """Return the stacks of the working tree; a stack whose file is removed gets the defaults, as ``up`` gives it.

    Args:
        project: The folder of the stack files.
        is_compared: Whether they are compared with a revision; git must then show the files as they are read.
        before: Names of the stacks in that revision.
        inventory: The reviewed inventory; as that of the project, it may be a fleet without stack files.

    Raises:
        UsageError: A stack file or the project file cannot be read, or names a path outside the project or an account
            that the inventory does not have.
        ConversionError: Git shows other text for a file than the text that is read.
        OutsideWorldError: git fails.
    """
    files, known = stack_files(project), project_file(project)
    repository = GitRepository.around(project / "inventory") if is_compared else None

    def compile_working_tree(path: Path, guardrails: Path | None) -> CompiledSide:
        if not exists(path) and all((project / file.inventory) != path for file in files):
            return CompiledSide(None, is_absent=True)
        if repository is None:
            return compiled_path(path, guardrails)
        return compiled_beside(repository, path, guardrails)

    inventories = ProjectInventories(project, known, compile_working_tree)
    parts = {file.stack: inventories.take(file) for file in files}
    taken = {name: part for name, part in parts.items() if part.digest is not None or part.is_refused}
    fleets = list(inventories.fleets(files, _in(project, inventory)))
    guardrails = dict(_guardrails_of(project, fleet) for fleet in fleets)
    own = {stack.file.stack: stack for fleet in fleets for stack in fleet.stacks(())}
    by_fleet = {
        name: str(stack.digest) for name, stack in own.items() if name in taken and stack.digest != taken[name].digest
    }
    taken |= {name: stack for name, stack in own.items() if name not in parts}
    read = [*stack_paths(project), *(path for path in [project / PROJECT_FILE_NAME] if exists(path))]
    untracked = [*inventories.untracked, *(untracked_files(repository.top, (), read) if repository else ())]
    missed = _in_no_stack(taken, inventories)
    taken |= _removed(sorted({*before} - {*taken} - {*parts}), project, known, inventories)
    return ProjectStacks(taken, inventories.errors, tuple(dict.fromkeys(untracked)), missed, guardrails, by_fleet)


def _in(project: Path, inventory: Path | None) -> str | None:
    return os.path.relpath(inventory, project) if inventory is not None else None


def _guardrails_of(project: Path, fleet: ProjectFleet) -> tuple[Path, Path]:
    """Return the paths of a fleet's inventory and guardrails; a branch must not lead out of the project."""
    inventory = project / fleet.path
    folder = inventory if inventory.is_dir() else inventory.parent
    path = os.path.relpath(folder / (fleet.rollout.guardrails or GUARDRAILS_NAME), project)
    if fleet.rollout.guardrails is not None:
        path_in_project(project, path, fleet_stack("", fleet.path, None, None))
    return inventory.resolve(), (project / path).resolve()


def _removed(
    names: Iterable[str], project: Path, known: ProjectFile, inventories: ProjectInventories
) -> dict[str, TakenStack]:
    """Return stacks without a file, with the defaults; they differ only by their names."""
    removed: dict[str, TakenStack] = {}
    for name in names:
        file = removed_stack(name, str(project / f"Pulumi.{name}.yaml"), known)
        first = next(iter(removed.values()), None)
        removed[name] = inventories.taken_or_fault(file) if first is None else replace(first, file=file)
    return removed


def in_no_stack(plan: AccessPlan, stacks: Collection[TakenStack]) -> tuple[str, ...]:
    """Return the keys of accounts with roles or OIDC providers that none of the stacks takes; none without stacks."""
    taken = {key for stack in stacks for key in stack.accounts}
    used = (account.key for account in plan.accounts if account.roles or account.oidc_providers)
    return tuple(key for key in used if key not in taken) if stacks else ()


def _in_no_stack(taken: Mapping[str, TakenStack], inventories: ProjectInventories) -> tuple[str, ...]:
    """Return the accounts of each inventory that none of its stacks takes."""
    by_inventory: dict[str, list[TakenStack]] = {}
    for stack in taken.values():
        by_inventory.setdefault(stack.file.inventory, []).append(stack)
    plans = [(inventories.of(stacks[0].file).plan, stacks) for stacks in by_inventory.values()]
    return tuple(dict.fromkeys(key for plan, stacks in plans if plan is not None for key in in_no_stack(plan, stacks)))


def stacks_at(project: Path, base: str, inventory: Path | None = None) -> ProjectStacks:
    """Return the stacks of a revision; a fault in one of its files is kept in that stack and not raised.

    So a change that repairs a stack can still be compared.

    Args:
        project: The folder of the stack files.
        base: The revision.
        inventory: As for ``stacks_here``.

    Raises:
        UsageError: The revision does not exist, or Pulumi would read another file there in place of a read one.
        ConversionError: A checkout of the revision would change one of its files.
        OutsideWorldError: git fails.
    """
    repository = GitRepository.around(project / "inventory")
    commit = repository.commit(base)

    def compile_at_revision(path: Path, guardrails: Path | None) -> CompiledSide:
        around = GitRepository.around(path)
        if around.top != repository.top:
            what = f"{one_line(str(path))[:200]} is in another git repository than the stack files"
            raise ConversionError(what, do="keep stack files and inventory in one repository")
        return compiled_revision(around, base, commit, path, guardrails, is_before=True)

    files = repository.files_beside(commit, project, SETTINGS_FILE)
    refuse_other_endings(files, f"{base}:")
    known = parsed_project_file(files.pop(PROJECT_FILE_NAME, None), f"{base}:{PROJECT_FILE_NAME}")
    inventories = ProjectInventories(project, known, compile_at_revision)
    taken: dict[str, TakenStack] = {}
    sound: list[StackFile] = []
    for name, text in sorted(files.items()):
        shown, stack = f"{base}:{name}", FILE_NAME.sub(r"\1", name)
        try:
            file = parse_stack_file(name, text, shown, known)
            taken[stack] = inventories.taken_or_fault(file)
            inventories.of(file)
            sound.append(file)
        except ConversionError:
            raise
        except UsageError as error:
            if STACK_NAME.fullmatch(stack) is not None:  # else Pulumi refuses the name of the stack
                broken = StackFile(stack, one_line(shown)[:300], {}, (), {})
                taken.setdefault(stack, TakenStack(broken, None, (), error.what))
    fault = ""
    try:
        for fleet in inventories.fleets(sound, _in(project, inventory)):
            taken |= {stack.file.stack: stack for stack in fleet.stacks({*taken})}
    except ConversionError:
        raise
    except UsageError as error:
        fault = error.what
    return ProjectStacks(taken, errors := inventories.errors, fault=fault or (str(errors[0]) if errors else ""))


def refuse_unreviewed_inventory(stacks: ProjectStacks, project: Path, inventory: Path, guardrails: Path | None) -> None:
    """Refuse a stack that uses another inventory than the reviewed one: no comparison would show its access.

    Args:
        stacks: The stacks of the working tree.
        project: The folder of the stack files.
        inventory: The reviewed inventory.
        guardrails: The reviewed guardrails file, or ``None`` for the file that the inventory names or holds.

    Raises:
        UsageError: A stack uses another inventory or other guardrails.
    """

    def rules_of(path: Path) -> Path:
        return stacks.guardrails.get(path.resolve(), path / GUARDRAILS_NAME)

    expected = inventory.resolve(), (guardrails or rules_of(inventory)).resolve()
    for taken in stacks.taken.values():
        file = taken.file
        if file.is_removed:
            continue  # its removal is reported, and its preview shows the access of the defaults
        used = project / file.inventory
        rules = rules_of(used) if file.guardrails is None else project / file.guardrails
        for key, path, reviewed in zip(("inventory", "guardrails"), (used, rules), expected, strict=True):
            if path.resolve() != reviewed:
                what = f"{file.file}: the stack uses {one_line(str(path))[:200]} as its {key}"
                raise UsageError(what, do=f"use the reviewed one, {one_line(str(reviewed))[:200]}")
