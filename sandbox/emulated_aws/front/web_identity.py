"""Gap: for AssumeRoleWithWebIdentity, ministack checks the trust policy alone.

This module checks the token, the OIDC provider of the role's account and its audiences before ministack decides by the
trust policy. The answer has the token's values. This can only refuse more: ministack decides who may assume a role.

Sources: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html and
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_oidc.html. If these give a code without a message,
the message is from recorded answers.
"""

import asyncio
import math
import re
from collections.abc import Callable, Mapping
from typing import Any
from xml.sax.saxutils import escape

import jwt

from sandbox.emulated_aws.front.issuers import IssuerKeys, UnreachableError, UnusableError
from sandbox.emulated_aws.inner import Inner
from sandbox.emulated_aws.query import Answer, AwsCall, Proceed, RefusalError, Step

LEEWAY = 300
"""Seconds allowed for clock skew: "AWS provides a five-minute window beyond the exp time … for clock skew"."""

ALGORITHMS = ("RS256", "RS384", "RS512", "ES256", "ES384", "ES512")
"""Signatures that AWS accepts (same page); Bitbucket signs with RS256."""

_NO_JWT = "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"
_NO_KEY = (
    "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity "
    "documentation for requirements"
)
_NOT_VALID = (
    "The web identity token that was passed could not be validated by Amazon Web Services. Get a new identity token "
    "from the identity provider and then retry the request."
)
_NOT_VALIDATED = (
    "The web identity token provided could not be validated. See the AssumeRoleWithWebIdentity documentation for "
    "requirements."
)
_SEVERAL_AUDIENCES = "Token audience contains more than one audience while authorized party is not present"

Claims = Mapping[str, Any]


def web_identity(inner: Inner, keys: IssuerKeys, clock: Callable[[], float]) -> Step:
    """Make the step for AssumeRoleWithWebIdentity; ``clock`` returns seconds since 1970."""

    async def step(call: AwsCall, proceed: Proceed) -> Answer:
        # Atlassian's examples write the token with `echo`, SDKs send the file unchanged, and AWS accepts the newline.
        token = call.params["WebIdentityToken"].strip()
        claims = read_claims(token)
        account = call.params["RoleArn"].split(":")[4]
        provider = _oidc_provider(inner, account, claims["iss"])
        audience = accepted_audience(claims, provider["ClientIDList"])
        # In a thread: the issuer may be slow, and other calls must continue.
        await asyncio.to_thread(_verify, keys, claims["iss"], token)
        check_times(claims, clock())
        status, headers, body = await proceed(call.with_params(WebIdentityToken=_as_compared(claims, audience)))
        if status != 200:  # noqa: PLR2004 - HTTP: OK
            return status, headers, body
        values = {
            "SubjectFromWebIdentityToken": claims["sub"],
            "Audience": audience,
            # The documentation says that this is the iss claim; recorded answers have the ARN of the OIDC provider.
            "Provider": provider["Arn"],
        }
        return status, headers, _with_elements(body, values)

    return step


def read_claims(token: str) -> Claims:
    """Return the claims of a token; the signature is checked later.

    Raises:
        RefusalError: The token is not a JWT, or a required claim is missing or of the wrong type
            (https://openid.net/specs/openid-connect-core-1_0.html#IDToken).
    """
    try:
        claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError) as error:
        raise RefusalError("InvalidIdentityToken", _NO_JWT) from error
    for name in ("iss", "sub", "aud", "iat", "exp"):
        if claims.get(name) is None or (name != "sub" and claims[name] in ("", [])):
            raise RefusalError("InvalidIdentityToken", f"Missing a required claim: {name}")
    texts = [claims["iss"], claims["sub"]]
    times = [claims["exp"], claims["iat"], claims.get("nbf", 0)]
    if not all(isinstance(text, str) for text in texts) or not all(_is_number(time) for time in times):
        raise RefusalError("InvalidIdentityToken", _NO_JWT)
    return claims


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def accepted_audience(claims: Claims, client_ids: list[str]) -> str:
    """Return the audience of a token: ``azp`` if present, else ``aud``, which may be a list of one.

    Real AWS does so (us-east-1, 2026-09-11, recorded calls), and refuses a token with several audiences and no ``azp``
    with this message; two other reports agree.

    Raises:
        RefusalError: The token has several audiences and no ``azp``, or the OIDC provider does not list the audience.
    """
    audiences = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    if "azp" in claims:
        if claims["azp"] not in client_ids:
            raise RefusalError("InvalidIdentityToken", _NOT_VALIDATED)
        return str(claims["azp"])
    if len(audiences) > 1:
        raise RefusalError("InvalidIdentityToken", _SEVERAL_AUDIENCES)
    if audiences[0] not in client_ids:
        raise RefusalError("InvalidIdentityToken", "Incorrect token audience")
    return str(audiences[0])


def _as_compared(claims: Claims, audience: str) -> str:
    """Return a token whose ``aud`` is the audience to compare: ministack reads neither ``azp`` nor a list of one.

    ministack does not check the signature.
    """
    return jwt.encode({**claims, "aud": audience}, "unused" * 8, algorithm="HS256")


def check_times(claims: Claims, now: float) -> None:
    """Check the times of a token.

    Raises:
        RefusalError: ``ExpiredTokenException`` (the code on the wire of the error ExpiredToken) from five minutes after
            ``exp``; ``InvalidIdentityToken`` if ``iat`` or ``nbf`` is more than five minutes ahead.
    """
    if now >= claims["exp"] + LEEWAY:
        message = f"Token expired: current date/time {int(now) - LEEWAY} must be before the expiration date/time "
        message += str(claims["exp"])
        raise RefusalError("ExpiredTokenException", message)
    if max(claims["iat"], claims.get("nbf", 0)) > now + LEEWAY:
        raise RefusalError("InvalidIdentityToken", _NOT_VALID)


def _oidc_provider(inner: Inner, account: str, issuer: str) -> dict[str, Any]:
    """Return the OIDC provider whose URL is exactly the issuer."""
    arn = f"arn:aws:iam::{account}:oidc-provider/{issuer.removeprefix('https://').rstrip('/')}"
    provider = inner.oidc_provider(account, arn)
    if provider is None or provider["Url"] != issuer:
        message = f"No OpenIDConnect provider found in your account for {issuer}"
        raise RefusalError("InvalidIdentityToken", message)
    return provider


def _verify(keys: IssuerKeys, issuer: str, token: str) -> None:
    header = jwt.get_unverified_header(token)
    try:
        key = keys.key(issuer, str(header.get("kid", "")))
    except UnreachableError as error:
        message = f"Error communicating with the identity provider: {error}"
        raise RefusalError("IDPCommunicationError", message) from error
    except UnusableError as error:
        raise RefusalError("InvalidIdentityToken", _NO_KEY) from error
    if key is None:
        raise RefusalError("InvalidIdentityToken", _NO_KEY)
    try:
        jwt.PyJWS().decode_complete(token, key.key, algorithms=ALGORITHMS)
    except (jwt.PyJWTError, TypeError, ValueError) as error:
        raise RefusalError("InvalidIdentityToken", _NOT_VALID) from error


def _with_elements(body: bytes, values: Mapping[str, str]) -> bytes:
    text = body.decode()
    for name, value in values.items():
        # A backslash is doubled, since in a replacement it begins a group reference.
        element = f"<{name}>{escape(value)}</{name}>".replace("\\", r"\\")
        text, count = re.subn(rf"<{name}>[^<]*</{name}>", element, text)
        if count != 1:
            raise RefusalError("InternalFailure", f"the inner emulator's answer has {count} elements {name}", 500)
    return text.encode()
