"""Narrow a comparison to the accounts and roles that somebody asks for."""

from dataclasses import dataclass, replace
from typing import Any

from access.comparison.changes import Change, Comparison
from access.comparison.view import PlanView
from access.selection import Selection


@dataclass(frozen=True, slots=True)
class NarrowedComparison:
    """A part of a comparison.

    Attributes:
        comparison: The changes of accounts and roles that the selection keeps on either side, and all changes of
            files. Its numbers of roles are those of the kept roles.
        whole: The comparison that it is a part of: exit codes are those of the whole.
        selection: What was asked for.
        notes: On names that are matched only by wider trust.
    """

    comparison: Comparison
    whole: Comparison
    selection: Selection
    notes: tuple[str, ...] = ()

    @property
    def in_words(self) -> str:
        """``filtered by --account prod: 3 of 340 changes, of 35 of 1,035 roles``; empty if everything is kept."""
        if self.selection.is_everything:
            return ""
        numbers = self.to_json()
        changes = f"{numbers['changes']:,} of {numbers['of_changes']:,} changes"
        return f"filtered by {self.selection}: {changes}, of {numbers['roles']:,} of {numbers['of_roles']:,} roles"

    def to_json(self) -> dict[str, Any]:
        """Return what JSON output says about the filter. The keys are public."""
        return {
            "by": str(self.selection),
            "changes": len(self.comparison.changes),
            "of_changes": len(self.whole.changes),
            "roles": _role_count(self.comparison),
            "of_roles": _role_count(self.whole),
        }


def _role_count(comparison: Comparison) -> int:
    """Count the roles of both sides; one that both have counts once."""
    return sum(role is not None for _, role in comparison.cells_before | comparison.cells_after)


def narrow_comparison(
    comparison: Comparison, before: PlanView, after: PlanView, selection: Selection
) -> NarrowedComparison:
    """Return the part of a comparison that a selection keeps.

    A role is kept on both sides if either of them matches, so that a role that gets another owner is shown for both.

    Args:
        comparison: Of the two plans.
        before: The old plan.
        after: The new plan.
        selection: What to keep.

    Raises:
        UsageError: An entry matches nothing on either side, or all entries together match nothing.
    """
    accounts = [*before.accounts, *after.accounts]
    notes = selection.check(accounts)
    if selection.is_everything:
        return NarrowedComparison(comparison, comparison, selection, notes)
    kept = [account for account in accounts if selection.keeps(account)]
    ids = {account.id for account in kept}
    arns = {role.arn for account in kept for role in account.roles if selection.has_role(role)}
    cells = {(account.key, role.key) for account in accounts for role in account.roles if role.arn in arns}
    keys = {account.key for account in accounts if account.id in ids}

    def is_kept(change: Change) -> bool:
        if change.account is None:
            return True
        if change.role is None:
            return change.account in keys
        return change.arn in arns or (change.account, change.role) in cells

    wanted = cells | {(key, None) for key in keys}
    part = replace(
        comparison,
        changes=tuple(filter(is_kept, comparison.changes)),
        roles_before=sum(role.arn in arns for account in before.accounts for role in account.roles),
        roles_after=sum(role.arn in arns for account in after.accounts for role in account.roles),
        roles_lost=tuple(arn for arn in comparison.roles_lost if arn in arns),
        cells_before=comparison.cells_before & wanted,
        cells_after=comparison.cells_after & wanted,
    )
    return NarrowedComparison(part, comparison, selection, notes)
