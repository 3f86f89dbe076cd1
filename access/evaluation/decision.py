"""What was decided, and for each statement of the trust policy which of its parts failed."""

from dataclasses import dataclass
from typing import Literal

from oidc.errors import EvaluationError


@dataclass(frozen=True, slots=True)
class Check:
    """One part of a statement against the request.

    Attributes:
        element: ``Principal``, ``Action`` or ``Condition``.
        operator: The condition operator, for example ``StringLike``; empty for the other elements.
        key: The condition key as the policy spells it, for example ``aws:SourceIp``; empty for the other elements.
        wanted: What the policy names, in its order.
        found: What the request has; empty where it has no such key.
        holds: Whether the part matches; ``None`` where AWS does not document whether it does.
        problem: Why it is not known, where ``holds`` is ``None``.
    """

    element: Literal["Principal", "Action", "Condition"]
    operator: str
    key: str
    wanted: tuple[str, ...]
    found: tuple[str, ...]
    holds: bool | None
    problem: EvaluationError | None = None


@dataclass(frozen=True, slots=True)
class StatementOutcome:
    """One statement against the request.

    Attributes:
        index: Its place in the policy, from 0.
        sid: Its ``Sid``, or the empty string.
        effect: ``Allow`` or ``Deny``.
        checks: All of its parts.
    """

    index: int
    sid: str
    effect: Literal["Allow", "Deny"]
    checks: tuple[Check, ...]

    @property
    def failed(self) -> tuple[Check, ...]:
        """The parts that do not match: why the statement does not apply."""
        return tuple(check for check in self.checks if check.holds is False)

    @property
    def applies(self) -> bool | None:
        """Whether all of its parts match; ``None`` where that is not known."""
        if self.failed:
            return False
        return None if any(check.holds is None for check in self.checks) else True


@dataclass(frozen=True, slots=True)
class TokenRefusal:
    """Why STS refuses a token before it reads any trust policy.

    Attributes:
        code: Of the error: ``InvalidIdentityToken``.
        message: STS's own where it is known, else in our words.
        do: What to do.
        of_time: Whether the same token is good at another time.
    """

    code: str
    message: str
    do: str
    of_time: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether the call is allowed.

    Attributes:
        allowed: Whether credentials are given.
        denied: Whether a statement denies it; without one, what is not allowed is refused for want of a statement.
        statements: Each with its reasons; none where the token is refused before.
        refusal: Why the token itself is refused, or ``None``.
    """

    allowed: bool
    denied: bool
    statements: tuple[StatementOutcome, ...]
    refusal: TokenRefusal | None = None
