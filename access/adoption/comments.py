"""Explain each line of the written inventory, and what is left out, as comments of the file."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, TypeAlias

from access.adoption.found import AdoptionNote, FoundAccount
from access.adoption.names import WorkspaceNames
from access.managed_by import managed_by
from config.lock.models import Lock
from config.models.inventory import Inventory

KeyPath: TypeAlias = tuple[str | int, ...]
Comments: TypeAlias = Mapping[KeyPath, tuple[str, ...]]
"""Lines of comment above a key or an entry of a list: ``("roles", "deploy", "trust", 0)``; ``()`` for the file."""

_KEPT_FOR = timedelta(days=90)
"""How long the suggested line keeps a role as it is."""

_OF_ROLE = {
    "name": "Its name in IAM. The ARN that pipelines use stays the same.",
    "path": "Its path in IAM, a part of the ARN. The inventory has another default.",
    "description": "As in IAM.",
    "max_session_duration": "As in IAM, in seconds.",
    "permissions_boundary": "As set in IAM.",
    "managed_policies": "As attached in IAM.",
    "inline_policies": "Its inline policies. Their documents are under `permission_policies`.",
    "bind_session": "An inline policy of the role limits its sessions so.",
    "source_ips": "From `aws:SourceIp` in its trust policy.",
    "source_vpces": "From `aws:SourceVpce` in its trust policy.",
    "expires": "From `aws:CurrentTime` in its trust policy.",
    "tags": "As in IAM, without the tags of AWS and of this program.",
    "accounts": "The accounts that have the role with this content.",
}
_OF_WORKSPACE = {
    "uuid": "From the audience in OIDC providers and trust policies.",
    "audiences": "Further audiences that roles below accept.",
    "previous_slugs": "OIDC providers of these slugs have the same UUID in their audience.",
    "repositories": "Trust policies have only UUIDs. You may rename repositories and environments at any time.",
}
_OF_TRUST = {
    "all_including_environments": "`sub` is compared with {REPOSITORY}:*, so any step of the repository gets in.",
    "outside_environments": "`sub` is compared with {REPOSITORY}:{STEP}, so any step outside of environments gets in.",
}
_ENVIRONMENT = "`sub` is compared with {REPOSITORY}:{ENVIRONMENT}:*, so steps that deploy to the environment get in."
_WHOLE = "No `sub` is compared, so any step of any repository of the workspace gets in."


@dataclass(frozen=True, slots=True)
class ReadKey:
    """A role of the written inventory: the subjects of its notes, and whether it has admin access."""

    subjects: frozenset[str]
    is_admin: bool


def comments_of(
    data: Mapping[str, Any], roles: Mapping[str, ReadKey], notes: Iterable[AdoptionNote], known: Inventory, today: date
) -> Comments:
    """Return the comments of a written inventory.

    Args:
        data: The inventory file, as parsed YAML.
        roles: The roles of the file, by key.
        notes: Differences from AWS.
        known: The inventory, with the repositories of its workspaces.
        today: In UTC.
    """
    comments: dict[KeyPath, tuple[str, ...]] = {}
    notes, told = list(notes), set[str]()
    for key, entry in data.get("roles", {}).items():
        at: KeyPath = ("roles", key)
        own = [note for note in notes if note.subject in roles[key].subjects]
        told |= roles[key].subjects
        comments[at] = tuple(dict.fromkeys(map(note_in_words, own)))
        comments |= {(*at, name): (_OF_ROLE[name],) for name in entry if name in _OF_ROLE}
        comments |= {(*at, "trust", index): (_of_trust(line),) for index, line in enumerate(entry["trust"])}
        comments[*at, "trust"] = tuple(_to_decide(entry, roles[key], known, today))
    for slug, entry in data.get("workspaces", {}).items():
        comments |= {("workspaces", slug, name): (_OF_WORKSPACE[name],) for name in entry if name in _OF_WORKSPACE}
    for name in data.get("permission_policies", {}):
        users = [key for key, entry in data["roles"].items() if name in entry.get("inline_policies", ())]
        comments["permission_policies", name] = (f"The inline policy {name} of {' and '.join(users)}, as in IAM.",)
    comments[()] = tuple(note_in_words(note) for note in notes if note.subject not in told)
    return comments


def note_in_words(note: AdoptionNote) -> str:
    """Return a note as one line: ``prod, role deploy: left out: …``."""
    return f"{note.subject}: {'left out: ' if note.is_left_out else ''}{note.message}"


def _of_trust(entry: Mapping[str, Any]) -> str:
    if "dangerously_whole_workspace" in entry:
        return _WHOLE
    return _OF_TRUST[entry["steps"]] if "steps" in entry else _ENVIRONMENT


def _to_decide(entry: Mapping[str, Any], role: ReadKey, known: Inventory, today: date) -> Iterator[str]:
    """Yield the ready lines for a role that trusts a whole workspace: keep it for some time, or name repositories."""
    whole = [line["dangerously_whole_workspace"]["workspace"] for line in entry["trust"] if "repository" not in line]
    if not whole or ("expires" in entry and not role.is_admin):
        return
    until = today + _KEPT_FOR
    yield "DECIDE. To keep the role as it is for some time, add this line:"
    if role.is_admin:
        yield f"dangerously_adopted_as_is: {{reason: WHY, until: {until}}}"
        yield "and let `bitbucket-oidc lock --only accounts` record the role before the first `up`."
    else:
        yield f"expires: {until}"
    reason = ", with `dangerously_allow_admin: WHY` or other policies" if role.is_admin else ""
    yield f"To narrow it, write the repositories that need it in place of `trust`{reason}:"
    yield "trust:"
    for slug in whole:
        yield from narrowed(slug, known) or ["- {repository: WORKSPACE/REPOSITORY, environments: [ENVIRONMENT]}"]


def as_is_notes(known: Inventory, lock: Lock) -> Iterator[AdoptionNote]:
    """Give the ready lines for each role of the inventory that is still as it was found."""
    for key, role in known.roles.items():
        if (as_is := role.dangerously_adopted_as_is) is not None:
            whole = [entry.workspace for entry in role.trust if entry.repository is None]
            lines = [line for slug in whole for line in narrowed(slug, known)]
            for slug, locked in lock.workspaces.items():
                if slug in whole and locked.undeclared_repositories:
                    names = ", ".join(f"{name}: " for name in sorted(locked.undeclared_repositories))
                    yield AdoptionNote(
                        f"workspace {slug}",
                        f"the lock has further repositories, declare those that need a role: {names}",
                    )
            message = f"adopted as is until {as_is.until}: trust repositories in place of the whole workspace"
            yield AdoptionNote(f"roles.{key}", f"{message}: {', '.join(lines)}" if lines else message)


def narrowed(slug: str, known: Inventory) -> list[str]:
    """Return lines of trust for every repository that the inventory has of a workspace."""
    workspace = known.workspaces.get(slug)
    lines = []
    for name, repository in sorted(workspace.repositories.items()) if workspace is not None else ():
        which = f"environments: [{', '.join(map(_quoted, sorted(repository.environments)))}]"
        which = which if repository.environments else "steps: all_including_environments"
        lines.append(f"- {{repository: {slug}/{name}, {which}}}")
    return lines


def _quoted(name: str) -> str:
    return name if name.isascii() and name.isalpha() else json.dumps(name, ensure_ascii=False)


def workspace_notes(workspaces: Iterable[WorkspaceNames]) -> list[AdoptionNote]:
    """Say what to do about names and audiences of each workspace."""
    notes = []
    for names in workspaces:
        if not names.uuid:
            message = "its UUID is unknown: write it, or run `bitbucket-oidc lock`"
            notes.append(AdoptionNote(f"workspace {names.slug}", message))
        if names.new_audiences and names.declared_audiences:
            message = f"add {', '.join(names.new_audiences)} to its audiences in the file that declares them"
            notes.append(AdoptionNote(f"workspace {names.slug}", message))
        for uuid in names.made_up:
            message = f"{uuid} has no name in the inventory: you may rename {names.repositories[uuid]} at any time"
            notes.append(AdoptionNote(f"workspace {names.slug}", message))
    return notes


def account_notes(accounts: list[FoundAccount], known: Inventory) -> Iterator[AdoptionNote]:
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
        yield AdoptionNote(f"account {account.key}", f"{why}: write `oidc_provider: {mode}` on it{until}")
