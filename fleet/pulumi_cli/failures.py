"""Tell why a run of the CLI failed, and what to do: by the error codes of AWS in the provider's diagnostics.

NOTE: intentional: this reads text. The CLI's events have no code for a failure of AWS, only the text of the provider,
and in that text the code of AWS: ``api error Throttling: Rate exceeded`` of the official provider
(``GenericAPIError`` of https://github.com/aws/smithy-go), ``AWS refused CreateRole: Throttling: …`` of the sandbox's.
"""

import re
from collections.abc import Iterable
from enum import StrEnum

_CODE = re.compile(r"(?:\bapi error |\bAWS refused \w+: )([A-Za-z]+)")
_NO_ANSWER = re.compile(
    r"request send failed|exceeded maximum number of attempts|\bAWS could not be called: |\bdial tcp\b|no such host"
    r"|connection re(?:set|fused)|i/o timeout|TLS handshake timeout"
)
"""The network failures of Go's ``net`` and of aws-sdk-go-v2, and the sandbox's provider."""

_THROTTLED = frozenset({
    "Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled", "RequestThrottledException",
    "TooManyRequestsException", "RequestLimitExceeded", "BandwidthLimitExceeded", "LimitExceededException",
    "ProvisionedThroughputExceededException", "PriorRequestNotComplete", "TransactionInProgressException",
    "EC2ThrottledException", "SlowDown", "ServiceUnavailable", "InternalFailure", "InternalError", "ServiceFailure",
    "ServiceFailureException", "ConcurrentModification", "ConcurrentModificationException",
})  # fmt: skip
"""https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html and the IAM API reference."""

_EXPIRED = frozenset({
    "ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired", "IDPCommunicationError",
})  # fmt: skip
_DENIED = frozenset({
    "AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "InvalidClientTokenId", "SignatureDoesNotMatch",
    "UnrecognizedClientException", "OptInRequired",
})  # fmt: skip
"""https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html and the errors of STS."""


class FailureKind(StrEnum):
    """The cause of a failed run."""

    THROTTLED = "throttled"
    EXPIRED = "expired"
    UNREACHABLE = "unreachable"
    DENIED = "denied"
    OTHER = "other"


PASSING = frozenset({FailureKind.THROTTLED, FailureKind.EXPIRED, FailureKind.UNREACHABLE})
"""Causes that may be gone when the same run is started again; a new process asks for credentials again."""

WHAT_TO_DO = {
    FailureKind.THROTTLED: "AWS throttled the calls again and again: run the same command later, with less --parallel",
    FailureKind.EXPIRED: "log in to AWS again, and run the same command again",
    FailureKind.UNREACHABLE: "check the network and the proxy of this machine, and run the same command again",
    FailureKind.DENIED: (
        "check the credentials of this run and that it may assume the account's deploying role, and give that role "
        "the policy that `bitbucket-oidc deploy-policy` prints"
    ),
    FailureKind.OTHER: "remove the cause, and run the same command again: it does the rest",
}


def kind_of(diagnostics: Iterable[str]) -> FailureKind:
    """Return the cause of a failed run.

    A run may fail for several causes. It is started again only if all of them may be gone by then.

    Args:
        diagnostics: The error texts of the CLI and the AWS provider.
    """
    kinds = {_kind(text) for text in diagnostics} or {FailureKind.OTHER}
    ranked = (FailureKind.DENIED, FailureKind.OTHER, FailureKind.EXPIRED, FailureKind.THROTTLED)
    return next((kind for kind in ranked if kind in kinds), FailureKind.UNREACHABLE)


def _kind(text: str) -> FailureKind:
    codes = set(_CODE.findall(text))
    for kind, known in (
        (FailureKind.DENIED, _DENIED), (FailureKind.EXPIRED, _EXPIRED), (FailureKind.THROTTLED, _THROTTLED),
    ):  # fmt: skip
        if codes & known:
            return kind
    if not codes and _NO_ANSWER.search(text):
        return FailureKind.UNREACHABLE
    return FailureKind.OTHER
