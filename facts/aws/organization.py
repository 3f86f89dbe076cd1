"""Which accounts an organization has in some organizational units, with their tags."""

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

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
        tags: By key; empty for one that is not active.
    """

    id: str
    name: str
    state: str
    tags: Mapping[str, str]

    @property
    def is_active(self) -> bool:
        """Whether roles can be made in it."""
        return self.state == _ACTIVE


def list_accounts(caller: Caller, organization: Organization) -> tuple[OrganizationAccount, ...]:
    """Return the accounts of the organizational units that are named, sorted by id, whatever their state and tags.

    Raises:
        AwsError: There is no such organizational unit, or the organization cannot be asked.
    """
    client = caller.client("organizations")
    with explained("which accounts the organization has", denied=_MAY_LIST):
        found: dict[str, Mapping[str, Any]] = {}
        for unit in _units(client, organization):
            found.update((str(one["Id"]), one) for one in _pages(client, "list_accounts_for_parent", "Accounts", unit))
        return tuple(_account(client, one) for _, one in sorted(found.items()))


def _account(client: Any, found: Mapping[str, Any]) -> OrganizationAccount:  # noqa: ANN401 - botocore's, made at run time
    # `Status` is what `State` was called before: https://docs.aws.amazon.com/organizations/latest/APIReference/API_Account.html
    state = str(found.get("State") or found["Status"])
    asked = state == _ACTIVE
    tags = _pages(client, "list_tags_for_resource", "Tags", found["Id"], by="ResourceId") if asked else []
    return OrganizationAccount(str(found["Id"]), str(found["Name"]), state, tags_of(tags))


def _units(client: Any, organization: Organization) -> Iterator[str]:  # noqa: ANN401 - as above
    """Yield the ids of the units that are named and, unless told otherwise, of those below, each once."""
    done: set[str] = set()
    waiting = [_id_of(client, unit) for unit in organization.ou]
    while waiting:
        unit = waiting.pop()
        if unit in done:
            continue
        done.add(unit)
        yield unit
        if organization.nested:
            waiting += [str(one["Id"]) for one in _below(client, unit)]


def _id_of(client: Any, unit: str) -> str:  # noqa: ANN401 - as above
    """Return the id of a unit that is named by it, or by the names on the way to it."""
    if ID_PATTERN.fullmatch(unit):
        return unit
    (root,) = client.list_roots()["Roots"]
    found = str(root["Id"])
    for name in unit.split("/"):
        below = {str(one["Name"]): str(one["Id"]) for one in _below(client, found)}
        if name not in below:
            known = ", ".join(sorted(below)) or "none"
            what = f"the organization has no unit {unit!r}: there is no {name!r}, and the units there are {known}"
            raise AwsError(what, do="correct `ou` under `accounts_from`, or name the unit by its id")
        found = below[name]
    return found


def _below(client: Any, parent: str) -> Iterable[Mapping[str, Any]]:  # noqa: ANN401 - as above
    return _pages(client, "list_organizational_units_for_parent", "OrganizationalUnits", parent)


def _pages(client: Any, operation: str, key: str, of: str, *, by: str = "ParentId") -> list[Mapping[str, Any]]:  # noqa: ANN401 - as above
    try:
        return [one for page in client.get_paginator(operation).paginate(**{by: of}) for one in page[key]]
    except client.exceptions.ParentNotFoundException as error:
        what = f"the organization has no organizational unit {of}"
        raise AwsError(what, do="correct `ou` under `accounts_from`") from error


@dataclass(frozen=True, slots=True)
class Selection:
    """What was selected.

    Attributes:
        accounts: By key, sorted.
        notes: Accounts that were left out for their state, and tags that are no labels.
    """

    accounts: Mapping[str, SelectedAccount]
    notes: tuple[str, ...]


def select(
    found: Iterable[OrganizationAccount],
    organization: Organization,
    *,
    listed: Mapping[str, str],
    before: Mapping[str, str],
) -> Selection:
    """Select accounts.

    An account that has a key by the lock keeps it, whatever its name is today. A new one is called as in the
    organization, in lower case with dashes, ``payments-prod``; where that is another account's key, or two new ones
    would be called so, its id is added: ``payments-prod-222222222222``. So keys hang on nothing but the lock and the
    accounts' names, and never on an order.

    Args:
        found: Accounts of the organizational units.
        organization: As the inventory says.
        listed: Ids of the accounts that the inventory lists, by key: these are not selected.
        before: Keys of the lock, by id.
    """
    notes: list[str] = []
    wanted: list[OrganizationAccount] = []
    for account in sorted(found):
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
    return Selection(dict(sorted(selected.items())), tuple(notes))


def _keys(
    wanted: Collection[OrganizationAccount], listed: Collection[str], before: Mapping[str, str]
) -> dict[str, str]:
    kept = {one.id: before[one.id] for one in wanted if one.id in before and before[one.id] not in listed}
    taken = {*listed, *kept.values(), *before.values()}
    new = {one.id: _key(one.name) for one in wanted if one.id not in kept}
    named = Counter(new.values())
    return kept | {number: _free(key, number, taken, alone=named[key] == 1) for number, key in new.items()}


def _free(key: str, number: str, taken: Collection[str], *, alone: bool) -> str:
    """Return a key that is nobody else's; one that already ends in an id, which may be another's, gets its own."""
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
        notes.append(f"account {account.id} ({account.name}): no labels are made of its tags {', '.join(others)}")
    return SelectedAccount(id=account.id, name=one_line(account.name), labels=labels)


def _is_label(key: str, value: str) -> bool:
    return SLUG_PATTERN.fullmatch(key) is not None and value.isprintable() and "{{" not in value
