"""Decide AssumeRoleWithWebIdentity by a trust policy.

"By default, all requests are implicitly denied"; "an explicit allow … overrides this default", and "an explicit deny in
any policy overrides any allows":
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-basics.html. Only the
trust policy counts, because the caller with a token has no policies. STS may refuse the token before that.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from access.evaluation.conditions import condition_checks, parsed_object, texts_of
from access.evaluation.decision import Check, Decision, StatementOutcome
from access.evaluation.request import RequestContext, WebIdentityRequest
from access.evaluation.text_patterns import matches, plain_tokens
from access.evaluation.token_checks import token_refusal
from oidc.errors import EvaluationError

ACTION = "sts:AssumeRoleWithWebIdentity"
"""The action that the call needs (https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html)."""

_VERSIONS = {"2008-10-17": False, "2012-10-17": True}
"""Versions of the policy language, each with whether it has policy variables; the older one is the default
(https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_version.html)."""

_DOCUMENT_ELEMENTS = frozenset({"Version", "Id", "Statement"})
_STATEMENT_ELEMENTS = frozenset({"Sid", "Effect", "Principal", "Action", "NotAction", "Condition"})
_NOT_IN_TRUST_POLICIES = {
    "NotPrincipal": "reference_policies_elements_notprincipal.html: not in an IAM role trust policy",
    "Resource": "the role that a trust policy is attached to is its resource",
    "NotResource": "the role that a trust policy is attached to is its resource",
}
_OTHER_PRINCIPALS = frozenset({"AWS", "Service", "CanonicalUser"})


def decide(document: Mapping[str, Any], request: WebIdentityRequest) -> Decision:
    """Decide a call by a trust policy.

    Args:
        document: The trust policy as parsed JSON.
        request: The call.

    Raises:
        EvaluationError: The policy has an element, operator, key or value that is unknown or that IAM would refuse,
            or the outcome depends on behaviour that AWS does not document.
    """
    refusal = token_refusal(request)
    if refusal is not None:
        return Decision(allowed=False, denied=False, statements=(), refusal=refusal)
    variables = _has_variables(document)
    statements = document.get("Statement")
    listed = statements if isinstance(statements, list) else [statements]
    context = RequestContext(request)
    outcomes = tuple(
        _statement_outcome(index, statement, request, context, variables=variables)
        for index, statement in enumerate(listed)
    )
    return _decision(outcomes)


def _decision(outcomes: tuple[StatementOutcome, ...]) -> Decision:
    allows = [outcome.applies for outcome in outcomes if outcome.effect == "Allow"]
    denies = [outcome.applies for outcome in outcomes if outcome.effect == "Deny"]
    if True in denies:
        return Decision(allowed=False, denied=True, statements=outcomes)
    # Without a statement that may allow it, the call is refused, whatever the denials are.
    may_be_allowed = True in allows or None in allows
    if may_be_allowed and (None in denies or True not in allows):
        undecided = [outcome for outcome in outcomes if outcome.applies is None]
        raise next(check.problem for outcome in undecided for check in outcome.checks if check.problem is not None)
    return Decision(allowed=True in allows, denied=False, statements=outcomes)


def form_problem(document: Mapping[str, Any], index: int, statement: object) -> EvaluationError | None:
    """Return why a statement decides no call, or ``None``: the form of the statement or of the policy is unknown.

    Args:
        document: The trust policy as parsed JSON.
        index: Index of the statement, from 0.
        statement: A statement of the policy.
    """
    try:
        _statement_outcome(index, statement, _ANY_CALL, RequestContext(_ANY_CALL), variables=_has_variables(document))
    except EvaluationError as error:
        return error
    return None


_ANY_CALL = WebIdentityRequest(
    {"iss": "https://issuer.invalid", "aud": "any", "sub": "any"}, "000000000000", datetime(2026, 1, 1, tzinfo=UTC)
)
"""The caller does not matter for the form (https://www.rfc-editor.org/rfc/rfc2606#section-2)."""


def _has_variables(document: Mapping[str, Any]) -> bool:
    _refuse_unknown("the policy", parsed_object(document, "a policy"), _DOCUMENT_ELEMENTS)
    version = document.get("Version", "2008-10-17")
    if not isinstance(version, str) or version not in _VERSIONS:
        raise EvaluationError(f"the policy language has no version {version!r}", do="write 2012-10-17")
    return _VERSIONS[version]


def _statement_outcome(
    index: int, value: object, request: WebIdentityRequest, context: RequestContext, *, variables: bool
) -> StatementOutcome:
    statement = parsed_object(value, f"statement {index}")
    for element, why in _NOT_IN_TRUST_POLICIES.items():
        if element in statement:
            raise EvaluationError(f"statement {index} has {element}, which IAM refuses in a trust policy ({why})")
    _refuse_unknown(f"statement {index}", statement, _STATEMENT_ELEMENTS)
    effect = statement.get("Effect")
    if effect not in ("Allow", "Deny"):
        # "Valid values for Effect are Allow and Deny. The Effect value is case sensitive."
        raise EvaluationError(f"statement {index} has the effect {effect!r}", do="write Allow or Deny")
    try:
        checks = _checks(statement, request, context, variables=variables)
    except EvaluationError as error:
        if effect == "Allow":
            raise
        # A denial admits nobody, in any form.
        checks = (Check("Condition", "", "", (), (), None, error),)
    return StatementOutcome(index, str(statement.get("Sid", "")), effect, checks)


def _checks(
    statement: Mapping[str, Any], request: WebIdentityRequest, context: RequestContext, *, variables: bool
) -> tuple[Check, ...]:
    return (
        _principal_check(statement.get("Principal"), request),
        _action_check(statement),
        *condition_checks(statement.get("Condition", {}), context, variables=variables),
    )


def _refuse_unknown(where: str, elements: Mapping[str, Any], known: frozenset[str]) -> None:
    for element in sorted(elements.keys() - known):
        raise EvaluationError(f"{where} has an unknown element {element}")


def _principal_check(principal: object, request: WebIdentityRequest) -> Check:
    """Compare the principal with the OIDC provider of the token's issuer.

    Accounts, roles and services never present a token. "You cannot use a wildcard to match part of a principal
    name or ARN." Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html.
    The same page says that ``"*"`` and ``{"AWS": "*"}`` are equal. In one recorded call (us-east-1, 2026-09-11) real
    AWS did not admit a web identity by ``{"AWS": "*"}``. ``"*"`` was not recorded, so it is not decided.
    """
    arn = request.oidc_provider_arn
    if principal == "*":
        what = 'whether the principal "*" lets a token in is not known: in a recorded call, {"AWS": "*"} did not'
        problem = EvaluationError(what, do='name the OIDC provider: {"Federated": …}')
        return Check("Principal", "", "", ("*",), (arn,), None, problem)
    expected: list[str] = []
    holds = False
    for kind, value in parsed_object(principal, "a Principal").items():
        names = texts_of(value)
        if kind == "Federated":
            if any("*" in name or "?" in name for name in names):
                raise EvaluationError(f"AWS does not document a wildcard in a federated principal: {', '.join(names)}")
            holds = holds or arn in names
        elif kind not in _OTHER_PRINCIPALS:
            raise EvaluationError(f"IAM has no kind of principal {kind}")
        expected += names
    if not expected:
        raise EvaluationError("a statement has no principal")
    return Check("Principal", "", "", tuple(expected), (arn,), holds)


def _action_check(statement: Mapping[str, Any]) -> Check:
    """Compare the action: ignoring case, with ``*`` and ``?``.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_action.html
    """
    elements = [element for element in ("Action", "NotAction") if element in statement]
    if len(elements) != 1:
        raise EvaluationError("a statement must have exactly one of Action and NotAction")
    patterns = texts_of(statement[elements[0]])
    if odd := next((pattern for pattern in patterns if not pattern.isascii()), None):
        raise EvaluationError(f"{odd!r} is not an action: it has characters other than ASCII")
    is_named = any(_is_action(pattern) for pattern in patterns)
    return Check("Action", "", "", patterns, (ACTION,), is_named is (elements[0] == "Action"))


def _is_action(pattern: str) -> bool:
    return matches(ACTION.lower(), plain_tokens(pattern.lower()))
