"""The accounts that an inventory selects in an organization, as the lock holds them: each with a key that it keeps."""

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from config.findings import one_line
from config.lock.models import SelectedAccount
from config.models.organization import Organization
from facts.aws.organization import OrganizationAccount
from oidc.identifiers import SLUG_PATTERN


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
