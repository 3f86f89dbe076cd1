"""The status of an account of a fleet: plan, state and AWS compared."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from access.comparison.changes import Change
from access.update_preview import Loss


class Standing(StrEnum):
    """What ``fleet status`` says of an account, in a word. The values are public: the run report has them."""

    IN_LINE = "in-line"
    """AWS, state and plan agree, and no run was interrupted."""
    CHANGED = "to-be-changed"
    """The plan differs from the state, or the last run was interrupted."""
    DRIFTED = "drifted"
    """AWS differs from what the last run wrote. The plan may differ, too."""
    NEVER_MADE = "never-made"
    """There is no state; AWS may have roles under this stack's tag, which are taken up."""
    BLOCKED = "blocked"
    """``up`` would fail or harm somebody; a person decides first."""
    UNREACHABLE = "unreachable"
    """The account did not answer."""
    NOT_IN_INVENTORY = "not-in-inventory"
    """The backend has a stack of this name, and the inventory has no such account."""


HAND_MADE_POLICY = "inline-policy-by-hand"
"""Kind of the drift that ``up`` leaves alone: an inline policy that neither plan nor state knows."""

UNMANAGED = "unmanaged"
"""Kind of the drift that ``up`` leaves alone: a resource under this stack's tag that neither plan nor state knows."""

_LEFT_ALONE = frozenset({HAND_MADE_POLICY, UNMANAGED})


@dataclass(frozen=True, slots=True)
class AccountStatus:
    """The status of an account, or of a stack that no account has.

    Attributes:
        key: Of the account, which is also the name of its stack.
        standing: The status in a word.
        changes: What ``up`` changes in AWS: from AWS as found to the plan.
        drift: What somebody changed by hand: from the state to AWS as found.
        reason: Why it is not in line: half a sentence, or the empty string.
        do: What to do about it, or the empty string; ``fleet up`` is not repeated here.
        digest_before: The digest of the plan that the last complete run applied; ``None`` if no run is recorded.
        digest: The digest of the present plan; ``None`` for a stack without an account.
        loss: Roles and OIDC providers that ``up`` deletes or replaces, as ARNs.
        take_up: ARNs of roles and OIDC providers in AWS that the next run takes into the state.
        not_taken_up: For each that has this stack's tag and is not taken up, a sentence with its ARN and the reason.
        rename_from: The present name of the stack, a previous key of the account; else ``None``.
        needs: Sentences on what must be mended first: pending operations, a lock, empty attributes.
        is_new: Whether the backend has no stack for it yet, also none under a previous key.
        is_locked: Whether another run holds the stack, or a killed one left its lock.
        has_pending: Whether the state has pending operations, which the next run clears.
        has_empty_attributes: Whether the file backend has an empty file of attributes, which the next run mends.
        secrets_provider: Of the state, for the stack file of the next run; ``None`` without a state.
    """

    key: str
    standing: Standing
    changes: tuple[Change, ...] = ()
    drift: tuple[Change, ...] = ()
    reason: str = ""
    do: str = ""
    digest_before: str | None = None
    digest: str | None = None
    loss: Loss = field(default_factory=lambda: Loss(0, ()))
    take_up: tuple[str, ...] = ()
    not_taken_up: tuple[str, ...] = ()
    rename_from: str | None = None
    needs: tuple[str, ...] = ()
    is_new: bool = False
    is_locked: bool = False
    has_pending: bool = False
    has_empty_attributes: bool = False
    secrets_provider: Mapping[str, Any] | None = None

    @property
    def needs_up(self) -> bool:
        """Tell whether ``up`` has something to do here.

        It has for a locked stack, too: the run decides whether the lock is that of a dead run. It has not for a
        drift that it leaves alone.
        """
        if self.standing is Standing.BLOCKED:
            return self.is_locked
        if self.standing is Standing.DRIFTED:
            untouched = all(change.kind in _LEFT_ALONE for change in self.drift)
            return not untouched or bool(self.changes or self.needs) or self.digest_before != self.digest
        return self.standing in (Standing.CHANGED, Standing.NEVER_MADE)
