"""Write the adopted roles as an inventory file, with notes."""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from access.adoption.found import FoundAccount, Note
from access.adoption.names import WorkspaceNames
from access.adoption.role_reading import ReadRole, read_role
from access.adoption.trust_reading import ReadLine, read_trust, workspace_of
from access.managed_by import managed_by
from config.models.inventory import Inventory

REASON = "adopted as it was: its trust policy compares no repository. Name the repositories that need it instead"
_NOT_IN_A_KEY = re.compile(r"[^A-Za-z0-9_.-]", re.ASCII)


@dataclass(frozen=True, slots=True)
class AdoptedRole:
    """A role of the written inventory: its key, its account and its name in AWS."""

    account: str
    key: str
    name: str
    inline_policies: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Adoption:
    """The result of an adoption.

    Attributes:
        data: The inventory file, as parsed YAML.
        roles: All roles of the file, by account and key.
        notes: Differences from AWS; omissions come first.
    """

    data: Mapping[str, Any]
    roles: tuple[AdoptedRole, ...]
    notes: tuple[Note, ...]


@dataclass(frozen=True)
class _Read:
    account: str
    role: ReadRole
    trust: list[dict[str, Any]]

    def content(self) -> str:
        """Return the text that equal roles of different accounts share."""
        return json.dumps([dict(self.role.entry), self.trust, dict(self.role.documents)], sort_keys=True, default=str)


def adopt(accounts: Iterable[FoundAccount], known: Inventory, managed: Collection[tuple[str, str]] = ()) -> Adoption:
    """Write the roles of accounts as an inventory file, to be added to the inventory that declares these accounts.

    Args:
        accounts: The contents of each account.
        known: The inventory, with its accounts and its names for UUIDs.
        managed: Account key and role name of each role that the inventory already makes.
    """
    in_order = sorted(accounts, key=lambda account: account.key)
    workspaces, notes = _workspaces(in_order, known), list[Note]()
    reads: list[_Read] = []
    for account in in_order:
        for role in sorted(account.roles, key=lambda role: role.name):
            if (account.key, role.name) in managed:
                continue
            read, subject = read_role(role, account, known.defaults), f"{account.key}, role {role.name}"
            trust = _each_once(_entry(line, workspaces[line.workspace]) for line in read.trust.lines)
            notes += [Note(subject, message, is_left_out=not trust) for message in read.notes]
            if trust:
                reads.append(_Read(account.key, read, trust))
            elif not read.notes:
                notes.append(Note(subject, "nobody can assume it", is_left_out=True))
    roles, documents, adopted = _roles(reads, known, notes)
    data: dict[str, Any] = {}
    entries = {slug: entry for slug, names in sorted(workspaces.items()) if (entry := names.entry())}
    notes += [*_workspace_notes(workspaces.values()), *_account_notes(in_order, known)]
    if entries:
        data["workspaces"] = entries
    if documents:
        data["permission_policies"] = {name: {"document": document} for name, document in sorted(documents.items())}
    if roles:
        data["roles"] = roles
    return Adoption(data, adopted, tuple(sorted(set(notes), key=lambda note: (not note.is_left_out, note))))


def _workspaces(accounts: list[FoundAccount], known: Inventory) -> dict[str, WorkspaceNames]:
    audiences_of: dict[str, set[str]] = {}
    for account in accounts:
        for oidc_provider in account.oidc_providers:
            slug = workspace_of(oidc_provider.arn, account.id)
            if slug is not None:
                audiences_of.setdefault(slug, set()).update(oidc_provider.audiences)
        for role in account.roles:
            for line in read_trust(role.trust_policy, account.id).lines:
                audiences_of.setdefault(line.workspace, set()).update(line.audiences)
    return {
        slug: WorkspaceNames.of(slug, known.workspaces.get(slug), audiences) for slug, audiences in audiences_of.items()
    }


def _entry(line: ReadLine, names: WorkspaceNames) -> dict[str, Any]:
    """Write one line of trust. The workspace's own audience is the default, so it is not written."""
    entry: dict[str, Any]
    if not line.repository:
        entry = {"dangerously_whole_workspace": {"workspace": line.workspace, "reason": REASON}}
    else:
        entry = {"repository": f"{line.workspace}/{names.repository(line.repository)}"}
        if line.environment:
            entry["environments"] = [names.environment(line.repository, line.environment)]
        else:
            entry["steps"] = line.steps
    if line.audiences and line.audiences != (names.own_audience,):
        names.audiences.update(set(line.audiences) - {names.own_audience})
        entry["audiences"] = list(line.audiences)
    return entry


def _each_once(entries: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Drop duplicate entries: the workspace's own audience and no audience give the same entry."""
    unique: list[dict[str, Any]] = []
    for entry in entries:
        if entry not in unique:
            unique.append(entry)
    return unique


def _roles(
    reads: list[_Read], known: Inventory, notes: list[Note]
) -> tuple[dict[str, Any], dict[str, Any], tuple[AdoptedRole, ...]]:
    """Write each role once for all accounts that have the same role, under an unused key."""
    groups: dict[str, list[_Read]] = {}
    for read in reads:
        groups.setdefault(read.content(), []).append(read)
    counts: dict[str, int] = {}
    for group in groups.values():
        counts[group[0].role.name.lower()] = counts.get(group[0].role.name.lower(), 0) + 1
    roles: dict[str, Any] = {}
    documents: dict[str, Any] = {}
    adopted: list[AdoptedRole] = []
    for group in groups.values():
        first = group[0].role
        wanted = first.name if counts[first.name.lower()] == 1 else f"{first.name}-{group[0].account}"
        key = _free_key(_NOT_IN_A_KEY.sub("-", wanted), {*roles, *known.roles})
        names = [name for name in first.documents if _take(name, first.documents[name], documents, known)]
        for name in sorted(set(first.documents) - set(names)):
            message = f"another permission policy also has the name {name}: this one stays in AWS, unmanaged"
            notes += [Note(f"{read.account}, role {first.name}", message) for read in group]
        entry = {**first.entry, "inline_policies": sorted(names)} if names else _without(first.entry)
        roles[key] = {**entry, "accounts": [read.account for read in group], "trust": group[0].trust}
        adopted += [AdoptedRole(read.account, key, first.name, tuple(sorted(names))) for read in group]
    return roles, documents, tuple(sorted(adopted, key=lambda role: (role.account, role.key)))


def _without(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if key != "inline_policies"}


def _free_key(wanted: str, taken: set[str]) -> str:
    key, number = wanted, 2
    while key in taken:
        key, number = f"{wanted}-{number}", number + 1
    return key


def _take(name: str, document: object, documents: dict[str, Any], known: Inventory) -> bool:
    """Declare a document under the name of its inline policy; refuse a different document of the same name."""
    if name in known.permission_policies:
        return False
    return bool(documents.setdefault(name, document) == document)


def _workspace_notes(workspaces: Iterable[WorkspaceNames]) -> list[Note]:
    notes = []
    for names in workspaces:
        if not names.uuid:
            message = "its UUID is unknown: write it, or run `bitbucket-oidc lock`"
            notes.append(Note(f"workspace {names.slug}", message))
        if names.new_audiences and names.declared_audiences:
            message = f"add {', '.join(names.new_audiences)} to its audiences in the file that declares them"
            notes.append(Note(f"workspace {names.slug}", message))
        for uuid in names.made_up:
            message = f"{uuid} has no name in the inventory: you may rename {names.repositories[uuid]} at any time"
            notes.append(Note(f"workspace {names.slug}", message))
    return notes


def _account_notes(accounts: list[FoundAccount], known: Inventory) -> Iterator[Note]:
    """Say what to add to each account that has an OIDC provider: only one file may declare an account."""
    for account in accounts:
        if not account.oidc_providers or known.accounts[account.key].oidc_provider is not None:
            continue
        managers = {managed_by(oidc_provider.tags) for oidc_provider in account.oidc_providers}
        if managers == {"this_program"}:
            continue
        owners = managers & {"cloudformation", "terraform"}
        why = f"{' and '.join(sorted(owners))} manages its OIDC provider" if owners else "its OIDC provider exists"
        until = ", until that program releases it" if owners else ""
        mode = "reference" if owners else "adopt"
        yield Note(f"account {account.key}", f"{why}: write `oidc_provider: {mode}` on it{until}")
