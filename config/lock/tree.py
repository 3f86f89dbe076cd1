"""The lock as plain nested data in the order in which it is written: what both its text and its comparison follow."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

from config.lock.accounts import LockedOidcProvider
from config.lock.models import (
    Lock,
    LockedAccount,
    LockedEnvironment,
    LockedRepository,
    LockedWorkspace,
    SelectedAccount,
)
from config.scalars import Network


@dataclass(frozen=True, slots=True)
class Line:
    """A mapping that is one fact, and so stands on one line."""

    values: Mapping[str, "Tree"]


Scalar: TypeAlias = str | int | bool | date | Network
Tree: TypeAlias = "Scalar | Line | list[Tree] | dict[str, Tree]"


def tree_of(lock: Lock) -> dict[str, Tree]:
    """Return the lock as nested data, sorted, without what is empty."""
    ranges: dict[str, Tree] = {
        name: {"sync_token": found.sync_token, "networks": list[Tree](_sorted_networks(found.networks))}
        for name, found in sorted(lock.address_ranges.items())
    }
    issuers: dict[str, Tree] = {
        slug: {
            "seen": issuer.seen,
            "chain": [Line({name: getattr(one, name) for name in type(one).model_fields}) for one in issuer.chain],
        }
        for slug, issuer in sorted(lock.issuers.items())
    }
    return {"version": lock.version} | _filled(
        {
            "workspaces": {slug: _workspace(found) for slug, found in sorted(lock.workspaces.items())},
            "issuers": issuers,
            "address_ranges": ranges,
            "accounts": {key: _account(found) for key, found in sorted(lock.accounts.items())},
            "selected_accounts": {key: _selected(found) for key, found in sorted(lock.selected_accounts.items())},
            "answers": dict(sorted(lock.answers.items())),
        }
    )


def _sorted_networks(networks: Iterable[Network]) -> list[Network]:
    return sorted(set(networks), key=lambda network: (network.version, network.network_address.packed, str(network)))


def _workspace(workspace: LockedWorkspace) -> dict[str, Tree]:
    repositories = {slug: _repository(found) for slug, found in sorted(workspace.repositories.items())}
    return _filled({"uuid": workspace.uuid, "repositories": repositories})


def _repository(repository: LockedRepository) -> dict[str, Tree]:
    environments = {name: _environment(found) for name, found in sorted(repository.environments.items())}
    return _filled({"uuid": repository.uuid, "environments": environments})


def _environment(environment: LockedEnvironment) -> Tree:
    if environment.restrictions is None:
        return environment.uuid
    restrictions = Line({"admin_only": environment.restrictions.admin_only})
    return Line({"uuid": environment.uuid, "restrictions": restrictions})


def _account(account: LockedAccount) -> dict[str, Tree]:
    quotas = account.quotas.model_dump(exclude_none=True) if account.quotas is not None else {}
    return _filled(
        {
            "id": account.id,
            "oidc_providers": {slug: _oidc_provider(found) for slug, found in sorted(account.oidc_providers.items())},
            "roles": dict(sorted(account.roles.items())),
            "missing_policies": sorted(account.missing_policies),
            "quotas": dict(sorted(quotas.items())),
        }
    )


def _selected(account: SelectedAccount) -> Tree:
    labels = Line(dict(sorted(account.labels.items()))) if account.labels else None
    return Line(_filled({"id": account.id, "name": account.name, "deploy_role": account.deploy_role, "labels": labels}))


def _oidc_provider(found: LockedOidcProvider) -> Tree:
    told = _filled(
        {
            "use": found.use,
            "owner": found.owner,
            "audiences": sorted(found.audiences),
            "thumbprints": sorted(found.thumbprints),
            "tags": dict(sorted(found.tags.items())),
            "unchecked_roles": sorted(found.unchecked_roles),
        }
    )
    return {"state": found.state} | told if told else found.state


def _filled(values: Mapping[str, object]) -> dict[str, Tree]:
    """Leave out what is empty or nothing: the grammar has no word for either."""
    return {key: value for key, value in values.items() if value is not None and value not in ({}, [])}  # type: ignore[misc]
