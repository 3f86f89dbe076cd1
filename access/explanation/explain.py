"""For every role of a plan: whether a token may assume it, and why, or why not.

The verdict is the trust evaluator's, from the rendered trust policy; nothing here decides.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from access.evaluation.decide import decide
from access.evaluation.request import WebIdentityRequest
from access.explanation.names import Names
from access.explanation.reasons import refusal_reasons
from access.explanation.subjects import Reason, subject_in_words
from access.plan import AccessPlan, AccountPlan, RolePlan
from config.findings import one_line
from oidc.errors import EvaluationError


@dataclass(frozen=True, slots=True)
class TokenCall:
    """A call of AssumeRoleWithWebIdentity for any role.

    Attributes:
        claims: Of the token, with ``iss``, ``aud`` and ``sub``. Without ``iat`` and ``exp`` they count as claims of a
            token that was just issued.
        at: The time of the call, with a time zone.
        source_ip: Its source address, or ``None`` if unknown.
        vpc_endpoint: The VPC endpoint that it goes through, or ``None``.
        is_token: Whether ``claims`` are all claims of a token, so no other claim is assumed.
    """

    claims: Mapping[str, Any]
    at: datetime
    source_ip: str | None = None
    vpc_endpoint: str | None = None
    is_token: bool = False

    def to_role_in(self, account: str, partition: str, role_arn: str | None = None) -> WebIdentityRequest:
        """Return the call as made for a role of an account."""
        return WebIdentityRequest(
            self.claims, account, self.at, partition, self.source_ip, self.vpc_endpoint,
            role_arn=role_arn, is_token=self.is_token,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class RoleAnswer:
    """The answer of one trust policy to a call.

    Attributes:
        allowed: Whether STS gives credentials; also ``False`` if AWS does not document the outcome.
        undecided: Whether AWS does not document the outcome.
        reasons: Why the token is admitted or refused.
    """

    allowed: bool
    undecided: bool
    reasons: tuple[Reason, ...]

    @property
    def distance(self) -> int:
        """How far from being allowed: the sum of the reasons' weights."""
        return sum(reason.weight for reason in self.reasons)


@dataclass(frozen=True, slots=True)
class Verdict:
    """One role, by its keys in the inventory, and the answer of its trust policy."""

    account: str
    role: str
    arn: str
    answer: RoleAnswer


def explain(plan: AccessPlan, call: TokenCall, names: Names) -> tuple[Verdict, ...]:
    """Return the verdict of every role of the plan, sorted by ARN."""
    verdicts = [
        Verdict(account.key, role.key, role.arn, _of_role(role, account, call, names))
        for account in plan.accounts
        for role in account.roles
    ]
    return tuple(sorted(verdicts, key=lambda verdict: verdict.arn))


def _of_role(role: RolePlan, account: AccountPlan, call: TokenCall, names: Names) -> RoleAnswer:
    request = call.to_role_in(account.id, account.partition.value, role.arn)
    answered = answer(role.trust_policy.to_json(), request, names)
    if (
        answered.allowed
        and role.adopted_as_is is not None
        and call.at.astimezone(UTC).date() <= role.adopted_as_is.until
    ):
        text = f"role ADOPTED AS IS until {role.adopted_as_is.until}: it trusts a whole workspace (workspace-wide)"
        return replace(answered, reasons=(*answered.reasons, Reason(0, text)))
    return answered


def answer(document: Mapping[str, Any], request: WebIdentityRequest, names: Names) -> RoleAnswer:
    """Return the verdict of a trust policy on a call; never raises."""
    try:
        allowed = decide(document, request).allowed
    except EvaluationError as error:
        return _undecided(document, request, names, error)
    if allowed:
        subject = subject_in_words(str(request.claims["sub"]), names)
        return RoleAnswer(allowed=True, undecided=False, reasons=(Reason(0, subject),))
    return RoleAnswer(allowed=False, undecided=False, reasons=refusal_reasons(document, request, names))


def _undecided(
    document: Mapping[str, Any], request: WebIdentityRequest, names: Names, error: EvaluationError
) -> RoleAnswer:
    """Refuse an invalid issuer with its reasons; every other verdict is unknown."""
    issuer = request.claims.get("iss")
    if isinstance(issuer, str) and not issuer.startswith("https://"):
        try:
            return RoleAnswer(allowed=False, undecided=False, reasons=refusal_reasons(document, request, names))
        except EvaluationError:
            pass  # undecided with every issuer: reported below
    return RoleAnswer(
        allowed=False, undecided=True, reasons=(Reason(_UNDECIDED, f"not decided: {one_line(str(error))}"),)
    )


_UNDECIDED = 2
