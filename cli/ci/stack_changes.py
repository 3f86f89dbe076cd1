"""Which stacks a change touches: each stack file, now and in a revision, with what its inventory comes to."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from access.stack_plan import plan_digest, taken_accounts
from cli.revisions import CompiledSide, compiled_path, compiled_revision
from config.findings import Finding, one_line
from config.stack_file import FILE_NAME, StackFile, parse_stack_file
from facts.git_revision import Repository
from oidc.errors import UsageError


class Change(StrEnum):
    """What a change does to a stack."""

    CHANGED = "changed"
    UNCHANGED = "unchanged"
    ADDED = "added"
    REMOVED = "removed"
    NOT_COMPARED = "not-compared"
    """There is nothing to compare with: no revision was named, or its inventory has findings of level error."""


@dataclass(frozen=True, slots=True)
class StackChange:
    """One stack.

    Attributes:
        stack: Its name.
        change: What the change does to it.
        accounts: Keys of the accounts that it takes now, sorted.
        digest: Of what it takes of the plan now, or ``None`` where it is removed.
        base_digest: Likewise in the revision, or ``None``.
        settings: The stack config as it is now, paths made absolute.
        surroundings: All else of the stack file, of the revision where there is one.
    """

    stack: str
    change: Change
    accounts: tuple[str, ...]
    digest: str | None
    base_digest: str | None
    settings: Mapping[str, Any]
    surroundings: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class StackChanges:
    """All stacks.

    Attributes:
        stacks: Sorted by name; empty where an inventory has errors.
        errors: Findings of level error in the inventories as they are now, each once.
        notes: Sentences for people.
    """

    stacks: tuple[StackChange, ...]
    errors: tuple[Finding, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Taken:
    """What a stack takes on one side: digest and accounts, or the errors that keep it from it."""

    file: StackFile
    digest: str | None
    accounts: tuple[str, ...]
    errors: tuple[Finding, ...]


_Compile = Callable[[Path, Path | None], CompiledSide]


def stack_changes(project: Path, base: str | None) -> StackChanges:
    """Compare the stacks of a project with those in a revision, or list them where none is named.

    Raises:
        UsageError: A stack file cannot be read, names something outside the project or an account that is not there, or
            the revision is none.
        OutsideWorldError: git failed.
    """
    here = {name: _read(path) for name, path in _files(project)}
    now = _taken(here, project, str, compiled_path)
    errors = tuple(dict.fromkeys(error for taken in now.values() for error in taken.errors))
    if errors:
        return StackChanges((), errors, ())
    if base is None:
        return StackChanges(tuple(_stack(project, taken, None) for _, taken in sorted(now.items())), (), ())
    then = _taken_at(project, base)
    names = sorted(now.keys() | then.keys())
    stacks = tuple(_compared(project, now.get(name), then.get(name)) for name in names)
    return StackChanges(stacks, (), (*_notes(now, then), *_absences(stacks, base)))


def _files(project: Path) -> list[tuple[str, Path]]:
    return [(path.name, path) for path in sorted(project.iterdir()) if FILE_NAME.fullmatch(path.name)]


def _read(path: Path) -> bytes:
    if path.is_symlink() or not path.is_file():
        raise UsageError(f"{one_line(str(path))} is no file", do="put the stack file itself there")
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{one_line(str(path))} cannot be read: {error.strerror}") from error


def _taken_at(project: Path, base: str) -> dict[str, _Taken]:
    repository = Repository.around(project / "inventory")
    commit = repository.commit(base)
    texts = repository.files_beside(commit, project, FILE_NAME)

    def compile_there(inventory: Path, guardrails: Path | None) -> CompiledSide:
        return compiled_revision(Repository.around(inventory), base, commit, inventory, guardrails)

    return _taken(texts, project, lambda name: f"{base}:{name}", compile_there)


def _taken(
    texts: Mapping[str, bytes], project: Path, shown: Callable[[str], str], compile_it: _Compile
) -> dict[str, _Taken]:
    """Work out what each stack takes; an inventory that several stacks share is compiled once."""
    compiled: dict[tuple[Path, Path | None], CompiledSide] = {}
    found: dict[str, _Taken] = {}
    for name, text in texts.items():
        file = parse_stack_file(name, text, shown(name))
        if file.stack in found:
            raise UsageError(f"{file.file} and {found[file.stack].file.file} are of one stack", do="remove one of them")
        guardrails = None if file.guardrails is None else _inside(project, file.guardrails, file)
        where = _inside(project, file.inventory, file), guardrails
        if where not in compiled:
            compiled[where] = compile_it(*where)
        found[file.stack] = _of(file, compiled[where])
    return found


def _of(file: StackFile, side: CompiledSide) -> _Taken:
    if side.plan is None:
        return _Taken(file, None, (), side.errors)
    keys = taken_accounts(file.accounts, [account.key for account in side.plan.accounts], f"{file.file}: accounts")
    influencing = {key: file.settings[key] for key in ("protectOidcProviders",) if key in file.settings}
    return _Taken(file, plan_digest(side.plan.only(keys), influencing), tuple(sorted(keys)), ())


def _inside(project: Path, path: str, file: StackFile) -> Path:
    """Return a path that a stack file names; what a branch brings may lead nowhere else than into the project."""
    found = project / path
    if not found.resolve().is_relative_to(project.resolve()):
        raise UsageError(f"{file.file}: {one_line(path)[:200]} leads out of the project", do="name a path inside")
    return found


def _compared(project: Path, now: _Taken | None, then: _Taken | None) -> StackChange:
    if now is None:
        assert then is not None  # noqa: S101 - a name comes from one of the two sides
        return StackChange(then.file.stack, Change.REMOVED, (), None, then.digest, {}, {})
    return _stack(project, now, then, is_new=then is None)


def _stack(project: Path, now: _Taken, then: _Taken | None, *, is_new: bool = False) -> StackChange:
    base_digest = then.digest if then else None
    if is_new:
        change = Change.ADDED
    elif base_digest is None:
        change = Change.NOT_COMPARED
    else:
        change = Change.UNCHANGED if now.digest == base_digest else Change.CHANGED
    paths = {"inventory": now.file.inventory} | ({"guardrails": now.file.guardrails} if now.file.guardrails else {})
    settings = {**now.file.settings, **{key: str((project / path).resolve()) for key, path in paths.items()}}
    surroundings = (then or now).file.surroundings
    return StackChange(now.file.stack, change, now.accounts, now.digest, base_digest, settings, surroundings)


def _notes(now: Mapping[str, _Taken], then: Mapping[str, _Taken]) -> list[str]:
    found = [f"{taken.file.file}: {key} is left out" for taken in now.values() for key in taken.file.others]
    broken = sorted(name for name, taken in then.items() if taken.errors)
    if broken:
        first = then[broken[0]].errors[0]
        found.append(
            f"{', '.join(broken)} cannot be compared, the inventory there has findings of level error: {first}"
        )
    return found


def _absences(stacks: tuple[StackChange, ...], base: str) -> list[str]:
    said = {
        Change.ADDED: f"is new: it has no preview before it is in {base} and made with `pulumi stack init`",
        Change.REMOVED: "has no file any longer; what it made stays until somebody destroys it",
    }
    return [f"stack {stack.stack} {said[stack.change]}" for stack in stacks if stack.change in said]
