"""Which accounts a role selects, and which override applies in each."""

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

from config.findings import Fault
from config.lock.models import Lock, SelectedAccount
from config.lock.questions import digest
from config.lock.reading import ReadLock
from config.models.account import Account, AccountsByLabel
from config.models.role import Override, Role
from config.yaml.document import Path
from oidc.arn import Partition

_OF_GLOBS = frozenset("*?[")


class AccountSelector:
    """Selects among one set of accounts; each pattern is matched once."""

    def __init__(self, accounts: Mapping[str, Account]) -> None:
        self._accounts = accounts
        self._matching = lru_cache(maxsize=None)(self._match)
        self._labelled = lru_cache(maxsize=None)(self._with_labels)

    def _match(self, pattern: str) -> frozenset[str]:
        if not is_glob(pattern):
            return frozenset({pattern} & self._accounts.keys())
        return frozenset(key for key in self._accounts if fnmatchcase(key, pattern))

    def matching(self, patterns: Sequence[str]) -> frozenset[str]:
        """Return the keys that any of ``patterns`` (keys or globs such as ``prod-*``) matches."""
        if len(patterns) == 1:
            return self._matching(patterns[0])
        return frozenset().union(*(self._matching(pattern) for pattern in patterns))

    def selected(self, role: Role) -> list[str]:
        """Return the keys of the accounts that a role is for, sorted."""
        return self.selected_by(role.accounts)

    def selected_by(self, selection: tuple[str, ...] | AccountsByLabel) -> list[str]:
        """Return the keys of the accounts that keys and globs, or labels, select, sorted."""
        if not isinstance(selection, AccountsByLabel):
            return sorted(self.matching(selection))
        return sorted(self._labelled(tuple(sorted(selection.labels.items()))) - self.matching(selection.exclude))

    def _with_labels(self, labels: tuple[tuple[str, str], ...]) -> frozenset[str]:
        return frozenset(key for key, account in self._accounts.items() if set(labels) <= account.labels.items())

    def overrides(self, role: Role) -> dict[str, tuple[str, Override]]:
        """Return by account key the override that applies there, with its own key; the first if two match."""
        overrides: dict[str, tuple[str, Override]] = {}
        for pattern, override in role.overrides.items():
            for key in self.matching([pattern]):
                overrides.setdefault(key, (pattern, override))
        return overrides


def is_glob(pattern: str) -> bool:
    """Tell whether an account pattern is a glob rather than a key."""
    return not _OF_GLOBS.isdisjoint(pattern)


_AT: Path = ("accounts_from", "organization")


def with_selected_accounts(data: Mapping[str, Any], lock: ReadLock) -> tuple[Mapping[str, Any], frozenset[str]]:
    """Return the data with the accounts that the lock holds, and their keys; nothing is added without an answer."""
    selection, accounts = _selection(data), data.get("accounts", {})
    if selection is None or not isinstance(accounts, Mapping) or not _answers(lock, selection):
        return data, frozenset()
    ids = {entry.get("id") for entry in accounts.values() if isinstance(entry, Mapping)}
    partition = str(selection.get("partition") or Partition.AWS.value)
    added = {
        key: {"id": account.id, "partition": partition, "labels": dict(account.labels)}
        for key, account in lock.lock.selected_accounts.items()
        # An account that the inventory declares too is taken from there.
        if account.id not in ids and key not in accounts
    }
    return ({**data, "accounts": {**accounts, **added}} if added else data), frozenset(added)


def hides_accounts(data: Mapping[str, Any], lock: ReadLock, fault: Fault) -> bool:
    """Tell whether a fault is in the selection itself: any unknown name may then be a selected account."""
    return fault.path[:1] == ("accounts_from",) and _selection(data) is not None and not lock.is_broken


def selection_faults(data: Mapping[str, Any], lock: ReadLock) -> Iterator[Fault]:
    """Yield a valid selection that the lock does not answer, or answers in an earlier form: never no accounts.

    Args:
        data: With the accounts of the lock.
        lock: As read.
    """
    selection = _selection(data)
    if selection is None or lock.is_broken:
        return
    if not _answers(lock, selection):
        known = "accounts_from" in lock.lock.answers
        message = (
            "the lock answers an earlier form of it" if known else "the lock does not say which accounts these are"
        )
        # Any unknown account may be one of these.
        yield Fault("needs-lock", _AT, message, "run `bitbucket-oidc lock --aws`", of_key=True, hides=True)
        return
    accounts = data.get("accounts", {})
    ids = {entry.get("id") for entry in accounts.values() if isinstance(entry, Mapping)}
    for key, account in lock.lock.selected_accounts.items():
        if account.id not in ids:
            message = f"accounts.{key} is not account {account.id}, which the lock has selected under that key"
            yield Fault("lock-mismatch", _AT, message, "run `bitbucket-oidc lock --aws`", of_key=True)


def _answers(lock: ReadLock, selection: Mapping[str, Any]) -> bool:
    return not lock.is_broken and lock.lock.answers.get("accounts_from") == selection_digest(selection)


def _selection(data: Mapping[str, Any]) -> Mapping[str, Any] | None:
    accounts_from = data.get("accounts_from")
    selection = accounts_from.get("organization") if isinstance(accounts_from, Mapping) else None
    return selection if isinstance(selection, Mapping) else None


def selection_digest(selection: Mapping[str, Any]) -> str:
    """Return the digest of a selection without ``profile`` and ``role``, which do not change the selected accounts."""
    return digest([{name: value for name, value in selection.items() if name not in ("profile", "role")}])


def selected_before(lock: Lock) -> Mapping[str, tuple[str, SelectedAccount]]:
    """Return the accounts of the lock by their ids, each with its key, which never changes."""
    return {account.id: (key, account) for key, account in lock.selected_accounts.items()}
