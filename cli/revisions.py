"""An inventory as it stands in a revision of its git repository, compiled."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from access.compile import compile_plan
from access.plan import AccessPlan
from cli.inventory import loaded_with
from config.findings import Finding, Level
from facts.git_revision import Repository

_Shown = Callable[[str], str]
"""Writes paths of a temporary folder as those of the revision: ``origin/main:inventory/base.yaml``."""


@dataclass(frozen=True, slots=True)
class CompiledSide:
    """What one inventory comes to.

    Attributes:
        plan: Or ``None`` where it has findings of level error, or is not there.
        errors: Those.
        is_absent: Whether there is no inventory in that revision.
    """

    plan: AccessPlan | None
    errors: tuple[Finding, ...] = ()
    is_absent: bool = False


def compiled_path(path: Path, guardrails: Path | None, shown: _Shown = str) -> CompiledSide:
    """Compile an inventory in the working tree; ``shown`` writes paths in its findings."""
    found = compile_plan(loaded_with(path, guardrails))
    errors = tuple(_renamed(one, shown) for one in found.findings if one.level is Level.ERROR)
    return CompiledSide(found.plan, errors)


def compiled_revision(
    repository: Repository, name: str, commit: str, inventory: Path, guardrails: Path | None
) -> CompiledSide:
    """Compile the inventory of a revision, with the guardrails of that revision.

    Args:
        repository: Around the inventory.
        name: What to call the revision: ``origin/main``.
        commit: Its hash.
        inventory: Its path in the working tree; it need not be there any longer.
        guardrails: Likewise, or ``None``.
    """
    with tempfile.TemporaryDirectory(prefix="bitbucket-oidc-") as made:
        folder, beside = Path(made).resolve() / "inventory", Path(made).resolve() / "guardrails"
        folder.mkdir()
        found = repository.write_inventory(commit, folder)
        if found is None:
            return CompiledSide(None, is_absent=True)
        rules = guardrails and repository.write_guardrails(commit, guardrails, found, beside)
        names = [(str(found), f"{name}:{inventory}"), (str(folder), f"{name}:{inventory}")]
        names += [(str(rules), f"{name}:{guardrails}")] if rules and rules != guardrails else []
        return compiled_path(found, rules, lambda text: _with_names(text, sorted(names, reverse=True)))


def _with_names(text: str, names: Sequence[tuple[str, str]]) -> str:
    for path, shown in names:
        text = text.replace(path, shown)
    return text


def _renamed(finding: Finding, shown: _Shown) -> Finding:
    place = replace(finding.place, file=shown(finding.place.file))
    return replace(finding, place=place, message=shown(finding.message), hint=shown(finding.hint))
