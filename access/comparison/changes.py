"""The result of a comparison: changes, each with its effect on access."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Effect(StrEnum):
    """The effect of a change on access, the most important first.

    ``widening``: more pipelines, from more places, for longer, or with admin access. ``gain``: other new access.
    ``breaks``: pipelines or the next deployment stop working until another change follows. ``loss``: access that ends.
    ``none``: no effect on access.
    """

    WIDENING = "widening"
    GAIN = "gain"
    BREAKS = "breaks"
    LOSS = "loss"
    NONE = "none"


UnplacedChange = tuple[str, Effect, str]
"""Kind, effect and message of a change whose account and role the caller knows."""

Cell = tuple[str, str | None]
"""The keys of an account and of a role in it; ``None`` for the account itself."""

ORDER = tuple(Effect)
"""The order in which changes are shown."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change.

    Attributes:
        kind: Public id, for example ``trust-gained``; documented in ``docs/guides/diff.md``.
        effect: Its effect on access.
        account: The key of the account, from the new plan if it has the account; ``None`` for a change of a stack file.
        role: The key of the role, likewise; ``None`` for a change of an account or an OIDC provider.
        arn: ARN of the role or the OIDC provider, ``None`` for an account.
        message: The change in words.
        who: Who may assume the role, ``acme/shop, deployment environment production``, or ``None``.
        grade: Grade of the trust, or ``None``.
        file: The stack file, relative to the folder of the inventory: ``Pulumi.dev.yaml``, or the lock; else
            ``None``.
        own: Values of the account and the role that the message may have, by the names of the inventory's variables:
            ``("account_id", "111111111111")``. Messages that differ only by them say the same.
    """

    kind: str
    effect: Effect
    account: str | None
    role: str | None
    arn: str | None
    message: str
    who: str | None = None
    grade: str | None = None
    file: str | None = None
    own: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Comparison:
    """The changes between two plans.

    Attributes:
        changes: Widening first, then by account and role.
        roles_before: Roles in all accounts.
        roles_after: Likewise.
        roles_lost: ARNs of roles that are deleted or replaced, sorted.
        cells_before: All accounts and roles of the old plan.
        cells_after: Likewise of the new plan.
    """

    changes: tuple[Change, ...]
    roles_before: int
    roles_after: int
    roles_lost: tuple[str, ...]
    cells_before: frozenset[Cell] = frozenset()
    cells_after: frozenset[Cell] = frozenset()

    @property
    def changes_access(self) -> bool:
        """Tell whether any change affects access."""
        return any(change.effect is not Effect.NONE for change in self.changes)

    def of(self, effect: Effect) -> tuple[Change, ...]:
        """Return the changes of one effect."""
        return tuple(change for change in self.changes if change.effect is effect)


def comparison_json(comparison: Comparison) -> dict[str, Any]:
    """Return all fields as JSON, with the changes in the order in which they are shown."""
    return {
        "changes_access": comparison.changes_access,
        "counts": {effect.value: len(comparison.of(effect)) for effect in ORDER},
        "roles": {
            "before": comparison.roles_before,
            "after": comparison.roles_after,
            "lost": list(comparison.roles_lost),
        },
        "changes": [_change(change) for change in comparison.changes],
    }


def _change(change: Change) -> dict[str, Any]:
    return {
        "kind": change.kind,
        "effect": change.effect.value,
        "account": change.account,
        "role": change.role,
        "arn": change.arn,
        "message": change.message,
        "who": change.who,
        "grade": change.grade,
        "file": change.file,
    }
