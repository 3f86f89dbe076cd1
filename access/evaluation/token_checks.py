"""Check a token as STS does before it reads any trust policy.

AWS documents few of these checks
(https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html, "Errors"). The rest was seen
in recorded calls to real AWS (us-east-1, 2026-09-11), among them three orders of audiences. Two other people report the
same message for several audiences, so that rule is almost certain. The other rules rest on the one recording. This
module does not check signatures, keys or the audiences of the OIDC provider.
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from access.evaluation.condition_keys import ROLES_CLAIM
from access.evaluation.decision import TokenRefusal
from access.evaluation.request import WebIdentityRequest
from oidc.errors import EvaluationError

TOLERANCE = timedelta(minutes=5)
"""Tolerance for ``iat`` and ``nbf`` in the future, and ``exp`` in the past (seen; AWS documents it for ``exp``:
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_oidc.html)."""

_INVALID = "InvalidIdentityToken"
_NOT_VALIDATED = (
    "The web identity token provided could not be validated. See the AssumeRoleWithWebIdentity documentation for "
    "requirements."
)
_SECONDS = re.compile(r"\d{1,12}", re.ASCII)
_LATEST = 10**12


def token_refusal(request: WebIdentityRequest) -> TokenRefusal | None:
    """Return why STS refuses a token under any trust policy, or ``None``.

    Raises:
        EvaluationError: The behaviour of STS for the token was not seen, or the call lacks values to decide it.
    """
    claims = request.claims
    for name in ("iss", "sub", "aud", *(("iat", "exp") if request.has_times else ())):
        if name not in claims:
            return TokenRefusal(_INVALID, f"Missing a required claim: {name}", "use the step's own token")
    if claims["sub"] is None:
        message = "Unknown error validating third-party token"
        return TokenRefusal("InternalFailure", message, "give a `sub` that is not null")
    return _audience_refusal(claims) or _time_refusal(request) or _role_refusal(request)


def _audience_refusal(claims: Mapping[str, Any]) -> TokenRefusal | None:
    """Check ``aud``: one audience, as text or in a list; of several audiences only ``azp`` counts."""
    listed = claims["aud"] if isinstance(claims["aud"], list | tuple) else [claims["aud"]]
    if not listed:
        return TokenRefusal(_INVALID, "Claim is not allowed to be empty: aud", "use the step's own token")
    if not all(isinstance(each, str) for each in listed):
        return TokenRefusal(_INVALID, "`aud` is neither text nor a list of texts", "use the step's own token")
    if "azp" not in claims:
        if len(listed) > 1:
            message = "Token audience contains more than one audience while authorized party is not present"
            return TokenRefusal(_INVALID, message, "do not ask for further audiences in the step")
    elif not isinstance(claims["azp"], str):
        raise EvaluationError("it is not known how STS reads an azp that is not text", do="leave it out")
    if not (claims["azp"] if "azp" in claims else listed[0]):
        return TokenRefusal(_INVALID, _NOT_VALIDATED, "use an audience that the OIDC provider lists")
    return None


def _time_refusal(request: WebIdentityRequest) -> TokenRefusal | None:
    now = request.at.timestamp()
    times: dict[str, int] = {}
    for name in ("iat", "exp", "nbf"):
        if name not in request.claims:
            continue
        seconds = _seconds(request.claims[name])
        if seconds is None:
            do = f"give `{name}` in whole seconds since 1970"
            return TokenRefusal(_INVALID, "Invalid timestamp in token claims.", do)
        times[name] = seconds
    tolerance = int(TOLERANCE.total_seconds())
    if "exp" in times and now >= times["exp"] + tolerance:
        # STS shows its clock minus the tolerance here, and plus the tolerance below.
        message = f"Token expired: current date/time {int(now) - tolerance} must be before the expiration date/time "
        message += str(times["exp"])
        do = "use a token of this run, at the beginning of the step"
        return TokenRefusal("ExpiredTokenException", message, do, of_time=True)
    do = "check the clock, or --at"
    if times.get("iat", 0) > now + tolerance:
        return TokenRefusal(_INVALID, f"Token issued in the future: {times['iat']}", do, of_time=True)
    if times.get("nbf", 0) > now + tolerance:
        message = f"Token not yet valid: current date/time {int(now) + tolerance} must be after or equal to the "
        return TokenRefusal(_INVALID, f"{message}not-before date/time {times['nbf']}", do, of_time=True)
    return None


def _seconds(value: object) -> int | None:
    """Return a time of a token; whole numbers may be written as text, and fractions are refused (seen)."""
    if isinstance(value, str) and _SECONDS.fullmatch(value):
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _LATEST:
        return value
    return None


def _role_refusal(request: WebIdentityRequest) -> TokenRefusal | None:
    """Check the claim that binds a token to roles: their exact ARNs, in a list or with semicolons between them."""
    value = request.claims.get(ROLES_CLAIM)
    if value is None:
        return None
    if request.role_arn is None:
        raise EvaluationError(f"the token has {ROLES_CLAIM}, but the ARN of the role is unknown")
    listed = value if isinstance(value, list | tuple) else str(value).split(";")
    if request.role_arn in [each.strip() for each in listed if isinstance(each, str)]:
        return None
    message = "The target role ARN is not present in the roles claim of the identity token"
    return TokenRefusal(_INVALID, message, "use a token that names this role")
