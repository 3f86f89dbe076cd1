"""Compare ``rollout`` of two inventories: what the stacks of a fleet share, and the order of its runs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from access.comparison.changes import Change, Effect, UnplacedChange
from access.comparison.stack_file_changes import Parts, takes_accounts_by_default
from config.models.account import AccountsByLabel
from config.models.rollout import OTHERS, Rollout, Wave
from config.stack_file import FILE_NAME

SECTION = "rollout"
"""Stands for the file in changes of ``rollout``: it may be in any file of the inventory."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """The fleet of an inventory.

    Attributes:
        rollout: As declared.
        waves: The name of the wave of each account, by the account's key.
    """

    rollout: Rollout
    waves: Mapping[str, str]


def rollout_changes(before: Fleet | None, after: Fleet | None) -> Iterator[Change]:
    """Compare the fleets of two inventories, ``None`` for an inventory without ``rollout``.

    As in stack files, a change counts as a gain unless it certainly widens nothing: the order of a run does not.
    """
    old, new = before.rollout if before else None, after.rollout if after else None
    if new is None:
        if old is not None:
            yield _change(("rollout-removed", Effect.GAIN, _REMOVED))
        return
    if old is None:
        details = "; ".join(_in_words(name, getattr(new, name)) for name in Rollout.model_fields)
        message = f"the inventory becomes a fleet: each account is in a stack with the name of its key; {details}"
        yield _change(("rollout-added", Effect.GAIN, message))
        return
    for name in Rollout.model_fields:
        was, now = getattr(old, name), getattr(new, name)
        if was != now:
            yield _change(_changed(name, was, now))
    if before is not None and after is not None:
        yield from _moved(before.waves, after.waves)


_REMOVED = (
    "the inventory is no fleet any more: `up` of a stack without a stack file takes all accounts, and `fleet` refuses "
    "to run; without `rollout`, its guardrails file and protect_oidc_providers no longer count"
)


def _changed(name: str, was: object, now: object) -> UnplacedChange:
    kind, message = f"rollout-{name.replace('_', '-')}-changed", f"{_in_words(name, now)} (was {_value(name, was)})"
    harmless = name == "waves" or (name == "protect_oidc_providers" and bool(now))
    return kind, Effect.NONE if harmless else Effect.GAIN, message + _MEANING.get((name, bool(now)), "")


_MEANING = {
    ("guardrails", False): ": a run without guardrails no longer fails",
    ("protect_oidc_providers", False): ": Pulumi may delete OIDC providers",
    ("secrets_provider", True): "; stacks that exist keep theirs",
    ("secrets_provider", False): "; stacks that exist keep theirs",
}
"""What a setting means, by its name and whether it has a value."""


def _in_words(name: str, value: object) -> str:
    return f"{name} {_value(name, value)}"


def _value(name: str, value: Any) -> str:  # noqa: ANN401 - any field of Rollout
    if name == "waves":
        return ", ".join([*map(_wave, value), OTHERS])
    if isinstance(value, bool):
        return str(value).lower()
    if name == "secrets_provider" and value is None:
        return "passphrase by default"
    return "none" if value is None else str(value)


def _wave(wave: Wave) -> str:
    return f"{wave.name} ({_selection(wave.accounts)})"


def _selection(accounts: Sequence[str] | AccountsByLabel) -> str:
    if not isinstance(accounts, AccountsByLabel):
        return ", ".join(accounts)
    labels = " and ".join(f"{name}={value}" for name, value in sorted(accounts.labels.items()))
    return f"labels {labels}{' without ' if accounts.exclude else ''}{', '.join(accounts.exclude)}"


def _moved(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Change]:
    for key in sorted(before.keys() & after.keys()):
        if before[key] != after[key]:
            message = f"runs in wave {after[key]} (was {before[key]})"
            yield Change("rollout-wave-changed", Effect.NONE, key, None, None, message)


def _change(change: UnplacedChange) -> Change:
    kind, effect, message = change
    return Change(kind, effect, None, None, None, message, file=SECTION)


def files_in_fleet(
    before: Mapping[str, Parts], after: Mapping[str, Parts], *, was_fleet: bool, keys: frozenset[str]
) -> Iterator[Change]:
    """Yield the stack files that a fleet refuses or does not read: all of a new fleet, else those that changed.

    Args:
        before: The stack files of the old side, by their names.
        after: Those of the new side.
        was_fleet: Whether the old inventory is a fleet.
        keys: Of the accounts of the fleet.
    """
    for name, parts in sorted(after.items()):
        match = FILE_NAME.fullmatch(name.rpartition("/")[2])
        if match is None or (was_fleet and before.get(name) == parts):
            continue
        stack, takes_all = match[1], takes_accounts_by_default(parts)
        if stack in keys:
            message = f"{name}: `fleet` does not read it, and `up` of stack {stack} by hand does"
            yield Change("stack-file-superseded", Effect.NONE, None, None, None, message, file=name)
        elif takes_all:
            message = (
                f"{name}: in a fleet `up` refuses stack {stack}, which names no accounts and is no account's key; "
                f"its resources stay; take it apart by `bitbucket-oidc fleet split {stack}`"
            )
            yield Change("stack-file-refused", Effect.BREAKS, None, None, None, message, file=name)
        else:
            message = (
                f"{name}: stack {stack} takes accounts that have stacks of the fleet too; "
                f"take it apart by `bitbucket-oidc fleet split {stack}`"
            )
            yield Change("stack-file-beside-fleet", Effect.BREAKS, None, None, None, message, file=name)
