"""An inventory as it is in a revision of its git repository, or in the working tree beside one, compiled."""

import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from access.compile import compile_plan
from access.plan import AccessPlan
from cli.inventory import loaded_with
from config.findings import Finding, Level
from config.inventory_files import LOCK_NAME
from config.load import Loaded
from config.yaml.text import is_there
from facts.git import GitRepository
from facts.git_conversions import refuse_links, refuse_submodule, untracked_files

_Shown = Callable[[str], str]
"""Writes paths of a temporary folder as those of the revision: ``origin/main:inventory/base.yaml``."""


@dataclass(frozen=True, slots=True)
class CompiledSide:
    """What one inventory comes to.

    Attributes:
        plan: Or ``None`` where it has findings of level error, or is not there.
        errors: Those.
        is_absent: Whether there is no inventory in that revision.
        untracked: Files of the working tree that it was read from, and that are in no revision.
        chains: Of its lock, by workspace: the thumbprints of the certificates that its issuer presented, leaf first.
    """

    plan: AccessPlan | None
    errors: tuple[Finding, ...] = ()
    is_absent: bool = False
    untracked: tuple[Path, ...] = ()
    chains: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def compiled_path(path: Path, guardrails: Path | None, shown: _Shown = str) -> CompiledSide:
    """Compile an inventory as it is; ``shown`` writes paths in its findings."""
    return _compiled(loaded_with(path, guardrails), shown)


def compiled_beside(
    repository: GitRepository, path: Path, guardrails: Path | None, stack_files: Iterable[Path] = ()
) -> CompiledSide:
    """Compile an inventory of the working tree, to be compared with a revision.

    Args:
        repository: Around the inventory.
        path: The inventory.
        guardrails: The file, or ``None``.
        stack_files: That are compared as well.

    Raises:
        ConversionError: One of its files is another text than git shows of it.
        OutsideWorldError: git fails.
    """
    refuse_links(repository.top, path)
    loaded = loaded_with(path, guardrails)
    sources = loaded.sources
    lock = sources.folder / LOCK_NAME
    read = [source.path for source in (*sources.files, *sources.policy_files.values())]
    read += [lock] if is_there(lock) else []
    read += stack_files
    around = [path, *([guardrails] if guardrails else [])]
    untracked = untracked_files(repository.top, around, dict.fromkeys(read))
    return replace(_compiled(loaded, str), untracked=untracked)


def _compiled(loaded: Loaded, shown: _Shown) -> CompiledSide:
    found = compile_plan(loaded)
    errors = tuple(_renamed(one, shown) for one in found.findings if one.level is Level.ERROR)
    issuers = loaded.lock.lock.issuers.items()
    chains = {slug: tuple(one.thumbprint for one in issuer.chain) for slug, issuer in issuers}
    return CompiledSide(found.plan, errors, chains=chains)


def compiled_revision(
    repository: GitRepository, name: str, commit: str, inventory: Path, guardrails: Path | None
) -> CompiledSide:
    """Compile the inventory of a revision, with the guardrails of that revision.

    Args:
        repository: Around the inventory.
        name: What to call the revision: ``origin/main``.
        commit: Its hash.
        inventory: Its path in the working tree; it need not be there any longer.
        guardrails: Likewise, or ``None``.

    Raises:
        UsageError: A link or a submodule leads elsewhere.
        ConversionError: A checkout of the revision would change one of its files.
        OutsideWorldError: git fails.
    """
    refuse_submodule(repository.top)
    for path in (inventory, *([guardrails] if guardrails else [])):
        refuse_links(repository.top, path)
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
