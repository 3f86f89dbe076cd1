"""The failed checks of a decision, in words."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from access.evaluation.decide import decide
from access.evaluation.decision import Check, StatementOutcome, TokenRefusal
from access.evaluation.request import WebIdentityRequest
from access.evaluation.token_checks import token_refusal
from access.explanation.mistakes import audience_mistakes, issuer_mistakes, workspace_of_audience
from access.explanation.names import Names
from access.explanation.subjects import Reason, subject_reasons
from config.findings import one_line
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
        Reason(_ELSEWHERE, f"statement {outcome.index} denies it")
        for outcome in outcomes
        if outcome.effect == "Deny" and outcome.applies
    ]
    if denials:
        return tuple(denials)
    found = [
        reasons
        for outcome in outcomes
        if outcome.effect == "Allow" and (reasons := _statement_reasons(document, outcome, request, names))
    ]
    return min(found, key=lambda reasons: sum(reason.weight for reason in reasons), default=_NO_STATEMENT)


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
    wanted = [f"{_HTTPS}{arn.removeprefix(own)}" for arn in check.wanted if arn.startswith(own)]
    if not wanted:
        expected = one_line(" or ".join(check.wanted))
        text = f"the principal is {expected}, and no OIDC provider of account {request.account}"
        return Reason(_ELSEWHERE, text), None
    if issuer in wanted:
        text = "the OIDC provider stands under another kind of principal than Federated, where IAM refuses it"
        return Reason(1, text), None
    slips = issuer_mistakes(issuer, names)
    if slips.meant in wanted and slips.found:
        return Reason(
            1, f"issuer {one_line(issuer)}: {', and '.join(slips.found)}; expected {slips.meant}"
        ), slips.meant
    odd = [
        each for each in wanted if (of_policy := issuer_mistakes(each, names)).found and of_policy.meant == slips.meant
    ]
    if odd:
        text = (
            f"the trust policy has the issuer {one_line(odd[0])}: {', and '.join(issuer_mistakes(odd[0], names).found)}"
        )
        return Reason(1, text), odd[0]
    if slips.found:
        text = f"issuer {one_line(issuer)}: {', and '.join(slips.found)}; expected {one_line(' or '.join(wanted))}"
        return Reason(_ANOTHER_WORKSPACE, text), None
    expected, got = " or ".join(workspace_of(each) for each in wanted), workspace_of(issuer)
    return Reason(_ANOTHER_WORKSPACE, f"issuer of another workspace: expected {expected}, got {got}"), None


def workspace_of(issuer: str) -> str:
    """Return ``acme`` for the issuer of the workspace acme, else the issuer."""
    head, tail = "https://api.bitbucket.org/2.0/workspaces/", "/pipelines-config/identity/oidc"
    is_bitbucket = issuer.startswith(head) and issuer.endswith(tail)
    return one_line(issuer[len(head) : -len(tail)] if is_bitbucket else issuer)


def _check_reasons(check: Check, request: WebIdentityRequest, names: Names) -> list[Reason]:
    claim = check.key.lower().rpartition(":")[2] if "/" in check.key or "." in check.key else ""
    positive = check.operator in ("StringEquals", "StringLike")
    if claim == "sub" and positive and check.found:
        workspace = workspace_of_audience(request.claims.get("aud"))
        found = (
            subject_reasons(check.found[0], check.wanted, names, workspace) if check.operator == "StringLike" else []
        )
        return found or [Reason(1, _generic(check))]
    if claim == "aud" and positive and check.found:
        return [_audience_reason(check, names)]
    if check.element == "Action":
        return [Reason(_ELSEWHERE, f"the statement is about {one_line(' and '.join(check.wanted))}")]
    return [Reason(1, _place_or_time(check, request) or _generic(check))]


def _audience_reason(check: Check, names: Names) -> Reason:
    expected = " or ".join(names.audience(each) for each in check.wanted)
    slips = audience_mistakes(check.found[0], names)
    why = f": {', and '.join(slips.found)}" if slips.found else ""
    got = " and ".join(names.audience(each) for each in check.found)
    return Reason(1, f"audience: expected {expected}, got {got}{why}")


def _place_or_time(check: Check, request: WebIdentityRequest) -> str:
    wanted = one_line(", ".join(check.wanted))
    match check.operator, check.key.lower():
        case "IpAddress", "aws:sourceip" if request.vpc_endpoint is not None:
            return f"the call comes through the VPC endpoint {request.vpc_endpoint}: expected an address of {wanted}"
        case "IpAddress", "aws:sourceip" if not check.found:
            return f"no address given: expected one of {wanted}"
        case "IpAddress", "aws:sourceip":
            return f"address: expected one of {wanted}, got {check.found[0]}"
        case "StringEquals", "aws:sourcevpce":
            got = check.found[0] if check.found else "none"
            return f"VPC endpoint: expected {wanted}, got {got}"
        case "DateLessThan", "aws:currenttime":
            return _expired(wanted)
    return ""


def _expired(until: str) -> str:
    """Say when access ended; an end at midnight is shown as the day before."""
    try:
        last = datetime.fromisoformat(until) - timedelta(days=1)
    except (ValueError, OverflowError):
        return f"expired: access ended at {until}"
    return f"expired on {last.date()}, its last day in UTC" if until.endswith(_MIDNIGHT) else f"expired at {until}"


_MIDNIGHT = "T00:00:00Z"


def _generic(check: Check) -> str:
    wanted = one_line(" or ".join(check.wanted))
    got = one_line(", ".join(check.found)) if check.found else "no such key"
    return f"{check.operator} of {one_line(check.key)}: expected {wanted}, got {got}"
