"""A call of AssumeRoleWithWebIdentity, and its condition keys."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from access.evaluation.condition_keys import CALLER_TYPE, ROLES_CLAIM, is_always_absent, is_claim_key
from oidc.errors import EvaluationError

Values = tuple[str, ...]
"""The values of a key in the request; most keys have one."""

_HTTPS = "https://"
_NO_OTHER_CLAIMS = "api.bitbucket.org/"
_SESSION_TAGS = ("https://aws.amazon.com/tags", "https://aws.amazon.com/source_identity")


@dataclass(frozen=True, slots=True)
class WebIdentityRequest:
    """A call of AssumeRoleWithWebIdentity with a token whose signature is good.

    Attributes:
        claims: Of the token. Without ``iat`` and ``exp`` they count as claims of a token that was just issued.
        account: The account of the role, for example ``222222222222``.
        at: The time of the call, with a time zone.
        partition: The partition of the role: ``aws``, ``aws-us-gov``, ``aws-cn`` or ``aws-eusc``.
        source_ip: Source address of the call, for example ``203.0.113.7``; ``None`` if AWS cannot see one.
        vpc_endpoint: The VPC endpoint that it goes through, for example ``vpce-0a1b2c3d4e5f60718``, or ``None``.
        session_name: ``RoleSessionName``, or ``None`` if unknown.
        role_arn: ARN of the role, or ``None`` if unknown.
        is_token: Whether ``claims`` are all claims of a token, so no other claim is assumed.
    """

    claims: Mapping[str, Any]
    account: str
    at: datetime
    partition: str = "aws"
    source_ip: str | None = None
    vpc_endpoint: str | None = None
    session_name: str | None = None
    role_arn: str | None = None
    is_token: bool = False

    @property
    def has_times(self) -> bool:
        """Whether ``iat`` and ``exp`` are checked."""
        return self.is_token or not self.claims.keys().isdisjoint({"iat", "exp"})

    @property
    def issuer_path(self) -> str:
        """The issuer without ``https://``: the prefix of its condition keys.

        Raises:
            EvaluationError: The token's issuer is not an ``https://`` URL.
        """
        issuer = self.claims.get("iss")
        if not isinstance(issuer, str) or not issuer.startswith(_HTTPS):
            raise EvaluationError(f"the token's iss is {issuer!r}", do="give the issuer's URL with https://")
        return issuer.removeprefix(_HTTPS)

    @property
    def oidc_provider_arn(self) -> str:
        """The principal of the call: the OIDC provider of the token's issuer in the role's account.

        "arn:aws:iam::AWS-account-ID:oidc-provider/…", in the same account as the role:
        https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html, "OIDC federated
        principals", and https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html.
        """
        return f"arn:{self.partition}:iam::{self.account}:oidc-provider/{self.issuer_path}"


class RequestContext:
    """The condition keys of a call by name, in any case.

    "Context key names are not case-sensitive":
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition.html
    """

    def __init__(self, request: WebIdentityRequest) -> None:
        self._issuer = request.issuer_path.lower()
        self._claims = {name.lower(): value for name, value in request.claims.items()}
        self._known = _claim_keys(self._issuer, request.claims) | _call_keys(request) | _caller_keys(request)

    def values(self, key: str) -> Values | None:
        """Return the values of a key in the call, or ``None`` if the call lacks it.

        Raises:
            EvaluationError: It is not known whether the call has the key.
        """
        name = key.lower()
        if name in self._known:
            return self._known[name]
        if is_always_absent(name):
            return None
        prefix, _, claim = name.rpartition(":")
        if prefix == self._issuer and not self._issuer.startswith(_NO_OTHER_CLAIMS):
            if is_claim_key(name):
                return _texts(claim, self._claims[claim]) if claim in self._claims else None
            raise EvaluationError(f"it is not known whether STS compares the claim {claim} of {prefix}")
        if "." in prefix:
            # A claim of Bitbucket that STS ignores, or a key of another issuer, which this token never has.
            return None
        raise EvaluationError(
            f"the condition key {key} is unknown", do="decide by hand, or remove it from the trust policy"
        )


def _claim_keys(issuer: str, claims: Mapping[str, Any]) -> dict[str, Values | None]:
    """Return the keys from a token: ``aud``, ``sub``, ``amr``, ``email``, ``oaud``, and no others for Bitbucket.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html, "Available keys
    for AWS OIDC federation": the keys of every OIDC provider, and no further ones for Bitbucket. If the token has
    ``azp``, ``aud`` compares with that, and the token's audience is ``oaud``. A list of one audience is that
    audience (RFC 7519, 4.1.3), as in the tokens of EKS, whose trust policies compare ``aud`` by ``StringEquals``
    (https://docs.aws.amazon.com/eks/latest/userguide/associate-service-account-role.html). A ``sub`` that is a number
    counts as its text, and it may be empty (both seen, see ``token_checks``).
    """
    for name in claims:
        if name.startswith(_SESSION_TAGS):
            raise EvaluationError(f"the token has {name}, and session tags are not evaluated here")
    audience, subject = _texts("aud", claims["aud"]), claims["sub"]
    azp = _texts("azp", claims["azp"]) if claims.get("azp") else None
    is_number = isinstance(subject, int) and not isinstance(subject, bool)
    return {
        f"{issuer}:aud": azp or audience,
        f"{issuer}:oaud": audience if azp else None,
        f"{issuer}:sub": (str(subject),) if is_number else _texts("sub", subject),
        **{f"{issuer}:{name}": _texts(name, claims[name]) if name in claims else None for name in ("amr", "email")},
    }


def _texts(name: str, value: object) -> Values:
    values = value if isinstance(value, list | tuple) else (value,)
    if not values or not all(isinstance(each, str) for each in values):
        raise EvaluationError(f"the token's {name} is {value!r}", do="give text, or a list of texts")
    return tuple(map(str, values))


def _caller_keys(request: WebIdentityRequest) -> dict[str, Values | None]:
    """Return the keys about the caller, which is the OIDC provider (seen, see ``condition_keys``)."""
    return {
        "aws:principalaccount": (request.account,),
        "aws:principaltype": (CALLER_TYPE,),
        "aws:userid": (request.oidc_provider_arn,),
        # A token whose claim does not name the role was refused before.
        "sts:roleauthorizedbyidp": ("false" if request.claims.get(ROLES_CLAIM) is None else "true",),
    }


def _call_keys(request: WebIdentityRequest) -> dict[str, Values | None]:
    """Return the condition keys of the call itself, which do not depend on the caller.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html. ``aws:SourceIp`` is
    "always present in the request context, except when the requester uses a VPC endpoint"; the address is then
    ``aws:VpcSourceIp``, with ``aws:SourceVpce``. STS accepts only TLS.
    """
    if request.at.tzinfo is None:
        raise EvaluationError("the time of the call has no time zone", do="give one")
    at = request.at.astimezone(UTC)
    through_endpoint = request.vpc_endpoint is not None
    address = None if request.source_ip is None else (request.source_ip,)
    keys: dict[str, Values | None] = {
        "aws:currenttime": (at.isoformat(),),
        "aws:epochtime": (str(int(at.timestamp())),),
        "aws:securetransport": ("true",),
        "aws:sourceip": None if through_endpoint else address,
        "aws:vpcsourceip": address if through_endpoint else None,
        "aws:sourcevpce": (request.vpc_endpoint,) if request.vpc_endpoint is not None else None,
    }
    if not through_endpoint:
        keys["aws:sourcevpc"] = None
    if request.session_name is not None:
        keys["sts:rolesessionname"] = (request.session_name,)
    return keys
