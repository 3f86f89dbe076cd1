"""The lock as the text of its file: one line for each fact, sorted, so that a review shows only the changes."""

import fcntl
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from ipaddress import IPv4Network
from pathlib import Path
from typing import TypeAlias

from config.hidden_characters import with_escapes
from config.lock.models import (
    Lock,
    LockedAccount,
    LockedEnvironment,
    LockedOidcProvider,
    LockedRepository,
    LockedRoleAsFound,
    LockedWorkspace,
    SelectedAccount,
)
from config.models.scalars import Network
from config.yaml.text import replace_whole
from oidc.errors import OutsideWorldError


@dataclass(frozen=True, slots=True)
class LockLine:
    """A mapping for one fact, written on one line."""

    values: Mapping[str, "Tree"]


Scalar: TypeAlias = str | int | bool | date | Network
Tree: TypeAlias = "Scalar | LockLine | list[Tree] | dict[str, Tree]"


def tree_of(lock: Lock) -> dict[str, Tree]:
    """Return the lock as nested data, sorted, without empty values."""
    ranges: dict[str, Tree] = {
        name: {"sync_token": published.sync_token, "networks": list[Tree](_sorted_networks(published.networks))}
        for name, published in sorted(lock.address_ranges.items())
    }
    issuers: dict[str, Tree] = {
        slug: {
            "seen": issuer.seen,
            "chain": [LockLine(dict(certificate)) for certificate in issuer.chain],
        }
        for slug, issuer in sorted(lock.issuers.items())
    }
    return {"version": lock.version} | _filled(
        {
            "workspaces": {slug: _workspace(workspace) for slug, workspace in sorted(lock.workspaces.items())},
            "issuers": issuers,
            "address_ranges": ranges,
            "accounts": {key: _account(account) for key, account in sorted(lock.accounts.items())},
            "selected_accounts": {key: _selected(account) for key, account in sorted(lock.selected_accounts.items())},
            "answers": dict(sorted(lock.answers.items())),
        }
    )


def _sorted_networks(networks: Iterable[Network]) -> list[Network]:
    return sorted(set(networks), key=lambda network: (network.version, network.network_address.packed, str(network)))


def _workspace(workspace: LockedWorkspace) -> dict[str, Tree]:
    repositories = {slug: _repository(repository) for slug, repository in sorted(workspace.repositories.items())}
    others = dict(sorted(workspace.undeclared_repositories.items()))
    return _filled({"uuid": workspace.uuid, "repositories": repositories, "undeclared_repositories": others})


def _repository(repository: LockedRepository) -> dict[str, Tree]:
    environments = {name: _environment(environment) for name, environment in sorted(repository.environments.items())}
    return _filled({"uuid": repository.uuid, "environments": environments})


def _environment(environment: LockedEnvironment) -> Tree:
    if environment.restrictions is None:
        return environment.uuid
    restrictions = LockLine({"admin_only": environment.restrictions.admin_only})
    return LockLine({"uuid": environment.uuid, "restrictions": restrictions})


def _account(account: LockedAccount) -> dict[str, Tree]:
    quotas = account.quotas.model_dump(exclude_none=True) if account.quotas is not None else {}
    oidc_providers = sorted(account.oidc_providers.items())
    return _filled(
        {
            "id": account.id,
            "oidc_providers": {slug: _oidc_provider(oidc_provider) for slug, oidc_provider in oidc_providers},
            "roles": dict(sorted(account.roles.items())),
            "roles_as_found": {name: _as_found(role) for name, role in sorted(account.roles_as_found.items())},
            "missing_policies": sorted(account.missing_policies),
            "template_digest": account.template_digest,
            "deploying_role": account.deploying_role,
            "quotas": dict(sorted(quotas.items())),
        }
    )


def _as_found(role: LockedRoleAsFound) -> dict[str, Tree]:
    return _filled(
        {
            "arn": role.arn,
            "role_id": role.role_id,
            "whole_workspaces": sorted(role.whole_workspaces),
            "audiences": sorted(role.audiences),
            "source_ips": _sorted_networks(role.source_ips),
            "source_vpces": sorted(role.source_vpces),
            "permissions_boundary": role.permissions_boundary,
        }
    )


def _selected(account: SelectedAccount) -> Tree:
    labels = LockLine(dict(sorted(account.labels.items()))) if account.labels else None
    return LockLine(
        _filled({"id": account.id, "name": account.name, "deploy_role": account.deploy_role, "labels": labels})
    )


def _oidc_provider(oidc_provider: LockedOidcProvider) -> Tree:
    properties = _filled(
        {
            "use": oidc_provider.use,
            "owner": oidc_provider.owner,
            "audiences": sorted(oidc_provider.audiences),
            "thumbprints": sorted(oidc_provider.thumbprints),
            "tags": dict(sorted(oidc_provider.tags.items())),
            "unchecked_roles": sorted(oidc_provider.unchecked_roles),
        }
    )
    return {"state": oidc_provider.state} | properties if properties else oidc_provider.state


def _filled(values: Mapping[str, object]) -> dict[str, Tree]:
    """Drop empty values and ``None``: the grammar has neither."""
    return {key: value for key, value in values.items() if value is not None and value not in ({}, [])}  # type: ignore[misc]  # the lock's values are trees


_HEADER = "# Written by `bitbucket-oidc lock` {version}; review it and commit it with the inventory."

_PLAIN = re.compile(r"(?![0-9a-f]{40}$)[A-Za-z_][A-Za-z0-9_.-]*", re.ASCII)
"""A thumbprint may consist of digits alone, so all thumbprints are quoted."""
_OTHER_TYPES = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
"""Words that some YAML readers do not read as text (https://yaml.org/type/bool.html)."""


def lock_text(lock: Lock) -> str:
    """Return the text of inventory.lock.yaml; equal locks give the same text, in any order of creation.

    Its first line, a comment, names the version of this program.
    """
    header = _HEADER.format(version=version("bitbucket-aws-oidc"))
    return "\n".join((header, *_block(tree_of(lock), ""))) + "\n"


def _block(values: Mapping[str, Tree], indent: str) -> Iterator[str]:
    for key, value in values.items():
        name = f"{indent}{_text(key)}:"
        if isinstance(value, dict):
            yield name
            yield from _block(value, f"{indent}  ")
        elif isinstance(value, list):
            yield name
            yield from (f"{indent}  - {_inline(item)}" for item in value)
        else:
            yield f"{name} {_inline(value)}"


def _inline(value: Tree) -> str:
    if isinstance(value, LockLine):
        return "{" + ", ".join(f"{_text(key)}: {_inline(item)}" for key, item in value.values.items()) + "}"
    if isinstance(value, dict | list):
        raise TypeError(f"{value} does not fit on a line")
    return _scalar(value)


def _scalar(value: Scalar) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | date | IPv4Network):
        return str(value)
    return _text(str(value))


def _text(text: str) -> str:
    """Return a line of text as a YAML scalar: plain where every reader takes it for text, else as JSON writes it.

    JSON's strings are scalars of YAML (https://yaml.org/spec/1.2.2/#12-relation-to-yaml-1-2-and-json), printable
    characters as themselves. Characters that nobody sees become escapes: a file with them is refused.
    """
    if _PLAIN.fullmatch(text) and text.lower() not in _OTHER_TYPES:
        return text
    return with_escapes(json.dumps(text, ensure_ascii=False))


def write_lock(path: Path, lock: Lock, *, read: str | None) -> bool:
    """Write the lock if its text differs from the file's; return whether it was written.

    If only the first line differs, as after an upgrade, the file stays.

    The text is written to a file beside it, which is then renamed in one step: a reader sees the old lock or the new
    one, and a run that ends in between leaves the old one (https://pubs.opengroup.org/onlinepubs/9799919799/functions/rename.html).
    Of two runs at once, the later one would overwrite the results of the earlier one, so it is refused.

    Args:
        path: ``inventory/inventory.lock.yaml``; if it is a link, its target is written.
        lock: The new content.
        read: The text of the file at the start of the run; ``None`` if the file did not exist.

    Raises:
        OutsideWorldError: The folder cannot be written, or another run has written the lock since.
    """
    content = lock_text(lock).encode()
    try:
        target = path.resolve()
        with _locked(target.parent):
            present = target.read_bytes() if target.exists() else None
            if present is not None and _after_header(present) == _after_header(content):
                return False
            if (present.decode("utf-8-sig", "replace") if present is not None else None) != read:
                raise OutsideWorldError(f"{path} was changed while this command ran", do="run it again")
            replace_whole(target, content)
    except (OSError, RuntimeError) as error:  # RuntimeError: a link that leads to itself
        reason = getattr(error, "strerror", None) or "its path leads nowhere"
        raise OutsideWorldError(f"{path} cannot be written: {reason}", do="check its folder and permissions") from error
    return True


def _after_header(content: bytes) -> bytes:
    """Return the content without a first line that is a comment."""
    return content.partition(b"\n")[2] if content.startswith(b"#") else content


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Make other runs wait while the file is compared and replaced.

    The folder itself is locked, so that no lock file is left in a repository; ``filelock`` locks files alone.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
