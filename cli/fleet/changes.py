"""The changes of many accounts in the words of `diff`: the same change in many accounts is one line."""

from collections.abc import Callable, Sequence

import click

from access.comparison.changes import ORDER, Change, Comparison
from access.plan import AccessPlan
from fleet.decide import FleetAccount
from fleet.status import AccountStatus
from review.diff import show_comparison, summary


def show_changes(accounts: Sequence[FleetAccount], plan: AccessPlan) -> None:
    """Print on standard output what the inventory changes, and what somebody changed by hand."""
    drift = comparison_of(accounts, plan, lambda status: status.drift)
    if drift.changes:
        click.echo("CHANGED BY HAND since the last run:\n")
        show_comparison(drift)
        click.echo()
    changes = comparison_of(accounts, plan, lambda status: status.changes)
    if changes.changes:
        click.echo("WHAT `fleet up` CHANGES:\n")
        show_comparison(changes)


def changes_in_brief(accounts: Sequence[FleetAccount], plan: AccessPlan) -> str:
    """Return ``1 wider, 2 gained, 1 lost; 9 → 10 roles`` of the accounts; the empty string without a change."""
    comparison = comparison_of(accounts, plan, lambda status: status.changes)
    return summary(comparison) if comparison.changes else ""


def comparison_of(
    accounts: Sequence[FleetAccount], plan: AccessPlan, changes_of: Callable[[AccountStatus], tuple[Change, ...]]
) -> Comparison:
    """Return the changes of accounts as one comparison, in the order of `diff`.

    Args:
        accounts: At least those that the changes are of.
        plan: Of all accounts.
        changes_of: Returns the changes of one account.
    """
    statuses = [account.status for account in accounts]
    place = {effect: number for number, effect in enumerate(ORDER)}
    changes = sorted(
        (change for status in statuses for change in changes_of(status)),
        key=lambda change: (place[change.effect], change.account or "", change.role or "", change.kind, change.message),
    )
    asked = plan.only(frozenset(account.key for account in accounts))
    after = {
        (account.key, role) for account in asked.accounts for role in (None, *(role.key for role in account.roles))
    }
    changed = {(change.account, change.role) for change in changes if change.account is not None}
    return Comparison(
        tuple(changes),
        sum(status.loss.roles_before for status in statuses),
        asked.role_count,
        tuple(sorted(role for status in statuses for role in status.loss.roles)),
        frozenset(after | changed),
        frozenset(after),
    )
