"""Say in words why a trust policy refuses a call, from the failed checks of the evaluator's decision."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from access.evaluation.decide import ACTION, decide
from access.evaluation.decision import Check, StatementOutcome, TokenRefusal
from access.evaluation.request import WebIdentityRequest
from access.evaluation.token_checks import token_refusal
from access.explanation.mistakes import (
    ISSUER_HEAD,
    ISSUER_TAIL,
    issuer_mistakes,
)
from access.explanation.names import Names
from access.explanation.subjects import Reason, subject_reasons
from config.findings import one_line
from oidc.audience import audience_mistakes, workspace_of_audience
from oidc.errors import EvaluationError

_HTTPS = "https://"
_ISSUER_IN_ARN = ":oidc-provider/"
_ANOTHER_WORKSPACE, _ELSEWHERE = 5, 6


def refusal_reasons(document: Mapping[str, Any], request: WebIdentityRequest, names: Names) -> tuple[Reason, ...]:
    """Say why a trust policy refuses a call: by its denials, or by the statement nearest to allowing it.

    Raises:
        EvaluationError: The policy cannot be decided for a call of this kind.
    """
    refusal = token_refusal(request)
    if refusal is not None:
        return _token_reasons(document, request, names, refusal)
    outcomes = _outcomes(document, request)
    denials = [
        Reason(_ELSEWHERE, f"statement {outcome.index} denies the call")
        for outcome in outcomes
        if outcome.effect == "Deny" and outcome.applies
    ]
    if denials:
        return tuple(denials)
    by_statement = [
        reasons
        for outcome in outcomes
        if outcome.effect == "Allow" and (reasons := _statement_reasons(document, outcome, request, names))
    ]
    return min(by_statement, key=lambda reasons: sum(reason.weight for reason in reasons), default=_NO_STATEMENT)


def _token_reasons(
    document: Mapping[str, Any], request: WebIdentityRequest, names: Names, refusal: TokenRefusal
) -> tuple[Reason, ...]:
    """Say why STS refuses the token; if only its times are wrong, add the reasons of the trust policy."""
    text = f"STS refuses the token before it reads the trust policy: {refusal.code}: {one_line(refusal.message)}"
    own = Reason(1, f"{text.removesuffix('.')}; {refusal.do}")
    if not refusal.of_time:
        return (own,)
    claims = {name: value for name, value in request.claims.items() if name not in ("iat", "nbf", "exp")}
    fresh = replace(request, claims=claims, is_token=False)
    try:
        return (own,) if decide(document, fresh).allowed else (own, *refusal_reasons(document, fresh, names))
    except EvaluationError:
        return (own,)


_NO_STATEMENT = (Reason(_ELSEWHERE, "no statement of the trust policy allows anything"),)


def _outcomes(document: Mapping[str, Any], request: WebIdentityRequest) -> tuple[StatementOutcome, ...]:
    """Return the evaluator's outcome for each statement, also for an issuer that it does not recognise."""
    if not str(request.claims.get("iss")).startswith(_HTTPS):
        request = replace(request, claims={**request.claims, "iss": _NOBODY})
    return decide(document, request).statements


_NOBODY = "https://issuer.invalid"
"""An issuer that no OIDC provider has (https://www.rfc-editor.org/rfc/rfc2606#section-2)."""


def _statement_reasons(
    document: Mapping[str, Any], outcome: StatementOutcome, request: WebIdentityRequest, names: Names
) -> tuple[Reason, ...]:
    reasons: list[Reason] = []
    principal = next((check for check in outcome.failed if check.element == "Principal"), None)
    if principal is not None:
        reason, issuer = _principal_reason(principal, request, names)
        reasons.append(reason)
        if issuer is None:
            return tuple(reasons)
        # With the issuer corrected, the request has the statement's keys, so other differences show.
        claims = {**request.claims, "iss": issuer}
        try:
            outcome = decide(document, replace(request, claims=claims)).statements[outcome.index]
        except EvaluationError:
            return tuple(reasons)
    for check in outcome.failed:
        if check.element != "Principal":
            reasons += _check_reasons(check, request, names)
    return tuple(reasons)


def _principal_reason(check: Check, request: WebIdentityRequest, names: Names) -> tuple[Reason, str | None]:
    """Return the reason, and the statement's issuer if the token's issuer was probably intended to be equal."""
    issuer = str(request.claims.get("iss"))
    own = f"arn:{request.partition}:iam::{request.account}{_ISSUER_IN_ARN}"
    wanted = [f"{_HTTPS}{arn.removeprefix(own)}" for arn in check.expected if arn.startswith(own)]
    if not wanted:
        expected = one_line(" or ".join(check.expected))
        text = f"the principal is {expected}, not an OIDC provider of account {request.account}"
        return Reason(_ELSEWHERE, text), None
    if issuer in wanted:
        text = "the OIDC provider is not listed under Federated, and IAM refuses it under any other kind of principal"
        return Reason(1, text), None
    mistakes = issuer_mistakes(issuer, names)
    text = f"issuer {one_line(issuer)}: {', and '.join(mistakes.phrases)}"
    if mistakes.meant in wanted and mistakes.phrases:
        return Reason(1, text, f"; expected {mistakes.meant}"), mistakes.meant
    for of_policy in wanted:
        mistakes_of_policy = issuer_mistakes(of_policy, names)
        if mistakes_of_policy.phrases and mistakes_of_policy.meant == mistakes.meant:
            phrases = ", and ".join(mistakes_of_policy.phrases)
            return Reason(1, f"the trust policy has the issuer {one_line(of_policy)}: {phrases}"), of_policy
    if mistakes.phrases:
        return Reason(_ANOTHER_WORKSPACE, text, f"; expected {one_line(' or '.join(wanted))}"), None
    expected, got = " or ".join(map(workspace_of, wanted)), workspace_of(issuer)
    return Reason(_ANOTHER_WORKSPACE, "issuer of another workspace", f": expected {expected}, got {got}"), None


def workspace_of(issuer: str) -> str:
    """Return ``acme`` for the issuer of the workspace acme, else the issuer."""
    is_bitbucket = issuer.startswith(ISSUER_HEAD) and issuer.endswith(ISSUER_TAIL)
    return one_line(issuer[len(ISSUER_HEAD) : -len(ISSUER_TAIL)] if is_bitbucket else issuer)


def _check_reasons(check: Check, request: WebIdentityRequest, names: Names) -> list[Reason]:
    claim = check.key.lower().rpartition(":")[2] if "/" in check.key or "." in check.key else ""
    positive = check.operator in ("StringEquals", "StringLike")
    if claim == "sub" and positive and check.actual:
        workspace = workspace_of_audience(request.claims.get("aud"))
        is_pattern = check.operator == "StringLike"
        reasons = subject_reasons(check.actual[0], check.expected, names, workspace) if is_pattern else []
        return reasons or [_generic(check)]
    if claim == "aud" and positive and check.actual:
        return [_audience_reason(check, names)]
    if check.element == "Action":
        actions = one_line(" and ".join(check.expected))
        return [Reason(_ELSEWHERE, f"the statement does not cover {ACTION}: its Action or NotAction is {actions}")]
    return [_place_or_time(check, request) or _generic(check)]


def _audience_reason(check: Check, names: Names) -> Reason:
    expected = " or ".join(names.audience(each) for each in check.expected)
    phrases = audience_mistakes(check.actual[0], names.workspaces).phrases
    why = f": {', and '.join(phrases)}" if phrases else ""
    got = " and ".join(names.audience(each) for each in check.actual)
    return Reason(1, "audience", f": expected {expected}, got {got}{why}")


def _place_or_time(check: Check, request: WebIdentityRequest) -> Reason | None:
    expected = one_line(", ".join(check.expected))
    match check.operator, check.key.lower():
        case "IpAddress", "aws:sourceip" if request.vpc_endpoint is not None:
            text = f"the call comes through the VPC endpoint {request.vpc_endpoint}"
            return Reason(1, text, f": expected an address of {expected}")
        case "IpAddress", "aws:sourceip" if not check.actual:
            return Reason(1, "no address given", f": expected one of {expected}")
        case "IpAddress", "aws:sourceip":
            return Reason(1, "address", f": expected one of {expected}, got {check.actual[0]}")
        case "StringEquals", "aws:sourcevpce":
            got = check.actual[0] if check.actual else "none"
            return Reason(1, "VPC endpoint", f": expected {expected}, got {got}")
        case "DateLessThan", "aws:currenttime":
            return Reason(1, _expired(expected))
    return None


def _expired(until: str) -> str:
    """Say when access ended; an end at midnight is shown as the day before."""
    try:
        last = datetime.fromisoformat(until) - timedelta(days=1)
    except (ValueError, OverflowError):
        return f"expired: access ended at {until}"
    return f"expired: the last day was {last.date()} (UTC)" if until.endswith(_MIDNIGHT) else f"expired at {until}"


_MIDNIGHT = "T00:00:00Z"


def _generic(check: Check) -> Reason:
    expected = one_line(" or ".join(check.expected))
    got = f"got {one_line(', '.join(check.actual))}" if check.actual else "but the call has no such key"
    return Reason(1, f"{check.operator} of {one_line(check.key)}", f": expected {expected}, {got}")
