"""What `ci stacks` says about the stacks of a change; the same about many stacks is said once."""

from collections.abc import Iterable, Iterator

from access.stacks import StackChange, TakenStackChange
from cli.ci.stack_sides import ProjectStacks


def stack_notes(changes: Iterable[StackChange], base: str, base_fault: str = "") -> Iterator[str]:
    """Yield the notes, in the order of the first stack of each.

    Args:
        changes: Of all stacks.
        base: The revision.
        base_fault: Why an inventory of the revision cannot be compiled, or the empty string.
    """
    stacks_of: dict[tuple[str, str, str], list[str]] = {}
    for change in changes:
        for note in _notes(change, base, base_fault):
            stacks_of.setdefault(note, []).append(change.stack)
    for (one, many, rest), stacks in stacks_of.items():
        yield f"{_stacks(stacks)} {one if len(stacks) == 1 else many}{rest}"


def fleet_notes(stacks: ProjectStacks) -> Iterator[str]:
    """Yield the stack files that make another stack than ``fleet`` does, or take an account of another stack."""
    for name, digest in sorted(stacks.by_fleet.items()):
        yield (
            f"stack {name} has a file, which `bitbucket-oidc fleet` does not read: it applies the plan {digest}; "
            "remove what the file changes"
        )
    accounts_of: dict[tuple[str, ...], list[str]] = {}
    for key, names in stacks.in_two_stacks.items():
        accounts_of.setdefault(tuple(name for name in names if name != key), []).append(key)
    for names, keys in accounts_of.items():
        what = f"account {keys[0]} is" if len(keys) == 1 else f"accounts {', '.join(keys[:_SHOWN])} ({len(keys):,}) are"
        yield f"{what} in {_stacks([*names])} as well as in the fleet; take it apart by `bitbucket-oidc fleet split`"


_SHOWN = 5


def _stacks(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return f"stack{'' if len(names) == 1 else 's'} {', '.join(names[:_SHOWN])}{more}"


def _notes(change: StackChange, base: str, base_fault: str) -> Iterator[tuple[str, str, str]]:
    """Yield what to say of one stack: the verb for one, the verb for many, and the rest of the sentence."""
    now, before = change.now, change.base
    if now is not None:
        yield from (("has", "have", f" {key} in {now.file.file}, which is left out") for key in now.file.others)
        if change.keys and change.change is not TakenStackChange.REMOVED:
            yield "changes", "change", f" in its file: {', '.join(change.keys)}"
    fault = before.fault if before is not None else base_fault if now is not None and now.file.is_of_fleet else ""
    if fault and now is not None and change.change is not TakenStackChange.REFUSED:
        yield "cannot be compared", "cannot be compared", f" with {base}: {fault}"
    if change.change is TakenStackChange.ADDED:
        yield _added(change, base)
    elif change.change is TakenStackChange.REFUSED:
        yield (
            "is refused", "are refused",
            f" by `up`: {now.fault if now else ''}; its resources stay; take it apart by `bitbucket-oidc fleet split`",
        )  # fmt: skip
    elif change.change is TakenStackChange.REMOVED:
        yield _removed(change)


def _added(change: StackChange, base: str) -> tuple[str, str, str]:
    of_fleet = change.now is not None and change.now.file.is_of_fleet
    if of_fleet and change.former:
        former = ", ".join(change.former[:_SHOWN])
        rest = (
            f" with an account that another stack has at {base} ({former}): if the account was renamed, its "
            "`previous_keys` must have the old key; otherwise run `fleet split`"
        )
        return "is new", "are new", rest
    if of_fleet:
        return "is new", "are new", " in the fleet: `bitbucket-oidc fleet up` creates it"
    return "is new", "are new", f": no preview before it is in {base} and `pulumi stack init` has run"


def _removed(change: StackChange) -> tuple[str, str, str]:
    now, before = change.now, change.base
    if before is not None and before.file.is_of_fleet and now is not None and now.is_refused:
        moved = any(account.digest is not None for account in change.accounts)
        rest = (
            ": its account has another key now; `bitbucket-oidc fleet up` renames the stack, if `previous_keys` has it"
            if moved
            else ": its account left the inventory; it stays in AWS until `bitbucket-oidc fleet destroy --account KEY`"
        )
        return "is no longer in the fleet", "are no longer in the fleet", rest
    if now is not None and now.is_refused:
        rest = (
            ": its resources stay, and `up` refuses it in a fleet; restore its file, and take it apart by `fleet split`"
        )
        return "no longer has a file", "no longer have a file", rest
    fault = f"; these defaults fail: {now.fault}" if now and now.fault else ""
    rest = (
        f": its resources stay, and `up` uses the defaults for it, with all accounts{fault}; destroy it and run "
        "`pulumi stack rm` before you remove its file"
    )
    return "no longer has a file", "no longer have a file", rest
