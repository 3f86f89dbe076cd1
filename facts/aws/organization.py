"""List control policies, and the accounts of organizational units, and select the inventory's accounts among them."""

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from access.adoption.found import FoundControlPolicy
from access.managed_by import tags_of
from config.findings import one_line
from config.lock.models import SelectedAccount
from config.models.organization import ID_PATTERN, Organization
from facts.aws.callers import Caller
from facts.aws.failures import explained
from oidc.errors import AwsError
from oidc.identifiers import SLUG_PATTERN

_MAY_LIST = "give it the policy that `bitbucket-oidc deploy-policy --organization` prints, in the management account"
_ACTIVE = "ACTIVE"


@dataclass(frozen=True, slots=True, order=True)
class OrganizationAccount:
    """An account of an organization.

    Attributes:
        id: Twelve digits.
        name: ``Payments (prod)``.
        state: ``ACTIVE``, ``SUSPENDED``, ``PENDING_CLOSURE`` and so on.
        tags: By key; empty if the account is not active.
    """

    id: str
    name: str
    state: str
    tags: Mapping[str, str]

    @property
    def is_active(self) -> bool:
        """Tell whether roles can be made in it."""
        return self.state == _ACTIVE


def list_accounts(caller: Caller, organization: Organization) -> tuple[OrganizationAccount, ...]:
    """Return all accounts of the inventory's organizational units, of any state and tags, sorted by id.

    Raises:
        AwsError: An organizational unit does not exist, or the organization cannot be read.
    """
    client = caller.client("organizations")
    with explained("the accounts of the organization", denied=_MAY_LIST):
        accounts: dict[str, Mapping[str, Any]] = {}
        for unit in _units(client, organization):
            for account in _pages(client, "list_accounts_for_parent", "Accounts", unit):
                accounts[str(account["Id"])] = account
        return tuple(_account(client, account) for _, account in sorted(accounts.items()))


_CONTROL_POLICIES = ("SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY")


def attached_control_policies(caller: Caller) -> tuple[FoundControlPolicy, ...]:
    """Return the service and resource control policies that are attached to something, sorted by id.

    Raises:
        AwsError: The organization cannot be read.
    """
    client = caller.client("organizations")
    with explained("the control policies of the organization", denied=_MAY_LIST):
        found = [
            FoundControlPolicy(
                id=str(listed["Id"]),
                name=str(listed["Name"]),
                is_resource_control=kind == "RESOURCE_CONTROL_POLICY",
                document=json.loads(client.describe_policy(PolicyId=listed["Id"])["Policy"]["Content"]),
                targets=tuple(sorted(str(target["Name"]) for target in targets)),
            )
            for kind in _CONTROL_POLICIES
            for listed in _pages(client, "list_policies", "Policies", kind, by="Filter")
            if (targets := _pages(client, "list_targets_for_policy", "Targets", listed["Id"], by="PolicyId"))
        ]
    return tuple(sorted(found, key=lambda policy: policy.id))


def _account(client: Any, account: Mapping[str, Any]) -> OrganizationAccount:  # noqa: ANN401 - botocore makes its clients at run time
    # `Status` is the old name of `State`: https://docs.aws.amazon.com/organizations/latest/APIReference/API_Account.html
    state = str(account.get("State") or account["Status"])
    is_active = state == _ACTIVE
    tags = _pages(client, "list_tags_for_resource", "Tags", account["Id"], by="ResourceId") if is_active else []
    return OrganizationAccount(str(account["Id"]), str(account["Name"]), state, tags_of(tags))


def _units(client: Any, organization: Organization) -> Iterator[str]:  # noqa: ANN401 - as above
    """Yield the ids of the inventory's units and, if `nested`, of all units below them, each once."""
    done: set[str] = set()
    waiting = [_id_of(client, unit) for unit in organization.ou]
    while waiting:
        unit = waiting.pop()
        if unit in done:
            continue
        done.add(unit)
        yield unit
        if organization.nested:
            waiting += [str(child["Id"]) for child in _below(client, unit)]


def _id_of(client: Any, unit: str) -> str:  # noqa: ANN401 - as above
    """Return the id of a unit, given as an id or as the path of its names: ``workloads/prod``."""
    if ID_PATTERN.fullmatch(unit):
        return unit
    (root,) = client.list_roots()["Roots"]
    parent = str(root["Id"])
    for name in unit.split("/"):
        below = {str(child["Name"]): str(child["Id"]) for child in _below(client, parent)}
        if name not in below:
            known = ", ".join(sorted(below)) or "none"
            what = (
                f"the organization has no unit {unit!r}: {name!r} does not exist; the units at that level are {known}"
            )
            raise AwsError(what, do="correct `ou` under `accounts_from`, or name the unit by its id")
        parent = below[name]
    return parent


def _below(client: Any, parent: str) -> Iterable[Mapping[str, Any]]:  # noqa: ANN401 - as above
    return _pages(client, "list_organizational_units_for_parent", "OrganizationalUnits", parent)


def _pages(client: Any, operation: str, key: str, of: str, *, by: str = "ParentId") -> list[Mapping[str, Any]]:  # noqa: ANN401 - as above
    try:
        return [entry for page in client.get_paginator(operation).paginate(**{by: of}) for entry in page[key]]
    except client.exceptions.ParentNotFoundException as error:
        what = f"the organization has no organizational unit {of}"
        raise AwsError(what, do="correct `ou` under `accounts_from`") from error


@dataclass(frozen=True, slots=True)
class SelectedAccounts:
    """The selected accounts.

    Attributes:
        accounts: By key, sorted.
        notes: Accounts that were left out for their state, and tags that cannot be labels.
    """

    accounts: Mapping[str, SelectedAccount]
    notes: tuple[str, ...]


def select(
    accounts: Iterable[OrganizationAccount],
    organization: Organization,
    *,
    listed: Mapping[str, str],
    before: Mapping[str, str],
) -> SelectedAccounts:
    """Select accounts.

    An account keeps its key in the lock, even if its name changes. The key of a new account is its name in lower case
    with dashes, ``payments-prod``. If another account has that key, or two new accounts would have it, its id is added:
    ``payments-prod-222222222222``. So keys depend only on the lock and the accounts' names, never on an order.

    Args:
        accounts: The accounts of the organizational units.
        organization: The inventory's setting.
        listed: Ids of the accounts that the inventory lists, by key: these are not selected.
        before: The lock's keys, by id.
    """
    notes: list[str] = []
    wanted: list[OrganizationAccount] = []
    for account in sorted(accounts):
        if account.id in listed.values() or account.id in organization.exclude:
            continue
        if not account.is_active:
            notes.append(f"account {account.id} ({account.name}) is left out: it is {account.state}")
        elif organization.tags.items() <= account.tags.items():
            wanted.append(account)
    keys = _keys(wanted, listed.keys(), before)
    selected = {
        keys[account.id]: _selected(account, notes)
        for account in wanted
        if not any(fnmatchcase(keys[account.id], pattern) for pattern in organization.exclude)
    }
    return SelectedAccounts(dict(sorted(selected.items())), tuple(notes))


def _keys(
    wanted: Collection[OrganizationAccount], listed: Collection[str], before: Mapping[str, str]
) -> dict[str, str]:
    kept = {
        account.id: before[account.id]
        for account in wanted
        if account.id in before and before[account.id] not in listed
    }
    taken = {*listed, *kept.values(), *before.values()}
    new = {account.id: _key(account.name) for account in wanted if account.id not in kept}
    named = Counter(new.values())
    return kept | {number: _free(key, number, taken, alone=named[key] == 1) for number, key in new.items()}


def _free(key: str, number: str, taken: Collection[str], *, alone: bool) -> str:
    """Return a unique key; a key that already ends in an id, maybe of another account, gets the account's id too."""
    free = key if alone and not _ENDS_IN_AN_ID.search(key) else f"{key}-{number}"
    while free in taken:
        free = f"{free}-{number}"
    return free


_ENDS_IN_AN_ID = re.compile(r"-[0-9]{12}$", re.ASCII)


def _key(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or "account"


def _selected(account: OrganizationAccount, notes: list[str]) -> SelectedAccount:
    labels = {key: value for key, value in account.tags.items() if _is_label(key, value)}
    if others := sorted(account.tags.keys() - labels.keys()):
        notes.append(f"account {account.id} ({account.name}): its tags {', '.join(others)} cannot be labels")
    return SelectedAccount(id=account.id, name=one_line(account.name), labels=labels)


def _is_label(key: str, value: str) -> bool:
    return SLUG_PATTERN.fullmatch(key) is not None and value.isprintable() and "{{" not in value
