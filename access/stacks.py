"""Select the accounts of a stack, and compare stacks before and after a change."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from fnmatch import fnmatchcase

from access.comparison.stack_file_changes import changed_keys
from access.digests import AccountDigest, AppliedSettings, plan_digests
from access.plan import AccessPlan
from config.findings import did_you_mean, one_line
from config.models.rollout import Rollout
from config.project_file import PROJECT
from config.stack_file import StackFile
from oidc.errors import UsageError
from oidc.identifiers import AccountId


def taken_accounts(
    patterns: Collection[str], keys: Collection[str], setting: str, *, stack: str, is_fleet: bool
) -> frozenset[str]:
    """Return the accounts of the inventory that a stack takes.

    Args:
        patterns: Keys or globs, as the stack config has them. In a fleet ``["*"]`` is the account with the stack's
            name.
        keys: Of the inventory's accounts.
        setting: The setting that has the patterns: ``stack config accounts``.
        stack: The stack's name.
        is_fleet: Whether the inventory has ``rollout``.

    Raises:
        UsageError: A pattern matches no account, or a stack of a fleet takes no account by its name.
    """
    if is_fleet and tuple(patterns) == ("*",):
        if stack not in keys:
            what = (
                f"stack {one_line(stack)[:100]}: the inventory is a fleet, where each stack is named after its account"
            )
            hint = did_you_mean(
                stack, keys, "choose a stack that is an account's key; or list accounts in stack config"
            )
            raise UsageError(f"{what}, and it has no account of this name", do=hint)
        return frozenset({stack})
    for pattern in patterns:
        if not any(fnmatchcase(key, pattern) for key in keys):
            hint = did_you_mean(pattern, keys, f"the inventory has {', '.join(sorted(keys)) or 'none'}")
            raise UsageError(f"{setting}: `{one_line(pattern)[:200]}` is not an account of the inventory", do=hint)
    return frozenset(key for key in keys if any(fnmatchcase(key, pattern) for pattern in patterns))


_PIN = f"config {PROJECT}:reviewedPlan"
"""The reviewed digest. It does not change the deployment; it changes whenever the deployment does."""


class TakenStackChange(StrEnum):
    """What a change does to a stack."""

    CHANGED = "changed"
    UNCHANGED = "unchanged"
    ADDED = "added"
    REMOVED = "removed"
    """Its file is gone, or its account left the fleet. Its resources stay, and ``up`` takes the defaults."""
    REFUSED = "refused"
    """The inventory is a fleet, and the stack neither names accounts nor is an account's key. Its resources stay."""
    NOT_COMPARED = "not-compared"
    """No comparison is possible: no revision was named, or the inventory of that revision does not compile."""


@dataclass(frozen=True, slots=True)
class TakenStack:
    """The part of the plan that a stack takes, before or after the change.

    Attributes:
        file: Its stack file.
        digest: Of its part of the plan, or ``None`` without a plan.
        accounts: Keys of the accounts that it takes, sorted.
        fault: A sentence that says why the plan is missing, or the empty string.
        account_digests: Of those accounts.
        is_refused: Whether the inventory is a fleet in which the program refuses the stack.
    """

    file: StackFile
    digest: str | None
    accounts: tuple[str, ...]
    fault: str = ""
    account_digests: tuple[AccountDigest, ...] = ()
    is_refused: bool = False


@dataclass(frozen=True, slots=True)
class AccountChange:
    """The digests of an account after and before a change, whatever stack has it.

    Attributes:
        key: Its key, after the change if it is still in the inventory.
        id: Its id, by which the two are the same account.
        digest: After; ``None`` if no stack has the account.
        base_digest: Before; likewise.
    """

    key: str
    id: AccountId
    digest: str | None
    base_digest: str | None


@dataclass(frozen=True, slots=True)
class StackChange:
    """What a change does to one stack.

    Attributes:
        stack: Its name.
        change: What the change does to it.
        now: The part it takes now; with the defaults if its file is removed.
        base: The part it took before; ``None`` if the stack is new or nothing is compared.
        keys: Keys that differ in its stack file: ``secretsprovider``, ``config aws:region``; sorted, without the
            reviewed digest.
        accounts: Those that the stack takes after or before the change, sorted by id.
        former: The stacks that had one of its accounts before, this one excepted, sorted.
    """

    stack: str
    change: TakenStackChange
    now: TakenStack | None
    base: TakenStack | None
    keys: tuple[str, ...] = ()
    accounts: tuple[AccountChange, ...] = ()
    former: tuple[str, ...] = ()


def take(file: StackFile, plan: AccessPlan, rollout: Rollout | None = None) -> TakenStack:
    """Return the part of a plan that a stack takes.

    Args:
        file: The stack file.
        plan: Of the whole inventory.
        rollout: Of the inventory, if it is a fleet.

    Raises:
        UsageError: It names an account that is not in the plan, or has an invalid setting.
    """
    accounts = [account.key for account in plan.accounts]
    setting = f"{file.file}: accounts"
    keys = taken_accounts(file.accounts, accounts, setting, stack=file.stack, is_fleet=rollout is not None)
    settings = AppliedSettings(
        names_guardrails=file.guardrails is not None,
        protects_oidc_providers=file.protect_oidc_providers,
        issuer_timeout=file.issuer_timeout,
        is_sandbox=file.is_sandbox,
    ).in_fleet(rollout)
    digests = plan_digests(plan.only(keys), settings)
    return TakenStack(file, digests.digest, tuple(sorted(keys)), account_digests=digests.accounts)


def is_refused(file: StackFile, plan: AccessPlan, rollout: Rollout | None) -> bool:
    """Tell whether the program refuses a stack, since it is of a fleet and neither names accounts nor is one's key."""
    return (
        rollout is not None and file.accounts == ("*",) and all(file.stack != account.key for account in plan.accounts)
    )


def stack_changes(
    now: Mapping[str, TakenStack], base: Mapping[str, TakenStack] | None, *, base_fault: str = ""
) -> tuple[StackChange, ...]:
    """Compare stacks by their names, sorted.

    Args:
        now: After the change.
        base: Before it; ``None`` if nothing is compared.
        base_fault: Why an inventory before the change cannot be compiled, so that it may have been a fleet.
    """
    names = sorted(now.keys() | (base or {}).keys())
    after, before = _Accounts.of(now), _Accounts.of(base or {})
    return tuple(_with_accounts(_changed(name, now.get(name), base, base_fault), after, before) for name in names)


@dataclass(frozen=True, slots=True)
class _Accounts:
    """The accounts of one side by id, each with its digest, and the stacks that take it."""

    digests: Mapping[AccountId, AccountDigest]
    stacks: Mapping[AccountId, tuple[str, ...]]

    @classmethod
    def of(cls, stacks: Mapping[str, TakenStack]) -> "_Accounts":
        digests: dict[AccountId, AccountDigest] = {}
        holders: dict[AccountId, list[str]] = {}
        # A removed stack takes the defaults, which say nothing about an account that another stack takes.
        for name, stack in sorted(stacks.items(), key=lambda pair: pair[1].file.is_removed):
            for account in stack.account_digests:
                digests.setdefault(account.id, account)
                holders.setdefault(account.id, []).append(name)
        return cls(digests, {account: tuple(names) for account, names in holders.items()})


def _with_accounts(change: StackChange, after: _Accounts, before: _Accounts) -> StackChange:
    own, was = (
        {account.id: account for account in side.account_digests} if side else {} for side in (change.now, change.base)
    )
    accounts = []
    for account_id in sorted(own.keys() | was.keys()):
        now, base = (
            own.get(account_id) or after.digests.get(account_id),
            was.get(account_id) or before.digests.get(account_id),
        )
        key = now.key if now else base.key if base else ""
        accounts.append(AccountChange(key, account_id, now.digest if now else None, base.digest if base else None))
    former = {name for account in own for name in before.stacks.get(account, ()) if name != change.stack}
    return replace(change, accounts=tuple(accounts), former=tuple(sorted(former)))


def _changed(name: str, now: TakenStack | None, base: Mapping[str, TakenStack] | None, base_fault: str) -> StackChange:
    before = (base or {}).get(name)
    differing = changed_keys(before.file.parts, now.file.parts) if before and now else ()
    keys = tuple(key for key in differing if key != _PIN)
    if now is None or now.file.is_removed:
        change = TakenStackChange.REMOVED
    elif now.is_refused:
        change = TakenStackChange.REFUSED
    elif base is not None and before is None and not (base_fault and now.file.is_of_fleet):
        change = TakenStackChange.ADDED
    elif before is None or before.digest is None:
        change = TakenStackChange.NOT_COMPARED
    else:
        change = TakenStackChange.UNCHANGED if now.digest == before.digest and not keys else TakenStackChange.CHANGED
    return StackChange(name, change, now, before, keys)
