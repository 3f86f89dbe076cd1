"""One token presented to one role: what the inventory, the trust evaluator and STS say of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from access.explanation.explain import RoleAnswer, TokenCall, answer
from access.explanation.names import Names
from access.explanation.subjects import Reason
from access.plan import AccountPlan, RolePlan
from sandbox.proof.cases import BEFORE_THE_TRUST_POLICY, Presented

ASSUMED = "assumed"
"""What STS answers to whom it lets in; to others it answers with an error code."""


@dataclass(frozen=True, slots=True)
class ProofDecision:
    """One token presented to one role.

    Attributes:
        account: Key of the inventory.
        role: Key of the inventory.
        arn: Of the role.
        presented: The token.
        made_up: Whether it was made up for this role, one step away from a right one, rather than that of a step of
            the inventory. A wide trust lets some of these in, as it says.
        expected: What the inventory says.
        evaluated: What the trust evaluator says of the rendered trust policy, and why; ``None`` of a token that STS
            refuses before it looks at any.
        answer: The error code of STS, or ``assumed``.
    """

    account: str
    role: str
    arn: str
    presented: Presented
    made_up: bool
    expected: bool
    evaluated: RoleAnswer | None
    answer: str

    @property
    def allowed(self) -> bool:
        """Tell what STS decided."""
        return self.answer == ASSUMED

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """Why, in the words of ``explain``; never empty."""
        if self.evaluated is None:
            return (Reason(0, f"the token is {self.presented.flaw}: STS refuses it whatever the trust policy says"),)
        return self.evaluated.reasons

    @property
    def agrees(self) -> bool:
        """Tell whether STS decided as the inventory says, and as the evaluator says of the trust policy."""
        evaluated = self.evaluated is None or (not self.evaluated.undecided and self.evaluated.allowed is self.allowed)
        return self.expected is self.allowed and evaluated


def evaluated(
    account: AccountPlan,
    role: RolePlan,
    presented: Presented,
    claims: Mapping[str, Any],
    *,
    at: datetime,
    names: Names,
) -> RoleAnswer | None:
    """Return what the rendered trust policy says to a call, or ``None`` where STS does not ask it."""
    if presented.flaw in BEFORE_THE_TRUST_POLICY:
        return None
    origin = presented.origin
    call = TokenCall(claims, at, None if origin.source_vpce else origin.source_ip, origin.source_vpce)
    return answer(role.trust_policy.to_json(), call.to_role_in(account.id, account.partition.value), names)
