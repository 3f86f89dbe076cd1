"""Declarations that nothing uses: leftovers of a removal, or a use that somebody forgot to write.

Accounts are not checked: they describe the organisation, and nothing is created in an account without roles. A role
that does not match its intended account has another finding (``selects-no-account``, ``unknown-account``).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from config.findings import Fault
from config.lock.models import Lock, LockedRepository
from config.lock.questions import workspaces_digest
from config.lock.reading import ReadLock
from config.models.inventory import Inventory
from config.models.trust import Steps, TrustEntry
from config.models.workspace import Repository, Workspace
from config.yaml.document import Path


def check_unused(inventory: Inventory) -> Iterator[Fault]:
    """Yield declarations that no role uses. Call this for an inventory without errors, since an error may hide a use.

    An inventory without roles is a new one, and has no findings of this kind.
    """
    if not inventory.roles:
        return
    used = _Used.of(inventory)
    for slug, workspace in inventory.workspaces.items():
        at: Path = ("workspaces", slug)
        if slug not in used.workspaces:
            message = "no role trusts this workspace, and no account keeps its OIDC provider"
            yield from _unused("unused-workspace", at, message)
        elif slug not in used.wholly:
            yield from _check_repositories(at, slug, workspace, used)
    for name in inventory.permission_policies.keys() - used.permission_policies:
        yield from _unused("unused-permission-policy", ("permission_policies", name), "no role has this policy")


def _check_repositories(at: Path, slug: str, workspace: Workspace, used: "_Used") -> Iterator[Fault]:
    for name, repository in workspace.repositories.items():
        reference, here = f"{slug}/{name}", (*at, "repositories", name)
        if reference not in used.repositories:
            yield from _unused("unused-repository", here, "no role trusts this repository")
        elif reference not in used.wholly:
            for environment in repository.environments:
                if (reference, environment) not in used.environments:
                    path = (*here, "environments", environment)
                    yield from _unused("unused-environment", path, "no role trusts this deployment environment")


def _unused(rule: str, at: Path, message: str) -> Iterator[Fault]:
    where = "" if rule != "unused-environment" else " on the repository"
    hint = f"remove it, or keep it and say why{where}: `allow: {{{rule}: WHY}}`"
    yield Fault(rule, at, message, hint, of_key=True)


@dataclass(frozen=True, slots=True)
class _Used:
    """The names that roles and accounts use: repositories as ``acme/shop``, environments with their repository.

    Attributes:
        wholly: Workspaces and repositories that are trusted as a whole, so that everything in them is used.
    """

    workspaces: set[str] = field(default_factory=set)
    repositories: set[str] = field(default_factory=set)
    environments: set[tuple[str, str]] = field(default_factory=set)
    permission_policies: set[str] = field(default_factory=set)
    wholly: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, inventory: Inventory) -> "_Used":
        used = cls()
        for account in inventory.accounts.values():
            used.workspaces.update(account.keep_oidc_providers)
        for role in inventory.roles.values():
            for entry in role.trust:
                used.add(entry)
            used.permission_policies.update(role.inline_policies)
            for override in role.overrides.values():
                used.permission_policies.update(override.inline_policies)
        used.workspaces.update(repository.partition("/")[0] for repository in used.repositories)
        return used

    def add(self, entry: TrustEntry) -> None:
        repository = entry.repository
        if repository is None:
            self.workspaces.add(entry.workspace)
            self.wholly.add(entry.workspace)
            return
        self.repositories.add(repository)
        if entry.steps is Steps.ALL_INCLUDING_ENVIRONMENTS:
            self.wholly.add(repository)
        for environment in entry.environments or ():
            self.environments.add((repository, environment))


_HINT = "run `bitbucket-oidc lock`, and review what it changes"


def check_stale_lock(inventory: Inventory, read: ReadLock) -> Iterator[Fault]:
    """Yield entries of the lock that the inventory does not have, or else one fault if the lock is of other questions.

    A lock written by hand does not record its questions, and is judged by its entries alone. Call this for an inventory
    without errors, since an error may hide a question.

    Args:
        inventory: As written, without UUIDs from the lock.
        read: The lock.
    """
    if read.source is None:
        return
    gone = _gone(read.lock, inventory)
    for path in gone:
        message = f"the inventory declares no `{path[-1]}` here"
        yield Fault("stale-lock", path, message, _HINT, of_key=True, file=read.source.path)
    asked = read.lock.answers.get("workspaces")
    if not gone and asked is not None and asked != workspaces_digest(inventory):
        message = "since the lock was written, roles trust other names, or the inventory gives them other UUIDs"
        yield Fault("stale-lock", ("answers", "workspaces"), message, _HINT, file=read.source.path)


def _gone(lock: Lock, inventory: Inventory) -> list[Path]:
    gone: list[Path] = []
    for slug, locked in lock.workspaces.items():
        at: Path = ("workspaces", slug)
        workspace = inventory.workspaces.get(slug)
        if workspace is None:
            gone.append(at)
            continue
        for name, repository in locked.repositories.items():
            here: Path = (*at, "repositories", name)
            gone += _gone_of(here, repository, workspace.repositories.get(name))
    return gone


def _gone_of(at: Path, locked: LockedRepository, declared: Repository | None) -> list[Path]:
    if declared is None:
        return [at]
    return [(*at, "environments", name) for name in locked.environments if name not in declared.environments]
