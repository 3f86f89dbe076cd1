"""The two sides of a comparison: inventories, plans in files, and revisions of a git repository."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from access.comparison.view import NOTHING, PlanView
from access.plan_reading import read_plan
from cli.inventory import compiled
from config.findings import Finding, Level
from facts.git_revision import Repository
from oidc.errors import UsageError

_Shown = Callable[[str], str]
"""Writes paths of a temporary folder as those of the revision: ``origin/main:inventory/base.yaml``."""

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
    """

    name: str
    plan: PlanView | None
    errors: tuple[Finding, ...] = ()
    is_absent: bool = False


def sides(before: str, after: str | None, inventory: Path | None) -> tuple[Side, Side]:
    """Read both sides; ``after`` left out is the inventory as it stands.

    Raises:
        UsageError: One of them is no path, plan or revision.
    """
    current = inventory or Path("inventory")
    if after is None and (found := _range(before)):
        one, other, both = found
        repository = Repository.around(current)
        commit = repository.merge_base(one, other) if both else repository.commit(one)
        return _at(repository, one, commit, current), _at(repository, other, repository.commit(other), current)
    if after is None and _is_path(before) and Path(before).absolute() == current.absolute():
        do = f"name what to compare it with: an inventory, a plan, or a git revision, such as HEAD; see {GIT}NAME"
        raise UsageError(f"{before} would be compared with itself", do=do)
    if inventory is not None and _is_path(before) and after is not None and _is_path(after):
        raise UsageError("--inventory says which inventory of a revision is meant, and both sides are paths")
    old = _side(before, current)
    return old, _of_path(current) if after is None else _side(after, current)


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


def _side(text: str, inventory: Path) -> Side:
    if not text:
        raise UsageError("an empty name is neither a path nor a git revision")
    if _is_path(text):
        return _of_path(Path(text))
    repository = Repository.around(inventory)
    revision = text.removeprefix(GIT)
    return _at(repository, revision, repository.commit(revision), inventory)


def _of_path(path: Path) -> Side:
    if path.suffix.lower() == ".json" and path.is_file():
        return Side(str(path), read_plan(path))
    return _compiled(path, str(path), lambda text: text)


def _at(repository: Repository, name: str, commit: str, inventory: Path) -> Side:
    with tempfile.TemporaryDirectory(prefix="bitbucket-oidc-") as made:
        folder = Path(made).resolve()
        found = repository.write_inventory(commit, folder)
        if found is None:
            return Side(name, NOTHING, is_absent=True)
        shown = f"{name}:{inventory}"
        return _compiled(found, name, lambda text: text.replace(str(found), shown).replace(str(folder), shown))


def _compiled(path: Path, name: str, shown: _Shown) -> Side:
    found = compiled(path)
    errors = tuple(_renamed(one, shown) for one in found.findings if one.level is Level.ERROR)
    return Side(name, None if found.plan is None else PlanView.of(found.plan), errors)


def _renamed(finding: Finding, shown: _Shown) -> Finding:
    place = replace(finding.place, file=shown(finding.place.file))
    return replace(finding, place=place, message=shown(finding.message), hint=shown(finding.hint))
