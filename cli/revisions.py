"""An inventory, compiled from a revision of its git repository or from the working tree."""

import os
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from access.comparison.rollout_changes import Fleet
from access.compile import compile_plan
from access.plan import AccessPlan
from cli.inventory import loaded_with
from config.findings import Finding, Level, one_line
from config.inventory_files import LOCK_NAME, Locate
from config.load import Loaded
from config.models.inventory import Inventory
from config.yaml.text import exists
from facts.git import GitRepository
from facts.git_conversions import refuse_links, refuse_submodule, untracked_files
from fleet.waves import waves_of
from oidc.errors import ConversionError

_PathRenaming = Callable[[str], str]
"""Replaces paths of a temporary folder in a text by those of the revision: ``origin/main:inventory/base.yaml``."""


@dataclass(frozen=True, slots=True)
class CompiledSide:
    """One compiled inventory of a comparison.

    Attributes:
        plan: The plan, or ``None`` if the inventory has findings of level error or does not exist.
        errors: The findings of level error.
        is_absent: Whether the revision has no inventory.
        untracked: Files of the working tree that it was read from and that are in no revision.
        templates: The findings on accounts whose deployed template is too old.
        warnings: The other findings of level warning.
        chains: From its lock, by workspace: the thumbprints of the certificates of the issuer, leaf first.
        fleet: Or ``None`` for an inventory without ``rollout``.
    """

    plan: AccessPlan | None
    errors: tuple[Finding, ...] = ()
    is_absent: bool = False
    untracked: tuple[Path, ...] = ()
    templates: tuple[Finding, ...] = ()
    warnings: tuple[Finding, ...] = ()
    chains: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    fleet: Fleet | None = None


def compiled_path(
    path: Path,
    guardrails: Path | None,
    shown: _PathRenaming = str,
    *,
    is_before: bool = False,
    locate: Locate | None = None,
) -> CompiledSide:
    """Compile an inventory from files.

    Args:
        path: The inventory.
        guardrails: The guardrails file, or ``None`` for the file in the inventory.
        shown: Renames paths in its findings.
        is_before: Whether it is the older side of a comparison: its ``requires`` then does not count, so that an
            upgrade can be compared.
        locate: Where the guardrails file is that ``rollout`` names; by default from the inventory's folder.
    """
    return _compiled(loaded_with(path, guardrails, any_version=is_before, locate=locate), shown)


def compiled_beside(
    repository: GitRepository, path: Path, guardrails: Path | None, stack_files: Iterable[Path] = ()
) -> CompiledSide:
    """Compile an inventory of the working tree, for a comparison with a revision.

    Args:
        repository: The git repository of the inventory.
        path: The inventory.
        guardrails: The guardrails file, or ``None`` for the file in the inventory.
        stack_files: Stack files that are compared with the inventory.

    Raises:
        UsageError: A link leads elsewhere.
        ConversionError: Git shows other text for one of its files than the text that is read.
        OutsideWorldError: git fails.
    """
    refuse_links(repository.top, path)
    folder = path if path.is_dir() else path.parent
    loaded = loaded_with(path, guardrails, locate=lambda named: _inside(repository, folder, named))
    sources = loaded.sources
    lock = sources.folder / LOCK_NAME
    read = [source.path for source in (*sources.files, *sources.policy_files.values())]
    read += [lock] if exists(lock) else []
    read += stack_files
    around = [path, *([guardrails] if guardrails else [])]
    untracked = untracked_files(repository.top, around, dict.fromkeys(read))
    return replace(_compiled(loaded, str), untracked=untracked)


_TEMPLATE = "template-outdated"


def _compiled(loaded: Loaded, shown: _PathRenaming) -> CompiledSide:
    result = compile_plan(loaded)
    errors = tuple(_renamed(finding, shown) for finding in result.findings if finding.level is Level.ERROR)
    issuers = loaded.lock.lock.issuers.items()
    chains = {slug: tuple(certificate.thumbprint for certificate in issuer.chain) for slug, issuer in issuers}
    warnings = [_renamed(finding, shown) for finding in result.findings if finding.level is Level.WARNING]
    templates = tuple(finding for finding in warnings if finding.rule == _TEMPLATE)
    others = tuple(finding for finding in warnings if finding.rule != _TEMPLATE)
    fleet = fleet_of(loaded.inventory)
    return CompiledSide(result.plan, errors, templates=templates, warnings=others, chains=chains, fleet=fleet)


def fleet_of(inventory: Inventory) -> Fleet | None:
    """Return the fleet of an inventory, or ``None`` without ``rollout``."""
    if inventory.rollout is None:
        return None
    waves = waves_of(inventory.rollout, inventory.accounts)
    return Fleet(inventory.rollout, {key: wave.name for wave in waves for key in wave.keys})


def compiled_revision(
    repository: GitRepository, name: str, commit: str, inventory: Path, guardrails: Path | None, *, is_before: bool
) -> CompiledSide:
    """Compile the inventory of a revision, with the guardrails of that revision.

    Args:
        repository: The git repository of the inventory.
        name: The revision as the user wrote it: ``origin/main``.
        commit: The hash of its commit.
        inventory: The path in the working tree, where the inventory need not exist any more.
        guardrails: The guardrails file, likewise, or ``None`` for the file in the inventory.
        is_before: As in ``compiled_path``.

    Raises:
        UsageError: A link or a submodule leads elsewhere.
        ConversionError: A checkout of the revision would change one of its files.
        OutsideWorldError: git fails.
    """
    refuse_submodule(repository.top)
    for path in (inventory, *([guardrails] if guardrails else [])):
        refuse_links(repository.top, path)
    with tempfile.TemporaryDirectory(prefix="bitbucket-oidc-") as temporary:
        folder, beside = Path(temporary).resolve() / "inventory", Path(temporary).resolve() / "guardrails"
        folder.mkdir()
        copy = repository.write_inventory(commit, folder)
        if copy is None:
            return CompiledSide(None, is_absent=True)
        rules = guardrails and repository.write_guardrails(commit, guardrails, copy, beside)
        names = [(str(copy), f"{name}:{inventory}"), (str(folder), f"{name}:{inventory}")]
        names += [(str(rules), f"{name}:{guardrails}")] if rules and rules != guardrails else []

        def locate(named: str) -> Path:
            file = _inside(repository, inventory if copy.is_dir() else inventory.parent, named)
            at_commit = repository.write_guardrails(commit, file, copy, beside) or beside / file.name
            names.append((str(at_commit), f"{name}:{file}"))
            return at_commit

        def shown(text: str) -> str:
            return _with_names(text, sorted(names, reverse=True))

        return compiled_path(copy, rules, shown, is_before=is_before, locate=locate)


def _inside(repository: GitRepository, folder: Path, named: str) -> Path:
    """Return the guardrails file that ``rollout`` names, which must be in the repository of the inventory."""
    file = Path(os.path.normpath(folder / named))
    if not file.parent.resolve().is_relative_to(repository.top):
        what = f"rollout.guardrails: {one_line(named)[:200]} is outside of the repository"
        raise ConversionError(what, do="keep the guardrails in the repository of the inventory")
    refuse_links(repository.top, file)
    return file


def _with_names(text: str, names: Sequence[tuple[str, str]]) -> str:
    for path, shown in names:
        text = text.replace(path, shown)
    return text


def _renamed(finding: Finding, shown: _PathRenaming) -> Finding:
    place = replace(finding.place, file=shown(finding.place.file))
    return replace(finding, place=place, message=shown(finding.message), hint=shown(finding.hint))
