"""What a change does to stacks: each is compared by a digest of what it takes of its inventory's plan."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from access.comparison.stack_file_changes import changed_keys
from access.plan import AccessPlan
from access.stack_plan import AccountDigest, AppliedSettings, plan_digests, taken_accounts
from config.stack_file import PROJECT, StackFile

_PIN = f"config {PROJECT}:reviewedPlan"
"""Which digest was reviewed: it changes nothing of what is applied, and follows whatever does."""


class Change(StrEnum):
    """What a change does to a stack."""

    CHANGED = "changed"
    UNCHANGED = "unchanged"
    ADDED = "added"
    REMOVED = "removed"
    NOT_COMPARED = "not-compared"
    """There is nothing to compare with: no revision was named, or what stands there cannot be compiled."""


@dataclass(frozen=True, slots=True)
class TakenStack:
    """What a stack takes on one side.

    Attributes:
        file: Its stack file there.
        digest: Of what it takes of the plan, or ``None`` where there is no plan.
        accounts: Keys of the accounts that it takes, sorted.
        fault: Why there is no plan, in a sentence, or the empty string.
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
        now: What it takes now, or ``None`` where it is removed.
        base: What it took before, or ``None`` where it is new or nothing is compared.
        keys: What differs in its stack file: ``secretsprovider``, ``config aws:region``; sorted, without the digest
            that was reviewed.
    """

    stack: str
    change: Change
    now: TakenStack | None
    base: TakenStack | None
    keys: tuple[str, ...] = ()


def take(file: StackFile, plan: AccessPlan) -> TakenStack:
    """Return what a stack takes of a plan.

    Raises:
        UsageError: It names an account that is not in the plan, or has a setting that cannot be.
    """
    keys = taken_accounts(file.accounts, [account.key for account in plan.accounts], f"{file.file}: accounts")
    settings = AppliedSettings(
        names_guardrails=file.guardrails is not None,
        protects_oidc_providers=file.protect_oidc_providers,
        issuer_timeout=file.issuer_timeout,
        is_sandbox=file.is_sandbox,
    )
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
    if now is None:
        change = Change.REMOVED
    elif base is not None and before is None:
        change = Change.ADDED
    elif before is None or before.digest is None:
        change = Change.NOT_COMPARED
    else:
        change = Change.UNCHANGED if now.digest == before.digest and not keys else Change.CHANGED
    return StackChange(name, change, now, before, keys)
