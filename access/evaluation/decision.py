"""The decision, and the failed parts of each statement of the trust policy."""

from dataclasses import dataclass
from typing import Literal

from oidc.errors import EvaluationError


@dataclass(frozen=True, slots=True)
class Check:
    """The comparison of one part of a statement with the request.

    Attributes:
        element: ``Principal``, ``Action`` or ``Condition``.
        operator: The condition operator, for example ``StringLike``; empty for the other elements.
        key: The condition key as the policy spells it, for example ``aws:SourceIp``; empty for the other elements.
        expected: The values in the policy, in its order.
        actual: The values in the request; empty without the key.
        holds: Whether the part matches; ``None`` if AWS does not document the result.
        problem: Why the result is unknown, if ``holds`` is ``None``.
    """

    element: Literal["Principal", "Action", "Condition"]
    operator: str
    key: str
    expected: tuple[str, ...]
    actual: tuple[str, ...]
    holds: bool | None
    problem: EvaluationError | None = None


@dataclass(frozen=True, slots=True)
class StatementOutcome:
    """The comparison of one statement with the request.

    Attributes:
        index: Index in the policy, from 0.
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
        """The parts that do not match, so that the statement does not apply."""
        return tuple(check for check in self.checks if check.holds is False)

    @property
    def applies(self) -> bool | None:
        """Whether all of its parts match; ``None`` if unknown."""
        if self.failed:
            return False
        return None if any(check.holds is None for check in self.checks) else True


@dataclass(frozen=True, slots=True)
class TokenRefusal:
    """Why STS refuses a token before it reads any trust policy.

    Attributes:
        code: Error code: ``InvalidIdentityToken``.
        message: STS's message, or this program's if that is unknown.
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
        allowed: Whether STS gives credentials.
        denied: Whether a statement denies it. Without a denial, a call is refused if no statement allows it.
        statements: Each with its reasons; empty if the token itself is refused.
        refusal: Why the token itself is refused, or ``None``.
    """

    allowed: bool
    denied: bool
    statements: tuple[StatementOutcome, ...]
    refusal: TokenRefusal | None = None
