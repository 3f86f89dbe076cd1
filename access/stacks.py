"""Select the accounts of a stack, and compare stacks before and after a change."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
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
    """Its file is gone. Its resources stay, and ``up`` takes the defaults."""
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
    """

    file: StackFile
    digest: str | None
    accounts: tuple[str, ...]
    fault: str = ""
    account_digests: tuple[AccountDigest, ...] = ()


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
    """

    stack: str
    change: TakenStackChange
    now: TakenStack | None
    base: TakenStack | None
    keys: tuple[str, ...] = ()


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


def stack_changes(now: Mapping[str, TakenStack], base: Mapping[str, TakenStack] | None) -> tuple[StackChange, ...]:
    """Compare stacks by their names, sorted; with no ``base`` none of them is compared."""
    names = sorted(now.keys() | (base or {}).keys())
    return tuple(_changed(name, now.get(name), base) for name in names)


def _changed(name: str, now: TakenStack | None, base: Mapping[str, TakenStack] | None) -> StackChange:
    before = (base or {}).get(name)
    differing = changed_keys(before.file.parts, now.file.parts) if before and now else ()
    keys = tuple(key for key in differing if key != _PIN)
    if now is None or now.file.is_removed:
        change = TakenStackChange.REMOVED
    elif base is not None and before is None:
        change = TakenStackChange.ADDED
    elif before is None or before.digest is None:
        change = TakenStackChange.NOT_COMPARED
    else:
        change = TakenStackChange.UNCHANGED if now.digest == before.digest and not keys else TakenStackChange.CHANGED
    return StackChange(name, change, now, before, keys)
