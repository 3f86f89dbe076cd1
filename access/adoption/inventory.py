"""Write the adopted roles as an inventory file, with notes."""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

from access.adoption.as_found import has_admin_access
from access.adoption.comments import Comments, ReadKey, account_notes, as_is_notes, comments_of, workspace_notes
from access.adoption.found import AdoptionNote, FoundAccount
from access.adoption.names import WorkspaceNames
from access.adoption.role_reading import ReadRole, read_role
from access.adoption.statement_reading import ReadLine
from access.adoption.workspaces import Workspaces
from config.lock.models import Lock
from config.models.inventory import Inventory

REASON = "adopted as it was: its trust policy compares no repository. Name the repositories that need it instead"
_OVERLAP = timedelta(days=90)
"""How long the former slug of a workspace stays trusted if no policy says it."""
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
        comments: Explanations of the lines of the file.
    """

    data: Mapping[str, Any]
    roles: tuple[AdoptedRole, ...]
    notes: tuple[AdoptionNote, ...]
    comments: Comments = field(default_factory=dict)


@dataclass(frozen=True)
class _Read:
    account: str
    role: ReadRole
    trust: list[dict[str, Any]]
    is_admin: bool

    @property
    def subject(self) -> str:
        """The subject of its notes."""
        return _subject(self.account, self.role.name)

    def trusts_former(self, former: str) -> bool:
        """Tell whether it trusts a former slug like the present one."""
        return any(slug == former for slug, _ in self.role.trust.previous)

    def content(self) -> str:
        """Return the text that equal roles of different accounts share."""
        return json.dumps([dict(self.role.entry), self.trust, dict(self.role.documents)], sort_keys=True, default=str)


def adopt(
    accounts: Iterable[FoundAccount],
    known: Inventory,
    managed: Collection[tuple[str, str]] = (),
    *,
    today: date,
    lock: Lock,
) -> Adoption:
    """Write the roles of accounts as an inventory file, to be added to the inventory that declares these accounts.

    Args:
        accounts: The contents of each account.
        known: The inventory, with its accounts and its names for UUIDs.
        managed: Account key and role name of each role that the inventory already makes.
        today: In UTC; former slugs of workspaces are trusted for some time from then on.
        lock: With further repositories of workspaces.
    """
    in_order = sorted(accounts, key=lambda account: account.key)
    workspaces, notes = Workspaces.of(in_order, known), list[AdoptionNote]()
    reads: list[_Read] = []
    for account in in_order:
        for role in sorted(account.roles, key=lambda role: role.name):
            if (account.key, role.name) in managed:
                continue
            read = read_role(role, account, known.defaults, workspaces)
            lines, messages = _lines(read.trust.lines, workspaces)
            trust = _each_once(_entry(line, workspaces.by_slug[line.workspace]) for line in lines)
            messages, subject = [*read.notes, *messages], _subject(account.key, role.name)
            notes += [AdoptionNote(subject, message, is_left_out=not trust) for message in messages]
            if trust:
                is_admin = has_admin_access(role, account.id, account.partition)
                reads.append(_Read(account.key, read, trust, is_admin))
            elif not messages:
                notes.append(AdoptionNote(subject, "nobody can assume it", is_left_out=True))
    roles, documents, adopted = _roles(reads, known, notes)
    data: dict[str, Any] = {}
    notes += _previous_slugs(reads, workspaces, known, today)
    entries = {slug: entry for slug, names in sorted(workspaces.by_slug.items()) if (entry := names.entry())}
    notes += [*as_is_notes(known, lock), *workspace_notes(workspaces.by_slug.values()), *account_notes(in_order, known)]
    if entries:
        data["workspaces"] = entries
    if documents:
        data["permission_policies"] = {name: {"document": document} for name, document in sorted(documents.items())}
    if roles:
        data["roles"] = roles
    in_file = tuple(sorted(set(notes), key=lambda note: (not note.is_left_out, note)))
    comments = comments_of(data, _read_keys(reads, adopted), in_file, known, today)
    return Adoption(data, adopted, in_file, comments)


def _subject(account: str, role: str) -> str:
    return f"{account}, role {role}"


def _read_keys(reads: Iterable[_Read], adopted: Iterable[AdoptedRole]) -> dict[str, ReadKey]:
    """Return what the comments of each role need, by its key."""
    admins = {read.subject for read in reads if read.is_admin}
    subjects: dict[str, set[str]] = {}
    for role in adopted:
        subjects.setdefault(role.key, set()).add(_subject(role.account, role.name))
    return {key: ReadKey(frozenset(those), bool(those & admins)) for key, those in subjects.items()}


def _lines(lines: Iterable[ReadLine], workspaces: Workspaces) -> tuple[list[ReadLine], list[str]]:
    """Return the lines in which a step of its workspace gets in, and why the others are left out."""
    kept: list[ReadLine] = []
    notes: list[str] = []
    for line in lines:
        why = workspaces.why_nobody(line)
        foreign = [] if why else workspaces.foreign_audiences(line)
        audiences = tuple(audience for audience in line.audiences if audience not in foreign)
        notes += [f"a subject is left out: {why}"] if why else []
        notes += [
            f"an audience is left out: {audience} is not the audience of {line.workspace}" for audience in foreign
        ]
        if not why and (audiences or not foreign):
            kept.append(replace(line, audiences=audiences))
    return kept, notes


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
    reads: list[_Read], known: Inventory, notes: list[AdoptionNote]
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
            notes += [AdoptionNote(f"{read.account}, role {first.name}", message) for read in group]
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


def _previous_slugs(
    reads: Sequence[_Read], workspaces: Workspaces, known: Inventory, today: date
) -> Iterator[AdoptionNote]:
    """Declare each former slug that all roles of its workspace trust; the inventory cannot do so for some of them."""
    for former, slug in sorted(workspaces.present.items()):
        days = [dict(read.role.trust.previous)[former] for read in reads if read.trusts_former(former)]
        if not days or former in (known.workspaces[slug].previous_slugs if slug in known.workspaces else ()):
            continue
        last_day = min((day for day in days if day is not None), default=today + _OVERLAP)
        of_workspace = [read for read in reads if any(line.workspace == slug for line in read.role.trust.lines)]
        why = "" if all(read.trusts_former(former) for read in of_workspace) else f"some roles trust {slug} alone"
        if _trusts_whole(slug, of_workspace, known):
            why = f"a role trusts the whole of {slug}"
        if why or last_day < today:
            why = why or f"its last day was {last_day}"
            message = f"trust of its former slug {former} is left out: {why}; `previous_slugs` is for every role"
        else:
            workspaces.by_slug[slug].previous_slugs[former] = last_day
            message = f"every role that trusts it also lets in tokens of its former slug {former} until {last_day}"
            message += ": choose the day"
        yield AdoptionNote(f"workspace {slug}", message)


def _trusts_whole(slug: str, reads: Iterable[_Read], known: Inventory) -> bool:
    whole = {entry.workspace for role in known.roles.values() for entry in role.trust if entry.repository is None}
    return slug in whole or any(not line.repository for read in reads for line in read.role.trust.lines)
