"""Which accounts a role selects, and which override holds in each."""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache

from config.models.account import Account
from config.models.role import AccountsByLabel, Override, Role

_OF_GLOBS = frozenset("*?[")


class AccountSelector:
    """Answers for one set of accounts; patterns are worked out once each."""

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
        return frozenset().union(*(self._matching(pattern) for pattern in patterns))

    def selected(self, role: Role) -> list[str]:
        """Return the keys of the accounts that a role is for, sorted."""
        return self.selected_by(role.accounts)

    def selected_by(self, wanted: tuple[str, ...] | AccountsByLabel) -> list[str]:
        """Return the keys of the accounts that keys and globs, or labels, select, sorted."""
        if not isinstance(wanted, AccountsByLabel):
            return sorted(self.matching(wanted))
        return sorted(self._labelled(tuple(sorted(wanted.labels.items()))) - self.matching(wanted.exclude))

    def _with_labels(self, labels: tuple[tuple[str, str], ...]) -> frozenset[str]:
        return frozenset(key for key, account in self._accounts.items() if set(labels) <= account.labels.items())

    def overrides(self, role: Role) -> dict[str, tuple[str, Override]]:
        """Return by account key the override that holds there, with its own key; the first where two match."""
        found: dict[str, tuple[str, Override]] = {}
        for pattern, override in role.overrides.items():
            for key in self.matching([pattern]):
                found.setdefault(key, (pattern, override))
        return found


def is_glob(pattern: str) -> bool:
    """Tell whether an account pattern is a glob rather than a key."""
    return not _OF_GLOBS.isdisjoint(pattern)
