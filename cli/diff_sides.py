"""The two sides of a comparison: inventories, plans in files, and revisions of a git repository."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from access.comparison.changes import Comparison
from access.comparison.compare import compare
from access.comparison.rollout_changes import Fleet, files_in_fleet, rollout_changes
from access.comparison.stack_file_changes import locked_chain_changes, stack_file_changes
from access.comparison.view import NOTHING, PlanView
from access.plan_reading import read_plan
from cli.revisions import CompiledSide, compiled_beside, compiled_path, compiled_revision
from config.findings import Finding, one_line
from config.project_file import (
    PROJECT_FILE_NAME,
    SETTINGS_FILE,
    parse_project_file,
    refuse_other_endings,
    settings_parts,
)
from facts.git import GitRepository
from oidc.errors import UsageError

GIT = "git:"
"""In front of a revision that is the name of a path as well; no name of git's has a colon."""


@dataclass(frozen=True, slots=True)
class Side:
    """One side.

    Attributes:
        name: What to call it: ``origin/main``, ``inventory``.
        plan: Or ``None`` where the inventory has findings of level error.
        errors: Those.
        is_absent: Whether there is no inventory in that revision.
        untracked: Files of the working tree that it was read from, and that are in no revision.
        stack_files: The stack and project files around the inventory, by their paths from its folder, each with its
            parts; ``None`` for a plan in a file.
        chains: Thumbprints of issuers' certificates in the lock, by workspace.
        warnings: Findings of level warning, without those on deployed templates.
        fleet: Of an inventory with ``rollout``.
        compiled: The compiled inventory; ``None`` for a plan in a file.
        is_revision: Whether it is read from git, and not from the working tree.
    """

    name: str
    plan: PlanView | None
    errors: tuple[Finding, ...] = ()
    is_absent: bool = False
    untracked: tuple[Path, ...] = ()
    stack_files: Mapping[str, Mapping[str, str]] | None = None
    chains: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    warnings: tuple[Finding, ...] = ()
    fleet: Fleet | None = None
    compiled: CompiledSide | None = None
    is_revision: bool = False


def sides(before: str, after: str | None, inventory: Path | None, guardrails: Path | None) -> tuple[Side, Side]:
    """Read both sides; ``after`` left out is the inventory as it stands.

    Args:
        before: As written.
        after: Likewise, or ``None``.
        inventory: Which one of a revision, or ``None`` for the default.
        guardrails: The file that holds for both sides, as it stands in the revision of each, or ``None``.

    Raises:
        UsageError: One of them is no path, plan or revision.
        ConversionError: Git shows of a file something else than is read of it.
    """
    current = inventory or Path("inventory")
    if after is None and (found := _range(before)):
        one, other, both = found
        repository = GitRepository.around(current)
        commit = repository.merge_base(one, other) if both else repository.commit(one)
        other_commit = repository.commit(other)
        old = _at(repository, one, commit, current, guardrails, is_before=True)
        return old, _at(repository, other, other_commit, current, guardrails, is_before=False)
    if after is None and _is_path(before) and Path(before).absolute() == current.absolute():
        do = f"name what to compare it with: an inventory, a plan, or a git revision, such as HEAD; see {GIT}NAME"
        raise UsageError(f"{before} would be compared with itself", do=do)
    if inventory is not None and _is_path(before) and after is not None and _is_path(after):
        raise UsageError("--inventory names the inventory in a revision, but both sides are paths")
    has_revision = not all(text is None or _is_path(text) for text in (before, after))
    old = _side(before, current, guardrails, has_revision=has_revision, is_before=True)
    if after is None:
        return old, _of_path(current, guardrails, has_revision=has_revision, is_before=False)
    return old, _side(after, current, guardrails, has_revision=has_revision, is_before=False)


def _range(text: str) -> tuple[str, str, bool] | None:
    """Split ``A..B`` and ``A...B``, in which a side left out is HEAD, as git has it."""
    if ".." not in text or _is_path(text):
        return None
    text = text.removeprefix(GIT)
    both = "..." in text
    one, _, other = text.partition("..." if both else "..")
    return one or "HEAD", other or "HEAD", both


def _is_path(text: str) -> bool:
    return not text.startswith(GIT) and (text.startswith(("/", "./", "../")) or _exists(Path(text)))


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # longer than a name may be, or with a NUL
        return False


def _side(text: str, inventory: Path, guardrails: Path | None, *, has_revision: bool, is_before: bool) -> Side:
    if not text:
        raise UsageError("an empty name is neither a path nor a git revision")
    if _is_path(text):
        return _of_path(Path(text), guardrails, has_revision=has_revision, is_before=is_before)
    repository = GitRepository.around(inventory)
    revision = text.removeprefix(GIT)
    return _at(repository, revision, repository.commit(revision), inventory, guardrails, is_before=is_before)


def _of_path(path: Path, guardrails: Path | None, *, has_revision: bool, is_before: bool) -> Side:
    if path.suffix.lower() == ".json" and path.is_file():
        return Side(str(path), read_plan(path))
    files = {name: file for level, folder in _around(path) for name, file in _stack_files(level, folder)}
    repository = GitRepository.if_around(path) if has_revision else None
    found = (
        compiled_path(path, guardrails, is_before=is_before)
        if repository is None
        else compiled_beside(repository, path, guardrails, files.values())
    )
    return _seen(str(path), found, {name: _parts(file.name, _content(file), str(file)) for name, file in files.items()})


def _at(
    repository: GitRepository, name: str, commit: str, inventory: Path, guardrails: Path | None, *, is_before: bool
) -> Side:
    found = compiled_revision(repository, name, commit, inventory, guardrails, is_before=is_before)
    parts: dict[str, Mapping[str, str]] = {}
    for level, folder in _around(inventory):
        if folder.is_relative_to(repository.top):
            for file, content in repository.files_beside(commit, folder, SETTINGS_FILE).items():
                parts["../" * level + file] = _parts(file, content, f"{name}:{'../' * level}{file}")
    return replace(_seen(name, found, parts), is_revision=True)


def _seen(name: str, found: CompiledSide, stack_files: Mapping[str, Mapping[str, str]]) -> Side:
    plan = NOTHING if found.is_absent else None if found.plan is None else PlanView.of(found.plan)
    return Side(
        name,
        plan,
        found.errors,
        found.is_absent,
        found.untracked,
        stack_files,
        found.chains,
        found.warnings,
        found.fleet,
        found,
    )


def _parts(name: str, text: bytes, shown: str) -> Mapping[str, str]:
    """Return the parts of a stack or project file; what Pulumi would take in its place is refused."""
    refuse_other_endings([name], shown.removesuffix(name))
    return parse_project_file(text, shown).parts if name == PROJECT_FILE_NAME else settings_parts(text, shown)


def _around(inventory: Path) -> list[tuple[int, Path]]:
    """Return the folders above an inventory, up to that of its repository; the first alone where it is in none.

    A stack's inventory is inside of its project, so the files of project and stacks are in these folders.
    """
    folders = list(inventory.absolute().parent.resolve().parents)
    folders.insert(0, inventory.absolute().parent.resolve())
    top = next((number for number, folder in enumerate(folders) if (folder / ".git").exists()), 0)
    return list(enumerate(folders[: top + 1]))


def _stack_files(level: int, folder: Path) -> Iterator[tuple[str, Path]]:
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        if SETTINGS_FILE.fullmatch(path.name):
            yield "../" * level + path.name, path


def _content(path: Path) -> bytes:
    """Return the text of a stack file as ``up`` reads it, over a link too; beside a revision links are refused."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{one_line(str(path))[:300]} cannot be read: {error.strerror}") from error


def compared(old: Side, new: Side) -> Comparison | None:
    """Compare two sides, what is in no plan too; ``None`` where one has findings of level error."""
    if old.plan is None or new.plan is None:
        return None
    if old.stack_files is None or new.stack_files is None:
        return compare(old.plan, new.plan)
    further = [*rollout_changes(old.fleet, new.fleet), *stack_file_changes(old.stack_files, new.stack_files)]
    if new.fleet is not None:
        was_fleet, keys = old.fleet is not None, frozenset(account.key for account in new.plan.accounts)
        further += files_in_fleet(old.stack_files, new.stack_files, was_fleet=was_fleet, keys=keys)
    return compare(old.plan, new.plan, [*further, *locked_chain_changes(old.chains, new.chains)])


def not_in_git(path: Path) -> str:
    """Say that a file is compared, though no revision has it."""
    return f"{one_line(str(path))[:300]} is compared, but git does not track it: no revision has it"
