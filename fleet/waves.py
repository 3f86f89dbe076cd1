"""The order in which accounts run: the waves of the inventory, and a shard's part of the accounts."""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from config.findings import did_you_mean, one_line
from config.models.account import Account
from config.models.rollout import OTHERS, Rollout
from config.selectors import AccountSelector
from oidc.errors import UsageError


@dataclass(frozen=True, slots=True)
class Wave:
    """Accounts that run at the same time.

    Attributes:
        name: ``canary``.
        keys: Keys of its accounts, sorted.
    """

    name: str
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Shard:
    """A stable part of the accounts: a new account moves no other account to another shard.

    Attributes:
        number: From 1 to ``count``.
        count: The number of shards that together have every account.
    """

    number: int = 1
    count: int = 1

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    def has(self, key: str) -> bool:
        """Tell whether the account with this key is in the shard."""
        return shard_of(key, self.count) == self.number


MAX_SHARDS = 1000
_SHARD = re.compile(r"([1-9][0-9]{0,3})/([1-9][0-9]{0,3})", re.ASCII)


def shard_of(key: str, count: int) -> int:
    """Return the number, from 1 to ``count``, of the shard that has an account; it depends on nothing else."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") % count + 1


def parse_shard(text: str) -> Shard:
    """Return the shard in a text such as ``3/8``.

    Raises:
        UsageError: The text has another form, or names a shard that does not exist.
    """
    match = _SHARD.fullmatch(text)
    number, count = (int(part) for part in match.groups()) if match else (1, 0)
    if not number <= count <= MAX_SHARDS:
        what = f"--shard: `{one_line(text)[:100]}` is not a shard"
        raise UsageError(what, do=f"write NUMBER/COUNT such as 3/8, from 1/1 to {MAX_SHARDS}/{MAX_SHARDS}")
    return Shard(number, count)


def waves_of(rollout: Rollout, accounts: Mapping[str, Account]) -> tuple[Wave, ...]:
    """Return the waves in their order; the first that selects an account has it, and ``others`` has the rest.

    Args:
        rollout: Of the inventory.
        accounts: All accounts of the inventory, by key.
    """
    selector = AccountSelector(accounts)
    left, waves = set(accounts), []
    for wave in rollout.waves:
        selected = left.intersection(selector.selected_by(wave.accounts))
        waves.append(Wave(wave.name, tuple(sorted(selected))))
        left -= selected
    waves.append(Wave(OTHERS, tuple(sorted(left))))
    return tuple(waves)


def narrowed(waves: Iterable[Wave], names: Sequence[str], kept: Iterable[str]) -> tuple[Wave, ...]:
    """Return the named waves with the accounts that are kept; waves without such an account are left out.

    Args:
        waves: All waves.
        names: Those to keep; empty for all.
        kept: Keys of the accounts to keep.

    Raises:
        UsageError: No wave has one of the names.
    """
    every, keys = tuple(waves), frozenset(kept)
    known = [wave.name for wave in every]
    for name in names:
        if name not in known:
            hint = did_you_mean(name, known, f"the waves are {', '.join(known)}")
            raise UsageError(f"--wave: there is no wave `{one_line(name)[:100]}`", do=hint)
    chosen = [
        Wave(wave.name, tuple(key for key in wave.keys if key in keys))
        for wave in every
        if not names or wave.name in names
    ]
    return tuple(wave for wave in chosen if wave.keys)
