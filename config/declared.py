"""The declared names, read from the raw data, so that a name with another fault does not count as unknown."""

from collections.abc import Iterable, KeysView, Mapping
from collections.abc import Set as AbstractSet
from difflib import SequenceMatcher
from typing import Any

from config.findings import Fault, did_you_mean, ignoring_case
from config.models.account import Account
from config.yaml.document import Path
from oidc.identifiers import slugs_in_url


def names(data: Mapping[str, Any], *path: str) -> KeysView[str]:
    """Return the names at a path: ``names(data, "workspaces", "acme", "repositories")``; empty without such a path."""
    holder: Any = data
    for part in path:
        holder = holder.get(part) if isinstance(holder, Mapping) else None
    return holder.keys() if isinstance(holder, Mapping) else {}.keys()


def unknown_workspace(data: Mapping[str, Any], workspace: str, at: Path) -> Fault | None:
    """Return the fault of a workspace that is not declared, or ``None``."""
    known = names(data, "workspaces")
    if workspace in known or any(slugs[0] == workspace for slugs in map(slugs_in_url, known) if slugs):
        return None  # the URL in place of a slug has a finding
    renamed = next((slug for slug in known if workspace in names(data, "workspaces", slug, "previous_slugs")), None)
    if renamed is not None:
        message = f"`{workspace}` is a previous slug of the workspace {renamed}"
        return Fault("unknown-workspace", at, message, f"write `{renamed}`, which trusts tokens of both slugs")
    hint = did_you_mean(workspace, known, "declare it under `workspaces`")
    return Fault("unknown-workspace", at, f"there is no workspace `{workspace}`", hint)


def unknown_account(known: AbstractSet[str], accounts: Mapping[str, Account], account: str, at: Path) -> Fault:
    """Return the fault of an account that is not among the ``known`` ones; ``accounts`` are those without a fault."""
    key = next((key for key, declared in accounts.items() if declared.id == account), None)
    if key is not None:
        return Fault("unknown-account", at, f"`{account}` is the id of the account `{key}`", f"write its key: {key}")
    hint = did_you_mean(account, known, accounts_in_words(known, account))
    return Fault("unknown-account", at, f"there is no account `{account}`", hint)


def accounts_in_words(known: AbstractSet[str], near: str) -> str:
    """Return ``the accounts are dev, prod``; of many those that are most similar to ``near``."""
    return f"the accounts are {some_of(known, near)}"


def some_of(known: Iterable[str], near: str = "") -> str:
    """Return names for a hint, ``dev, prod``; of more than ten the five most similar to ``near`` and how many exist."""
    listed = sorted(known)
    if len(listed) <= _LISTED:
        return ", ".join(listed) or "none yet"
    nearest = sorted(listed, key=lambda name: -SequenceMatcher(None, near, name).ratio())[: _LISTED // 2]
    return f"{', '.join(sorted(nearest))}, … ({len(listed)} in all)"


_LISTED = 10


def unknown_repository(data: Mapping[str, Any], workspace: str, repository: str, at: Path) -> Fault | None:
    """Return the fault of a repository that is not declared, or whose workspace is not, or ``None``."""
    if (problem := unknown_workspace(data, workspace, at)) is not None:
        return problem
    known = names(data, "workspaces", workspace, "repositories")
    if workspace not in names(data, "workspaces") or repository in known or repository in map(_slug_meant, known):
        return None
    hint = did_you_mean(repository, known, f"declare it under `workspaces.{workspace}.repositories`")
    return Fault("unknown-repository", at, f"workspace {workspace} has no repository `{repository}`", hint)


def _slug_meant(repository: str) -> str:
    """Return the slug in a repository's key that is a URL or has the workspace, both of which have a finding."""
    slugs = slugs_in_url(repository)
    return repository.rpartition("/")[2] if slugs is None else slugs[1]


def unknown_environment(
    data: Mapping[str, Any], workspace: str, repository: str, environment: str, at: Path
) -> Fault | None:
    """Return the fault of a deployment environment that its repository does not declare, or ``None``."""
    known = names(data, "workspaces", workspace, "repositories", repository, "environments")
    if environment in known:
        return None
    if "*" in environment or "?" in environment:
        hint = f"write the name of each environment, {some_of(known, environment)}: no wildcards here"
    elif (same := ignoring_case(environment, known)) is not None:
        hint = f"write `{same}`: capitals count"
    else:
        others = f", which has {some_of(known, environment)}" if known else ""
        hint = did_you_mean(environment, known, f"declare it under the repository's `environments`{others}")
    return Fault("unknown-environment", at, f"{workspace}/{repository} has no environment `{environment}`", hint)
